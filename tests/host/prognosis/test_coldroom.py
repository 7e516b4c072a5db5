"""A cold room: quiet about cycles, doors and defrosts; hours ahead of a limit; both directions; with and
without limits."""

from __future__ import annotations

import pytest

import synthetic
from babbitt.prognosis.coldroom import ColdRoomAnalyser
from babbitt.protocol.assessment import Assessment, Asset
from babbitt_tools.sim.coldroom import ColdRoom
from babbitt_tools.story import assets, evening_before

Limits = dict[str, dict[str, float]]


def replay(records: list[synthetic.Record], limits: Limits | None = None) -> list[Assessment]:
    limits = {"temp.mean": {"h": -18.0}} if limits is None else limits
    analyser = ColdRoomAnalyser(Asset("store", "n2", "Freezer", "cold_room", 480, limits))
    return [analyser.update(t, values) for t, values in records]


def first_warning(out: list[Assessment]) -> int:
    return next(n for n, a in enumerate(out) if a.level in ("warning", "alarm"))


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("interval_s", [300, 600])
def test_cycles_doors_and_defrosts_do_not_cry(seed: int, interval_s: int) -> None:
    out = replay(synthetic.room(1000, seed, fading=False, interval_s=interval_s))
    assert {a.level for a in out} == {"learning", "normal"}


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("interval_s", [300, 480, 600])
def test_a_fading_compressor_is_warned_of_hours_before_the_limit(seed: int, interval_s: int) -> None:
    records = synthetic.room(800, seed, fading=True, interval_s=interval_s)
    out = replay(records)
    crossing = int(0.85 * 800)
    lasting = crossing
    while out[lasting - 1].level in ("warning", "alarm"):
        lasting -= 1
    hours = (crossing - lasting) * interval_s / 3600.0
    assert 1.0 < hours < 48.0
    ahead = [a for a in out[lasting:crossing] if a.outlook != "beyond limit"]
    # Not while it comes back from a defrost that went beyond, and not before it is near.
    told = [a for a in ahead if a.remaining is not None]
    assert len(told) >= 3
    passes = [(a.remaining, (out[crossing].t_ms - a.t_ms) / 3.6e6) for a in told]
    assert sum(left.p10 <= true <= left.p90 for left, true in passes if left is not None) >= 0.9 * len(told)
    assert out[-1].level == "alarm"
    assert out[-1].outlook == "beyond limit"
    assert out[-1].health is not None
    assert out[-1].health < 50.0


def test_the_simulated_rooms_of_the_demo() -> None:
    """Doors by day, defrosts, a thermostat: quiet while healthy, hours ahead where the compressor fades."""
    start_ms = 1_780_000_000_000
    for seed in (20, 21):
        for fade_h in (None, 14.0):
            world = ColdRoom(seed=seed, utc_start_ms=start_ms, days=2.5, fade_start_h=fade_h, fade_h=40.0)
            minutes = range(3, 60 * 24 * 2, 3)
            records: list[synthetic.Record] = []
            for minute in minutes:
                value = world.temperature(minute * 60_000_000)
                assert value is not None
                records.append((start_ms + minute * 60_000, {"temp.mean": value}))
            out = replay(records, {"temp.mean": {"h": world.limit_c, "hh": world.limit_c + 4.0}})
            if fade_h is None:
                assert {a.level for a in out} == {"learning", "normal"}
            else:
                assert world.crossed_at_ms is not None
                at = next(n for n, a in enumerate(out) if a.t_ms >= world.crossed_at_ms)
                assert all(a.level in ("warning", "alarm") for a in out[at - 30 : at])


def test_after_a_defrost_beyond_the_limit_there_is_no_number_until_it_rises_again() -> None:
    """The freezer of the demo: its first number was a quarter of an hour while it came down from a defrost, 16 hours before the air
    stayed beyond its limit."""
    room = assets(evening_before(1_780_000_000))[2]
    assert isinstance(room.world, ColdRoom)
    assert room.failure_ms is not None
    start = room.world.utc_start_ms
    records: list[synthetic.Record] = []
    for n in range(1, round((room.failure_ms - start) / 480_000)):
        values = [room.world.temperature((480 * n - back) * 1_000_000) for back in (0, 160, 320)]
        records.append((start + n * 480_000, {"temp.mean": sum(v or 0.0 for v in values) / 3}))
    out = replay(records, {"temp.mean": {"h": room.world.limit_c, "hh": room.world.limit_c + 4.0}})
    beyond = [n for n, a in enumerate(out) if a.outlook == "beyond limit"]
    first = next(n for n, a in enumerate(out) if a.outlook == "trend" and a.remaining is not None)
    assert beyond[0] < first  # the defrost came first, and for hours after it no number was said
    assert all(a.remaining is None for a in out[beyond[0] : first] if a.outlook == "trend")
    left = out[first].remaining
    assert left is not None
    again = next(n for n in beyond if n > first)
    passes = (out[again].t_ms - out[first].t_ms) / 3.6e6
    assert left.p10 < passes < left.p90
    assert left.p10 < (room.failure_ms - out[first].t_ms) / 3.6e6 < left.p90


def test_a_state_of_before_these_were_kept_is_gone_on_with() -> None:
    records = synthetic.room(300, 1, fading=False)
    asset = Asset("store", "n2", "Freezer", "cold_room", 480, {"temp.mean": {"h": -18.0}})
    analyser = ColdRoomAnalyser(asset)
    for t, values in records[:200]:
        analyser.update(t, values)
    state = analyser.dump()
    watch, inside = state["watches"]["temp.mean"], state["inside"]["temp.mean"]
    del watch["seen"], watch["returning"]
    inside["times"] = [0, inside.pop("t"), 1]
    again = ColdRoomAnalyser.load(asset, state)
    assert [again.update(t, v) for t, v in records[200:]] == [analyser.update(t, v) for t, v in records[200:]]


def test_what_people_said_widens_the_pattern_and_no_limit_that_they_set() -> None:
    records = synthetic.room(800, 2, fading=True, limit=-12.0)

    def judged(limits: Limits, tolerance: float) -> list[Assessment]:
        asset = Asset("store", "n2", "Freezer", "cold_room", 480, limits, tolerance=tolerance)
        analyser = ColdRoomAnalyser(asset)
        return [analyser.update(t, values) for t, values in records]

    far: Limits = {}
    near = {"temp.mean": {"h": -21.0}}
    plain, wide = judged(far, 1.0), judged(far, 1.3)
    known = [n for n, a in enumerate(plain) if a.anomaly]
    assert len(known) > 400
    assert [wide[n].anomaly for n in known] == pytest.approx([(plain[n].anomaly or 0.0) / 1.3 for n in known])
    assert first_warning(plain) < first_warning(wide)
    # The limit is nearer than the pattern's own: wider it is not made, and its passage is told as ever.
    plain, wide = judged(near, 1.0), judged(near, 2.0)
    assert [a.anomaly for a in wide] == [a.anomaly for a in plain]
    passed = next(n for n, a in enumerate(plain) if a.level == "alarm")
    assert next(n for n, a in enumerate(wide) if a.level == "alarm") == passed
    # Narrower follows too, when alarms were right.
    assert first_warning(judged(far, 0.8)) <= first_warning(judged(far, 1.0))


def test_the_other_direction() -> None:
    records = synthetic.room(800, 1, fading=True)
    for _, values in records:
        values["temp.mean"] = -44.0 - (values["temp.mean"] or 0.0)
    out = replay(records, {"temp.mean": {"l": -26.0}})
    assert 300 < first_warning(out) < 0.85 * 800
    assert out[-1].level == "alarm"


def test_without_a_limit_a_room_that_leaves_its_pattern_is_warned_of() -> None:
    records = synthetic.room(800, 2, fading=True, limit=-12.0)
    out = replay(records, {})
    assert first_warning(out) > 250
    assert out[-1].level == "warning"
    assert out[-1].drivers == ("temp.mean",)


def test_the_worst_of_several_temperatures_speaks() -> None:
    warm = synthetic.room(800, 3, fading=True, sensor="back")
    records = [
        (t, {**values, **other})
        for (t, values), (_, other) in zip(synthetic.room(800, 4, False, sensor="front"), warm, strict=True)
    ]
    out = replay(records, {"back.mean": {"h": -18.0}, "front.mean": {"h": -18.0}})
    assert out[-1].level == "alarm"
    assert out[-1].drivers[0] == "back.mean"


def test_fast_records_are_averaged_first() -> None:
    slow = replay(synthetic.room(400, 5, fading=False, interval_s=300))
    fast = replay(synthetic.room(400 * 30, 5, fading=False, interval_s=10))
    assert slow[-1].level == fast[-1].level == "normal"


def test_after_a_gap_the_pattern_stays_learnt() -> None:
    records = synthetic.room(600, 6, fading=False)
    out = replay(records[:400] + [(t + 10 * 86_400_000, v) for t, v in records[400:]])
    assert {a.level for a in out[400:]} == {"normal"}
