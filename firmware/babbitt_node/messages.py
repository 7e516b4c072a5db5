"""The upward messages that are not records: birth, state and reported, written into one buffer.

Each takes a `wire.Writer` (reset by the caller) and plain values, and writes the fields in the order of
docs/protocol.md. Dicts of MicroPython have no order of their own, so every object says its keys. Raises
NodeError too_large when the buffer is too small.
"""

from babbitt_node.hal.compile import const

BIRTH_MAX = const(8192)
OTHER_MAX = const(4096)

_BIRTH = ("i", "fw", "board", "boot", "reset", "prev", "oldest", "discards", "q", "asset", "interval")
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


def birth(out, info, samplers, checks):
    """Write the birth.

    info: every simple field by name, `since` and `config`. samplers: objects with channels() and describe().
    checks: validated entries of the configuration; settings that are absent are left out.
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
        value(out, {k: v for k, v in check.items() if v is not None}, _CHECK)
    out.raw(b'],"config":')
    value(out, info["config"], _KEYS["config"])
    out.raw(b"}")


def state(out, info):
    """Write the state. info: every field by name."""
    _fields(out, info, _STATE)
    for name in ("faults", "refused", "restarts"):
        out.raw(b',"').raw(name.encode()).raw(b'":')
        value(out, info[name])
    out.raw(b"}")


def reported(out, install, report):
    """Write what became of a configuration. report: version, hash, state; if rejected path and reason."""
    doc = dict(report)
    doc["i"] = install
    value(out, doc, ("i", "version", "hash", "state", "path", "reason"))
