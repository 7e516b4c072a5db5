"""Sister machines: what they are like together, and a machine by them."""

from __future__ import annotations

import math
import random

import pytest

from babbitt.detection.baseline import LEARN, Baseline
from babbitt.detection.sisters import LEAST, Learnt, compared, pooled, unlike
from babbitt.manipulation.features import features
from babbitt.prognosis.machine import MachineAnalyser
from babbitt.protocol.assessment import Asset, Sisters
from synthetic import Record, machine


def scaled(records: list[Record], by: float) -> list[Record]:
    """The same machine on another foundation: all energies so many times as large."""
    energy = (".rms", ".peak")
    return [(t, {c: v * by if c.endswith(energy) and v else v for c, v in row.items()}) for t, row in records]


def learnt(by: float, seed: int) -> Learnt:
    baseline = Baseline()
    for _, values in scaled(machine(90, seed, failing=False), by):
        baseline.update(values)
    state = baseline.dump()
    return Learnt(state["centre"], state["limit"], state["level_g"])


def sisters(count: int, seed: int = 0) -> list[Learnt]:
    rng = random.Random(seed)
    return [learnt(math.exp(rng.gauss(0, 0.15)), seed * 100 + n) for n in range(count)]


def asset(**more: object) -> Asset:
    return Asset("hall", "new", "Fan", "machine", 30, {}, **more)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def pool() -> Sisters:
    found = pooled(sisters(6))
    assert found is not None
    return found


def judge(about: Asset, records: list[Record]) -> tuple[MachineAnalyser, list[tuple[str, str]]]:
    analyser = MachineAnalyser.load(about, {})
    said = []
    for t, values in records:
        one = analyser.update(t, values)
        said.append((one.level, one.basis))
        # Nothing but the state goes from one record to the next.
        analyser = MachineAnalyser.load(about, analyser.dump())
    return analyser, said


def test_too_few_sisters_say_nothing() -> None:
    assert pooled(sisters(LEAST - 1)) is None
    few, more = pooled(sisters(LEAST)), pooled(sisters(8))
    assert few is not None
    assert more is not None
    assert (few.count, more.count) == (3, 8)


def test_one_that_was_ill_when_it_was_learnt_moves_neither_the_middle_nor_the_limits_much() -> None:
    well = sisters(6)
    clean, dirty = pooled(well), pooled([*well, learnt(5.0, 99)])
    assert clean is not None
    assert dirty is not None
    for channel in ("vib.x.rms", "vib.y.peak"):
        assert abs(dirty.centre[channel] - clean.centre[channel]) < 0.1
        assert dirty.limit[channel] < 1.6 * clean.limit[channel]


def test_a_new_machine_is_judged_by_its_sisters_until_its_own_state_is_learnt(pool: Sisters) -> None:
    _, said = judge(asset(sisters=pool), machine(120, 7, failing=False))
    assert said[:3] == [("learning", "limits")] * 3
    assert said[3:LEARN] == [("normal", "sisters")] * (LEARN - 3)
    assert said[LEARN + 10 :] == [("normal", "own")] * (120 - LEARN - 10)
    assert {one for one, _ in judge(asset(), machine(LEARN - 1, 7, failing=False))[1]} == {"learning"}


def test_one_that_is_bad_from_the_first_day_is_told_and_never_learnt_as_normal(pool: Sisters) -> None:
    bad = scaled(machine(400, 8, failing=False), 4.0)
    analyser, said = judge(asset(sisters=pool), bad)
    assert said[10][0] in ("warning", "alarm")
    assert {basis for _, basis in said[10:]} == {"sisters"}
    assert not analyser.baseline.learnt
    assert "vib.x.rms" in analyser.baseline.unlike
    # Without sisters it is learnt as it is.
    alone, quiet = judge(asset(), bad)
    assert alone.baseline.learnt
    assert quiet[-1] == ("normal", "own")


def test_a_person_who_accepts_it_has_it_learnt_as_it_is(pool: Sisters) -> None:
    about = asset(sisters=pool, accepted=True)
    analyser, said = judge(about, scaled(machine(120, 8, failing=False), 4.0))
    assert analyser.baseline.learnt
    assert {level for level, _ in said} == {"learning", "normal"}


def test_a_machine_at_rest_is_not_compared(pool: Sisters) -> None:
    still = [(t, {c: 0.002 for c in row if c.endswith(".rms")}) for t, row in machine(30, 7, failing=False)]
    low = scaled(machine(30, 7, failing=False), 0.1)
    for records in (still, low):
        assert {one for one, _ in judge(asset(sisters=pool), records)[1]} == {"learning"}


def test_what_is_unlike_is_an_energy_and_the_farthest_comes_first(pool: Sisters) -> None:
    centre = dict(pool.centre)
    assert unlike(centre, pool) == ()
    centre["vib.x.kurt"] += 9.0
    assert unlike(centre, pool) == ()
    centre["vib.x.rms"] += 2.0 * pool.limit["vib.x.rms"]
    centre["vib.z.peak"] -= 3.0 * pool.limit["vib.z.peak"]
    assert unlike(centre, pool) == ("vib.z.peak", "vib.x.rms")
    score, drivers, _ = compared([features({"vib.x.rms": 30.0})] * 7, pool)
    assert score > 3
    assert drivers == ("vib.x.rms",)
