"""The upward messages that are not records: birth, state and reported, written into one buffer.

They are needed once a minute at most, so the node reaches them by `port.once`. Each takes a `wire.Writer` (reset
by the caller), and writes the fields in the order of docs/protocol.md. Dicts of MicroPython have no order of
their own, so every object says its keys. Raises NodeError too_large when the buffer is too small.
"""

import babbitt_node
from babbitt_node.errors import NodeError
from babbitt_node.hal import port

BIRTH_MAX = 8192

_BIRTH = (
    "i",
    "fw",
    "board",
    "boot",
    "reset",
    "crash",
    "prev",
    "oldest",
    "discards",
    "q",
    "asset",
    "interval",
    "hold",
)
_STATE = (
    "online",
    "i",
    "boot",
    "u",
    "t",
    "q",
    "rssi",
    "heap_free",
    "heap_block",
    "lag",
    "next",
    "sent",
    "spool",
    "discarded",
    "discards",
)
_KEYS = {
    "prev": ("boot", "next", "clean"),
    "oldest": ("boot", "seq"),
    "asset": ("name", "kind"),
    "channels": ("id", "unit", "exp", "lo", "hi"),
    "sensors": ("id", "driver", "fault", "rate", "window", "band"),
    "config": ("version", "hash"),
    "spool": ("records", "bytes", "corrupt"),
    "discarded": ("rows", "events"),
    "judge": ("recipe", "machine", "writes"),
    "running": ("channel", "above", "hysteresis", "starting_s", "settle_s", "run_in_h"),
    "waves": ("kept", "dropped"),
}
_CHECK = ("id", "type", "channel")


def value(out, item, keys=None):
    """Write None, a bool, an int, text, a list or a dict (with `keys` first and in that order, those it
    has; others sorted).
    """
    if item is None:
        out.null()
    elif item is True or item is False:
        out.bool(item)
    elif isinstance(item, int):
        out.int(item)
    elif isinstance(item, str):
        out.str(item)
    elif isinstance(item, dict):
        order = [k for k in keys or () if k in item]
        order += sorted(k for k in item if k not in order)
        out.raw(b"{")
        for at, key in enumerate(order):
            if at:
                out.raw(b",")
            out.str(key).raw(b":")
            value(out, item[key], _KEYS.get(key))
        out.raw(b"}")
    else:
        out.raw(b"[")
        for at, entry in enumerate(item):
            if at:
                out.raw(b",")
            value(out, entry, keys)
        out.raw(b"]")


def _fields(out, info, names):
    for at, name in enumerate(names):
        out.raw(b"," if at else b"{").str(name).raw(b":")
        value(out, info[name], _KEYS.get(name))


def birth(out, node, station, config, version, digest, since):
    """Write the birth of `node` (`app.Node`) with a station and its configuration, of which `since` is the
    first seq. Raises NodeError too_large beyond BIRTH_MAX.
    """
    identity = node.identity
    oldest = node.spool.oldest(identity.boot, node.recorder.next)
    none = {"asset": {"name": node.settings["node"], "kind": "machine"}, "interval_s": 10, "checks": []}
    config = config or none
    info = {
        "i": identity.install,
        "fw": babbitt_node.__version__,
        "board": node.board.name,
        "boot": identity.boot,
        "reset": node.board.reset_cause(),
        "crash": node.crash,
        "prev": node.prev,
        "oldest": {"boot": oldest[0], "seq": oldest[1]},
        "discards": node.spool.discards.ranges,
        "q": node.clock.q,
        "asset": config["asset"],
        "interval": config["interval_s"],
        # A node that sleeps writes every row before it does.
        "hold": 0 if config.get("power") else node.settings["spool_hold_s"] // config["interval_s"],
        "since": since,
        "config": {"version": version, "hash": digest},
    }
    write_birth(out, info, station.samplers, config["checks"], config.get("running"))
    if out.length > BIRTH_MAX:
        raise NodeError("too_large", "%d bytes, %d are allowed" % (out.length, BIRTH_MAX))


def state(out, node):
    """Write the state of `node` (`app.Node`)."""
    spool = node.spool
    boot = node.identity.boot
    sent = node.publisher.sent
    info = {
        "online": True,
        "i": node.identity.install,
        "boot": boot,
        "u": node.clock.u(),
        "t": node.clock.t(),
        "q": node.clock.q,
        "rssi": node.board.network().rssi(),
        "heap_free": port.mem_free(),
        "heap_block": port.mem_largest(),
        "lag": node.light.take_lag(),
        "next": node.recorder.next,
        "sent": sent[1] if sent[0] == boot else -1,
        "spool": {"records": spool.records, "bytes": spool.bytes, "corrupt": spool.corrupt},
        "discarded": {"rows": spool.discards.rows, "events": spool.discards.events},
        "discards": spool.discards.ranges,
        "faults": node.station.faults(),
        "refused": node.publisher.refused,
        "restarts": node.supervisor.restarts,
        "judge": node.station.judges.info(),
        "cmd": node.taken,
        "waves": {
            "kept": [["%d-%d" % (entry[0], entry[1]), entry[2]] for entry in node.waves.kept],
            "dropped": node.waves.dropped,
        },
    }
    write_state(out, info)


def write_birth(out, info, samplers, checks, running):
    """Write the birth.

    info: every simple field by name, `since` and `config`. samplers: objects with channels() and describe().
    checks: validated entries of the configuration; settings that are absent, false or `always` are left out.
    running: that of the configuration, or None.
    """
    _fields(out, info, _BIRTH)
    out.raw(b',"since":').int(info["since"])
    out.raw(b',"channels":[')
    first = True
    for sampler in samplers:
        for channel in sampler.channels():
            if not first:
                out.raw(b",")
            first = False
            value(out, channel, _KEYS["channels"])
    out.raw(b'],"sensors":')
    value(out, [sampler.describe() for sampler in samplers], _KEYS["sensors"])
    out.raw(b',"checks":[')
    for at, check in enumerate(checks):
        if at:
            out.raw(b",")
        value(out, {k: v for k, v in check.items() if not _left_out(v)}, _CHECK)
    out.raw(b"]")
    if running is not None:
        out.raw(b',"running":')
        value(out, running, _KEYS["running"])
    out.raw(b',"config":')
    value(out, info["config"], _KEYS["config"])
    out.raw(b"}")


def _left_out(setting):
    return setting is None or setting is False or setting == "always"


def write_state(out, info):
    """Write the state. info: every field by name."""
    _fields(out, info, _STATE)
    for name in ("faults", "refused", "restarts", "judge", "cmd", "waves"):
        out.raw(b',"').raw(name.encode()).raw(b'":')
        value(out, info[name], _KEYS.get(name))
    out.raw(b"}")


def reported(out, install, report):
    """Write what became of a configuration. report: version, hash, state; if rejected path and reason."""
    doc = dict(report)
    doc["i"] = install
    value(out, doc, ("i", "version", "hash", "state", "path", "reason"))
