"""Every error of the node has a name, and the name is what goes over the wire.

A caller that can act on an error looks at `.name`; a person reads `.detail`. Names are never reused for
something else.
"""

NAMES = (
    "no_device",  # the sensor does not answer on its bus
    "wrong_identity",  # something answers, but it is not the device the configuration names
    "crc",  # a reading arrived damaged
    "power_on_value",  # the sensor reports its power-on value, not a measurement
    "range",  # a value lies outside what the sensor or the message can hold
    "stuck",  # the sensor repeats the same value although it must not
    "clipping",  # so many samples are at the sensor's limit that the window says nothing
    "loose",  # the accelerometer does not lie as it did: gravity comes from another side
    "silent",  # the sensor answers but gives no samples
    "wire_break",  # a wire of the sensor, or the sensor itself, is open
    "short_circuit",  # a wire of the sensor, or the sensor itself, is shorted
    "overrange",  # an input is driven beyond what a working sensor gives
    "wrong_rate",  # the sensor does not sample at the rate it was set to
    "timeout",  # an answer did not come in time
    "fifo_overflow",  # samples were lost because the sensor's FIFO was full
    "config_invalid",  # a configuration breaks a rule; the detail names the path and the reason
    "spool_full",  # a record does not fit into the spool
    "spool_corrupt",  # the spool holds bytes that are no record
    "broker_refused",  # the broker refused the connection or the subscription
    "broker_lost",  # the connection to the broker ended
    "tls_error",  # the broker or the node could not prove who it is; the detail says what TLS said
    "no_time",  # no source of time gave an answer that can be believed
    "ntp_refused",  # the time server asks to be left alone; the detail ends with its kiss code
    "network_down",  # there is no network to reach the broker by
    "bad_message",  # a message breaks a rule of the protocol
    "too_large",  # a message or a document is larger than its limit
    "memory",  # there is not enough free memory for the step
    "replayed",  # a command was taken before, or is for another boot or installation
    "busy",  # the node is doing what can be done only once at a time
    "not_available",  # the node does not have what is asked for
    "no_room",  # the flash has no room
    "internal",  # a rule inside the node was broken: a defect, please report it
)


class NodeError(Exception):
    """An error with a name out of NAMES and a detail for people.

    name: one of NAMES; anything else becomes `internal` (the detail says which name it was), so that an error
    path never fails itself.
    detail: what, where and what to do; may be empty.
    """

    def __init__(self, name, detail=""):
        if name not in NAMES:
            detail = "unknown error name %r: %s" % (name, detail)
            name = "internal"
        super().__init__("%s: %s" % (name, detail) if detail else name)
        self.name = name
        self.detail = detail


class ConfigError(NodeError):
    """A document breaks a rule. `path` is where (`checks[2].h`, empty for the whole), `reason` what, for
    people.
    """

    def __init__(self, path, reason):
        super().__init__("config_invalid", "%s: %s" % (path, reason) if path else reason)
        self.path = path
        self.reason = reason[:128]
