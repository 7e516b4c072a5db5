"""Working points: a baseline for each recipe and speed, back at once, and nothing judged or learnt while the machine changes over."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator

import numpy as np

from babbitt.detection.baseline import LEARN, SMOOTH
from babbitt.detection.points import BAND, MOST, ROAMS, SETTLE_MS, STEADY, Points
from babbitt.prognosis.machine import MachineAnalyser
from babbitt.protocol.assessment import Assessment, Asset, Point

EVERY_MS = 10_000
Values = dict[str, float | None]


class Machine:
    """Records of a machine whose vibration depends on recipe and speed."""

    def __init__(self, seed: int = 0) -> None:
        self.rng = np.random.default_rng(seed)
        self.t = 1_790_000_000_000

    def run(self, n: int, level: float = 0.2, rpm: float | None = None) -> Iterator[tuple[int, Values]]:
        for _ in range(n):
            self.t += EVERY_MS
            rms = level * math.exp(self.rng.normal(0.0, 0.03))
            values: Values = {"vib.x.rms": rms, "vib.x.peak": 3.2 * rms, "vib.x.crest": 3.2}
            if rpm is not None:
                values["tach.rpm"] = rpm
            yield self.t, values


def analyser() -> MachineAnalyser:
    return MachineAnalyser(Asset("hall", "m", "Machine", "machine", 10, {}))


def feed(one: MachineAnalyser, records: Iterator[tuple[int, Values]], recipe: int = 0) -> list[Assessment]:
    return [one.update(t, values, recipe) for t, values in records]


def levels(said: list[Assessment]) -> set[str]:
    return {one.level for one in said}


def test_each_recipe_has_a_baseline_and_it_is_back_at_once() -> None:
    one, machine = analyser(), Machine()
    feed(one, machine.run(LEARN + 20, 0.2), recipe=1)
    new = feed(one, machine.run(LEARN + 20, 0.6), recipe=2)
    assert levels(new) == {"normal", "learning"}  # three times the vibration is no alarm: the product is new
    back = feed(one, machine.run(40, 0.2), recipe=1)
    assert levels(back) == {"normal"}
    again = feed(one, machine.run(40, 0.6), recipe=2)
    assert levels(again) == {"normal"}
    assert list(one.points.baselines()) == [Point(1), Point(2)]


def test_without_recipes_the_same_machine_would_have_been_reported() -> None:
    one, machine = analyser(), Machine()
    feed(one, machine.run(LEARN + 20, 0.2))
    assert "alarm" in levels(feed(one, machine.run(40, 0.6)))


def test_a_fault_is_told_by_the_baseline_of_the_recipe_that_runs() -> None:
    one, machine = analyser(), Machine()
    feed(one, machine.run(LEARN + 20, 0.2), recipe=1)
    feed(one, machine.run(LEARN + 20, 0.6), recipe=2)
    assert levels(feed(one, machine.run(40, 0.2), recipe=1)) == {"normal"}
    said = feed(one, machine.run(40, 0.25), recipe=2)  # quiet for recipe 2, usual for recipe 1
    assert said[-1].level in ("warning", "alarm")


def test_the_records_of_a_change_over_are_neither_judged_nor_learnt() -> None:
    one, machine = analyser(), Machine()
    feed(one, machine.run(LEARN + 20, 0.2), recipe=1)
    settling = SETTLE_MS // EVERY_MS
    wild = feed(one, machine.run(settling, 5.0), recipe=2)
    assert levels(wild) == {"normal"}
    feed(one, machine.run(LEARN, 0.6), recipe=2)
    assert one.baseline.learnt
    assert one.baseline.level_g < 0.7
    # Back, and again the first minute does not count.
    assert levels(feed(one, machine.run(settling, 5.0), recipe=1)) == {"normal"}


def test_a_fault_stays_told_with_a_product_that_was_never_made_and_is_not_learnt_as_normal() -> None:
    one, machine = analyser(), Machine()
    feed(one, machine.run(LEARN + 20, 0.2), recipe=1)
    assert feed(one, machine.run(60, 1.5), recipe=1)[-1].level == "alarm"
    other = feed(one, machine.run(3 * LEARN, 1.5), recipe=2)
    assert levels(other) == {"alarm"}
    assert not one.baseline.learnt
    assert feed(one, machine.run(60, 0.2), recipe=1)[-1].level == "normal"  # it was repaired
    feed(one, machine.run(LEARN + 20, 0.3), recipe=2)
    assert one.baseline.learnt


def test_each_speed_has_a_baseline_where_a_tachometer_tells_it() -> None:
    one, machine = analyser(), Machine()
    feed(one, machine.run(LEARN + 20, 0.2, rpm=1000.0))
    fast = feed(one, machine.run(LEARN + 20, 0.5, rpm=1500.0))
    assert levels(fast) == {"normal", "learning"}
    assert levels(feed(one, machine.run(40, 0.2, rpm=1000.0))) == {"normal"}
    assert levels(feed(one, machine.run(40, 0.5, rpm=1480.0))) == {"normal"}
    assert [p.speed for p in one.points.baselines()] == [1000.0, 1500.0]


def test_speeds_within_the_band_are_one_point_and_others_open_one_when_they_are_steady() -> None:
    points, machine = Points(LEARN), Machine()
    for t, values in machine.run(STEADY, rpm=1000.0):
        points.update(t, values)
    assert points.at == Point(0, 1000.0)
    for t, values in machine.run(5, rpm=1000.0 * BAND - 1):
        points.update(t, values)
    assert points.at == Point(0, 1000.0)
    for rpm in (1200.0, 1300.0, 1400.0, 1500.0, 1600.0):  # runs up
        for t, values in machine.run(1, rpm=rpm):
            points.update(t, values)
    assert list(points.baselines()) == [Point(0, 1000.0)]
    for t, values in machine.run(STEADY, rpm=1600.0):
        points.update(t, values)
    assert points.at == Point(0, 1600.0)


def test_a_stop_and_a_tachometer_that_failed_leave_the_machine_at_its_point() -> None:
    one, machine = analyser(), Machine()
    feed(one, machine.run(LEARN + 20, 0.2, rpm=1000.0))
    feed(one, machine.run(20, 0.002, rpm=0.0))
    feed(one, machine.run(40, 0.2))  # no tachometer any more
    assert one.points.at == Point(0, 1000.0)
    said = feed(one, machine.run(40, 0.8))
    assert said[-1].level == "alarm"


def test_a_machine_that_is_never_steady_has_one_point_for_all_speeds() -> None:
    one, machine = analyser(), Machine()
    for n in range(ROAMS + LEARN + STEADY):
        feed(one, machine.run(1, 0.2, rpm=800.0 + 400.0 * (n % 3)))
    assert one.points.at == Point(0, None)
    assert one.baseline.learnt
    feed(one, machine.run(2 * ROAMS, 0.2, rpm=800.0))
    assert one.points.at == Point(0, 800.0)


def test_no_more_points_are_kept_than_there_is_room_for() -> None:
    points, machine = Points(8), Machine()
    for recipe in range(MOST + 4):
        for t, values in machine.run(SETTLE_MS // EVERY_MS + 10):
            points.update(t, values, recipe)
    assert len(points.baselines()) == MOST
    assert Point(0) not in points.baselines()
    assert Point(MOST + 3) in points.baselines()


def test_it_goes_on_after_a_restart_where_it_was_at_every_record() -> None:
    whole, machine = analyser(), Machine()
    records = [
        *((r, 1) for r in machine.run(LEARN + 10, 0.2, rpm=1000.0)),
        *((r, 2) for r in machine.run(LEARN + 20, 0.6, rpm=1500.0)),
        *((r, 1) for r in machine.run(30, 0.2, rpm=1000.0)),
    ]
    broken = analyser()
    for (t, values), recipe in records:
        broken = MachineAnalyser.load(broken.asset, json.loads(json.dumps(broken.dump())))
        assert broken.update(t, values, recipe) == whole.update(t, values, recipe)


def test_a_state_of_before_there_were_points_goes_on_as_recipe_0() -> None:
    one, machine = analyser(), Machine()
    feed(one, machine.run(LEARN + 20, 0.2))
    old = one.dump()
    old["version"], old["baseline"] = 1, old.pop("points")["points"][0]["baseline"]
    later = MachineAnalyser.load(one.asset, json.loads(json.dumps(old)))
    said = feed(later, machine.run(40, 0.8))
    assert levels(said[:3]) == {"normal"}
    assert said[-1].level == "alarm"


def test_one_apart_judges_by_what_was_learnt_and_changes_nothing() -> None:
    one, machine = analyser(), Machine()
    feed(one, machine.run(LEARN + 20, 0.2), recipe=1)
    before = json.dumps(one.dump())
    past = one.apart()
    machine.t -= 7 * 86_400_000
    assert levels(feed(past, machine.run(40, 0.2), recipe=1)) == {"normal"}
    assert feed(past, machine.run(40, 1.5), recipe=1)[-1].level == "alarm"
    assert feed(past, machine.run(2 * LEARN, 0.5), recipe=7)[-1].level == "alarm"  # nothing known: it stays
    assert list(past.points.baselines()) == [Point(1)]
    assert json.dumps(one.dump()) == before


def test_a_gap_between_runs_of_a_recipe_does_not_smear_the_old_into_the_new() -> None:
    one, machine = analyser(), Machine()
    feed(one, machine.run(LEARN + 20, 0.2), recipe=1)
    feed(one, machine.run(SMOOTH // 2 + 1, 0.28), recipe=1)
    feed(one, machine.run(30, 0.6), recipe=2)
    said = feed(one, machine.run(SETTLE_MS // EVERY_MS + SMOOTH, 0.2), recipe=1)
    assert said[-1].anomaly is not None
    assert said[-1].anomaly < 0.5
