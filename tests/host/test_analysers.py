"""The contract every `Analyser` keeps. A new analyser joins by one line in `CASES`."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Callable
from typing import Any

import pytest

import synthetic
from babbitt.prognosis.coldroom import ColdRoomAnalyser
from babbitt.prognosis.machine import MachineAnalyser
from babbitt.protocol.assessment import LEVELS, OUTLOOKS, Analyser, Assessment, Asset

Records = list[synthetic.Record]
MACHINE = Asset("plant", "n1", "Pump 7", "machine", 30, {})
LIMITED = Asset("plant", "n1", "Pump 7", "machine", 30, {"vib.x.rms": {"h": 1.1, "hh": 1.4}})
ROOM = Asset("plant", "n2", "Freezer", "cold_room", 480, {"temp.mean": {"l": -30.0, "h": -18.0, "hh": -15.0}})
OPEN_ROOM = Asset("plant", "n2", "Freezer", "cold_room", 480, {})

CASES: dict[str, tuple[type[Any], Asset, Callable[[], Records]]] = {
    "machine": (MachineAnalyser, MACHINE, lambda: synthetic.machine(330, 3, failing=True)),
    "machine with limits": (
        MachineAnalyser,
        LIMITED,
        lambda: synthetic.machine(330, 4, failing=True, sensor="a7"),
    ),
    "cold room": (ColdRoomAnalyser, ROOM, lambda: synthetic.room(330, 5, fading=True)),
    "cold room without limits": (
        ColdRoomAnalyser,
        OPEN_ROOM,
        lambda: synthetic.room(330, 6, fading=True, sensor="air"),
    ),
}


def run(analyser: Analyser, records: Records) -> list[Assessment]:
    out = [analyser.update(t, values) for t, values in records]
    for one in out:
        well_formed(one)
    return out


def well_formed(one: Assessment) -> None:
    assert one.level in LEVELS
    assert one.outlook in OUTLOOKS
    assert one.anomaly is None or (math.isfinite(one.anomaly) and one.anomaly >= 0.0)
    assert one.health is None or 0.0 <= one.health <= 100.0
    if one.level == "learning":
        assert one.health is None
    if one.remaining is not None:
        left = (one.remaining.p10, one.remaining.p50, one.remaining.p90)
        assert all(math.isfinite(h) and h >= 0.0 for h in left)
        assert list(left) == sorted(left)


def garbage(records: Records, seed: int) -> Records:
    """The records with everything a broken sensor, clock or link can do to them."""
    rng = random.Random(seed)
    out: Records = []
    bad = (None, math.nan, math.inf, -math.inf, -1.0, 0.0, 1e300, -1e300, 1e-300, 5e5)
    shift = 0
    for t, values in records:
        dice = rng.random()
        if dice < 0.02:
            shift += rng.choice((5 * 86_400_000, -3 * 86_400_000, 10**12, -(10**12), 2**53))
        broken = dict(values)
        for channel in broken:
            if rng.random() < 0.15:
                broken[channel] = rng.choice(bad)
        if dice > 0.97:
            broken = {}
        elif dice > 0.94:
            broken = {c: rng.choice(bad) for c in broken} | {"x": 1.0, "a.b.c.d": 2.0, "new.mean": 3.0}
        out.append((t + shift - (rng.randrange(120_000) if dice < 0.1 else 0), broken))
        if rng.random() < 0.1:
            out.append(out[-1])
    return out


@pytest.fixture(params=CASES, scope="module")
def case(request: pytest.FixtureRequest) -> tuple[type[Any], Asset, Records]:
    kind, asset, make = CASES[request.param]
    return kind, asset, make()


def test_reaches_a_verdict(case: tuple[type[Any], Asset, Records]) -> None:
    kind, asset, records = case
    levels = [a.level for a in run(kind.load(asset, {}), records)]
    assert levels[0] == "learning"
    assert "normal" in levels


def test_prefix_has_the_same_assessments(case: tuple[type[Any], Asset, Records]) -> None:
    kind, asset, records = case
    whole = run(kind.load(asset, {}), records)
    for cut in (1, 70, 200):
        assert run(kind(asset), records[:cut]) == whole[:cut]


@pytest.mark.parametrize("dirty", [False, True])
def test_dump_and_load_give_the_same_future(case: tuple[type[Any], Asset, Records], dirty: bool) -> None:
    kind, asset, records = case
    records = garbage(records, 9) if dirty else records
    whole = run(kind(asset), records)
    for cut in (0, 13, 61, 150, 260, 311):
        first = kind(asset)
        run(first, records[:cut])
        state = json.loads(json.dumps(first.dump(), allow_nan=False))
        assert run(kind.load(asset, state), records[cut:]) == whole[cut:]


def test_dump_is_a_copy(case: tuple[type[Any], Asset, Records]) -> None:
    kind, asset, records = case
    analyser = kind(asset)
    run(analyser, records[:200])
    state = analyser.dump()
    before = json.dumps(state)
    run(analyser, records[200:])
    assert json.dumps(state) == before


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_garbage_never_raises_and_never_gives_nan(case: tuple[type[Any], Asset, Records], seed: int) -> None:
    kind, asset, records = case
    analyser = kind(asset)
    run(analyser, garbage(records, seed))
    json.dumps(analyser.dump(), allow_nan=False)


def test_nothing_measured_is_learning_for_ever(case: tuple[type[Any], Asset, Records]) -> None:
    kind, asset, records = case
    out = run(kind(asset), [(t, dict.fromkeys(values)) for t, values in records])
    assert {a.level for a in out} == {"learning"}


def test_state_is_bounded(case: tuple[type[Any], Asset, Records]) -> None:
    kind, asset, records = case
    analyser = kind(asset)
    step = records[1][0] - records[0][0]
    sizes = []
    for lap in range(6):
        shift = lap * len(records) * step
        run(analyser, [(t + shift, values) for t, values in records])
        sizes.append(len(json.dumps(analyser.dump())))
    assert max(sizes) < 64_000
    assert sizes[-1] < 1.2 * max(sizes[:4])


def test_new_channels_cannot_grow_the_state_without_end(case: tuple[type[Any], Asset, Records]) -> None:
    kind, asset, records = case
    analyser = kind(asset)
    for n, (t, values) in enumerate(records):
        well_formed(analyser.update(t, {**values, f"s{n}.mean": 1.0, f"s{n}.x.rms": 0.1}))
    assert len(json.dumps(analyser.dump())) < 150_000


def test_a_state_of_another_version_is_refused(case: tuple[type[Any], Asset, Records]) -> None:
    kind, asset, _ = case
    with pytest.raises(ValueError, match="version 99"):
        kind.load(asset, {"version": 99})
