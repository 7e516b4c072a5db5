"""Every type of check in two settings, and series for them: what the tests of the contract (checks/base.py)
share.
"""

from array import array

from helpers import Random

import babbitt_node.checks as package
from babbitt_node.checks import TYPES, find, make
from babbitt_node.checks.base import table
from babbitt_node.hal.port import forget

# Two specifications of every type: one bare, one with everything set. A new type must be added here.
SPECS = {
    "anomaly": (
        {"learn": 16, "recent": 3, "hold": 40},
        {
            "learn": 16,
            "recent": 2,
            "limit": 20,
            "margin": 2,
            "hold": 40,
            "floor_abs": 20,
            "on_delay_s": 10,
            "off_delay_s": 5,
        },
    ),
    "cusum": (
        {"learn": 8, "k10": 1, "h10": 20},
        {
            "learn": 16,
            "k10": 5,
            "h10": 20,
            "floor": 100,
            "floor_abs": 0,
            "level": "alarm",
            "on_delay_s": 10,
            "off_delay_s": 10,
        },
    ),
    "flat": (
        {"tolerance": 2000, "on_delay_s": 20},
        {"tolerance": 4000, "on_delay_s": 45, "level": "alarm"},
    ),
    "limit": (
        {"h": 4000},
        {
            "ll": -9000,
            "l": -3000,
            "h": 3000,
            "hh": 9000,
            "hysteresis": 500,
            "on_delay_s": 25,
            "off_delay_s": 15,
        },
    ),
    "missing": (
        {"on_delay_s": 0},
        {"on_delay_s": 0, "off_delay_s": 15, "level": "alarm"},
    ),
    "range": (
        {"lo": -5000, "hi": 5000},
        {"lo": -9000, "hi": 3000, "level": "alarm", "on_delay_s": 10, "off_delay_s": 15},
    ),
    "rate": (
        {"h": 100000, "records": 4},
        {
            "per": "minute",
            "records": 8,
            "ll": -3000,
            "l": -1000,
            "h": 1000,
            "hh": 3000,
            "hysteresis": 200,
            "on_delay_s": 10,
            "off_delay_s": 15,
        },
    ),
    "vote": (
        {"of": ["a", "b", "d"]},
        {"of": ["a", "b", "d", "e", "f", "g"], "k": 3, "on_delay_s": 10, "off_delay_s": 15},
    ),
    "zscore": (
        {"learn": 8, "z10": 30, "floor_abs": 50},
        {
            "learn": 16,
            "z10": 25,
            "shift": 3,
            "floor": 100,
            "floor_abs": 0,
            "on_delay_s": 20,
            "off_delay_s": 10,
        },
    ),
}
MAX = (1 << 30) - 1


def checks(latched=True):
    """(type, settings) of every specification; the bare one also with a latch."""
    for kind in sorted(TYPES):
        for settings in SPECS[kind]:
            yield kind, settings
        if latched:
            settings = dict(SPECS[kind][0])
            settings["latch"] = True
            yield kind, settings
        let_go(kind)


def let_go(kind):
    """Give back the memory of a type: all of them at once are more than a node is for."""
    package._found.pop(kind, None)
    forget("checks." + kind, "checks.rows")


def spec_of(kind, settings):
    spec = {"id": "c", "type": kind}
    if find(kind).CHANNEL:
        spec["channel"] = "vib.x.rms"
    spec.update(settings)
    return spec


def build(kind, settings, **more):
    spec = spec_of(kind, settings)
    spec.update(more)
    return make(spec, 0)


def edge(kind, high):
    """Every setting that has a default at the end of its range."""
    found = {}
    for name, low, most, default in table(find(kind)):
        if default == ():
            found[name] = ["v%d" % i for i in range(most if high else low)]
        elif type(low) is tuple:
            found[name] = low[-1 if high else 0]
        elif default is not None:
            found[name] = most if high else low
    return found


def wrong(row):
    """Values that a setting must refuse."""
    _, low, high, default = row
    if default == ():
        return ([], ["a"] * low, "x", [1] * low, ["b%d" % i for i in range(high + 1)])
    if type(low) is tuple:
        return ("x", 0.5, 1, True)
    return (low - 1, high + 1, "x", 0.5)


def series(seed, n):
    """A wild ride: noise, spikes, steps, drifts, gaps, extremes, odd intervals."""
    random = Random(seed)
    level = 0
    for i in range(n):
        kind = random.between(0, 19)
        if kind == 0:
            yield None, 10000
        elif kind == 1:
            yield random.between(-12000, 12000), 10000
        elif kind == 2:
            yield (MAX, -MAX, 1 << 40, -(1 << 40), 0)[random.between(0, 4)], 10000
        elif kind == 3:
            level = random.between(-9500, 9500)
            yield level, (0, 1, 999, -5, 1 << 40)[random.between(0, 4)]
        else:
            yield level + random.between(-300, 300) + 10 * (i % 50), 10000


def story(check, values):
    """Every transition as a list, and the final state."""
    told = []
    for i, (value, dt_ms) in enumerate(values):
        if check.update(value, dt_ms):
            more = (check.previous, check.severity, check.value, check.limit, check.held_s)
            told.append((i, check.state, "%r %r" % (more, sorted(check.evidence().items()))))
    state = array("i", [0] * check.SIZE)
    check.dump(state)
    return told, list(state)
