"""Checks judge one channel each, on the node and again on the host: pure, integer, one contract (see
base.py).

A new type is a module with a subclass of base.Check and one line in TYPES.
"""

from babbitt_node.checks.anomaly import Anomaly
from babbitt_node.checks.limit import Limit
from babbitt_node.checks.zscore import ZScore
from babbitt_node.errors import NodeError

TYPES = {"anomaly": Anomaly, "limit": Limit, "zscore": ZScore}
_ID = "abcdefghijklmnopqrstuvwxyz0123456789_.-"


def make(spec, channel_index):
    """A check from one entry of `checks` in config.json.

    spec: dict with `id`, `type`, `channel` and the settings of the type. channel_index: place of the channel
    in a record, an int >= 0; the caller has looked it up. Raises NodeError `config_invalid`; its detail is
    'key: reason', or 'checks: reason' if there are no keys.
    """
    if type(spec) is not dict:
        raise NodeError("config_invalid", "checks: a check must be an object, not %r" % (spec,))
    for key in ("id", "channel"):
        text = spec.get(key)
        if type(text) is not str or not 1 <= len(text) <= 32 or not all(c in _ID for c in text):
            raise NodeError("config_invalid", "%s: must be 1..32 of a-z 0-9 _ . -, not %r" % (key, text))
    kind = spec.get("type")
    if type(kind) is not str or kind not in TYPES:
        raise NodeError("config_invalid", "type: %r is none of %s" % (kind, ", ".join(sorted(TYPES))))
    if type(channel_index) is not int or channel_index < 0:
        raise NodeError("config_invalid", "channel: no such channel %r" % spec["channel"])
    return TYPES[kind](spec, channel_index)
