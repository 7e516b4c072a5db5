"""A station of a whole configuration: its checks, recipes and what it hands on to the next one."""

import asyncio

from helpers import node_error

from babbitt_node.config import validate
from babbitt_node.station import Station


class Wire:
    """A 1-Wire bus to which nothing is connected."""

    def reset(self):
        return False


class Board:
    def bus(self, name):
        return Wire()


class Clock:
    """A record every 10 s."""

    def __init__(self):
        self._u = 0

    def u(self):
        self._u += 10000
        return self._u


def station(*checks, before=None, **more):
    doc = {
        "asset": {"name": "a", "kind": "machine"},
        "sensors": [{"id": "temp", "driver": "ds18b20", "bus": "ow0", "every_s": 10}],
        "checks": list(checks),
    }
    doc.update(more)
    return Station(validate(doc), Board(), None, before)


USUAL = {"id": "usual", "type": "zscore", "channel": "temp.mean", "learn": 8}
MISSING = {"id": "gone", "type": "missing", "channel": "temp.mean", "on_delay_s": 20}
RANGE = {"id": "possible", "type": "range", "channel": "temp.mean", "latch": True}
VOTE = {"id": "both", "type": "vote", "of": ["gone", "possible"], "k": 1}


def records(made, values, clock):
    """Every change that the values of temp.mean bring."""

    async def run():
        told = []
        for value in values:
            assert await made.slot(clock)
            made.values[0] = value
            told += [(check.id, check.state) for check in made.judge()]
        return told

    return asyncio.run(run())


def test_from_values_to_changes_with_every_kind_of_check():
    made, clock = station(USUAL, MISSING, RANGE, VOTE), Clock()
    assert records(made, [20000] * 8, clock) == [("usual", "N")]
    assert made.values[1:] == [None] * 3 and made.faults() == {"temp": "no_device"}
    assert records(made, [None] * 3, clock) == [("gone", "L"), ("both", "H")]
    # The range is that of the sensor: up to 125 degrees.
    assert records(made, [125000, 125001], clock) == [
        ("gone", "N"), ("usual", "H"), ("both", "N"), ("possible", "H"), ("both", "H")
    ]  # fmt: skip
    assert records(made, [20000], clock) == [("usual", "N")]
    assert made.release(["possible"]) == ["possible"]
    assert records(made, [20000], clock) == [("possible", "N"), ("both", "N")]


def test_recipes_and_learning_again():
    made, clock = station(USUAL, running={"settle_s": 0}), Clock()
    records(made, [20000] * 8, clock)
    assert made.recipe == 0
    made.set_recipe(9)
    assert made.recipe == 0  # the record that is being measured still belongs to it
    assert records(made, [50000], clock) == [("usual", "learning")] and made.recipe == 9
    assert records(made, [50000] * 8, clock) == [("usual", "N")]
    assert made.relearn() == ["usual"]
    assert records(made, [50000] * 8, clock) == [("usual", "learning"), ("usual", "N")]
    node_error("bad_message", made.set_recipe, 256)
    node_error("bad_message", made.relearn, ["other"])
    made.close()
    again = station(USUAL)
    assert records(again, [50000], clock) == []
    assert again.recipe == 9 and records(again, [80000], clock) == [("usual", "H")]


def test_another_configuration_takes_over():
    before, clock = station(USUAL), Clock()
    before.set_recipe(3)
    records(before, [20000] * 20, clock)
    after = station(MISSING, USUAL)
    after.take_over(before)
    assert after.recipe == 3
    assert records(after, [20000, 40000], clock) == [("usual", "H")]


def test_what_stays_the_same_is_not_made_twice():
    before, clock = station(USUAL, MISSING, RANGE, VOTE), Clock()
    records(before, [20000] * 8, clock)
    other = dict(MISSING, on_delay_s=30)
    after = station(RANGE, USUAL, other, VOTE, before=before)
    assert after.samplers[0] is before.samplers[0]
    shared = [check in before.checks for check in after.checks]
    assert shared == [True, True, False, False]
    # The one that runs goes on, with the checks it has, until the other one takes over.
    assert records(before, [None] * 3, clock) == [("gone", "L"), ("both", "H")]
    after.take_over(before)
    assert records(after, [None] * 4 + [20000], clock) == [
        ("both", "N"),  # `gone` was made anew
        ("gone", "L"),
        ("both", "H"),
        ("gone", "N"),
        ("both", "N"),
    ]
    slower = station(USUAL, interval_s=20, before=after)
    assert slower.samplers[0] is not after.samplers[0] and slower.checks[0] is not after.checks[1]


def test_a_station_without_a_configuration_does_nothing():
    made, clock = Station(None, Board(), None), Clock()

    async def run():
        return await made.slot(clock), list(made.judge())

    assert asyncio.run(run()) == (True, []) and made.recipe == 0
    assert made.relearn() == made.release() == []
    made.close()
    after = station(USUAL)
    after.take_over(made)
    assert records(after, [20000] * 8, clock) == [("usual", "N")]
