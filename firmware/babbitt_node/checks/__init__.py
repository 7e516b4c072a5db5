"""Checks judge one channel each, on the node and again on the host: pure, integer, one contract (see
base.py).

A new type is a module of its name with a subclass of base.Check, and one line in TYPES. Only the modules of
types that are asked for are loaded.
"""

from babbitt_node.errors import NodeError

TYPES = {  # type, which is the name of its module, and its class
    "anomaly": "Anomaly",
    "cusum": "Cusum",
    "flat": "Flat",
    "limit": "Limit",
    "missing": "Missing",
    "range": "Range",
    "rate": "Rate",
    "vote": "Vote",
    "zscore": "ZScore",
}

_ID = "abcdefghijklmnopqrstuvwxyz0123456789_.-"
_found = {}


def is_id(text):
    """Whether it is an id of a check or a channel: 1..32 of a-z 0-9 _ . -"""
    return type(text) is str and 1 <= len(text) <= 32 and all(c in _ID for c in text)


def find(kind):
    """The class of a type (one of TYPES), loaded if it was not."""
    if kind not in _found:
        module = __import__("babbitt_node.checks." + kind, None, None, (TYPES[kind],))
        _found[kind] = getattr(module, TYPES[kind])
    return _found[kind]


def make(spec, channel_index):
    """A check from one entry of `checks` in config.json.

    spec: dict with `id`, `type`, `channel` and the settings of the type. channel_index: place of the channel
    in a record, an int >= 0; the caller has looked it up; not used for a type without a channel. Raises
    NodeError `config_invalid`; its detail is 'key: reason', or 'checks: reason' if there are no keys.
    """
    if type(spec) is not dict:
        raise NodeError("config_invalid", "checks: a check must be an object, not %r" % (spec,))
    if not is_id(spec.get("id")):
        raise NodeError("config_invalid", "id: must be 1..32 of a-z 0-9 _ . -, not %r" % (spec.get("id"),))
    kind = spec.get("type")
    if type(kind) is not str or kind not in TYPES:
        raise NodeError("config_invalid", "type: %r is none of %s" % (kind, ", ".join(sorted(TYPES))))
    found = find(kind)
    if found.CHANNEL:
        channel = spec.get("channel")
        if not is_id(channel):
            raise NodeError("config_invalid", "channel: must be 1..32 of a-z 0-9 _ . -, not %r" % (channel,))
        if type(channel_index) is not int or channel_index < 0:
            raise NodeError("config_invalid", "channel: no such channel %r" % channel)
    return found(spec, channel_index)
