"""A whole machine: healthy ones are left alone, a wearing one is warned of in time, limits count from the
first record."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

import synthetic
from babbitt.prognosis.machine import MachineAnalyser
from babbitt.protocol.assessment import Assessment, Asset
from babbitt_tools.sim.machine import Machine

sys.path.append(str(Path(__file__).resolve().parents[3] / "bench"))
from features_numpy import window_features

ASSET = Asset("plant", "n1", "Pump 7", "machine", 30, {})


def replay(records: list[synthetic.Record], asset: Asset = ASSET) -> list[Assessment]:
    analyser = MachineAnalyser(asset)
    return [analyser.update(t, values) for t, values in records]


@pytest.mark.parametrize("seed", range(4))
def test_a_healthy_machine_under_changing_load_is_never_warned_of(seed: int) -> None:
    out = replay(synthetic.machine(2000, seed, failing=False))
    assert {a.level for a in out} == {"learning", "normal"}
    assert all(a.remaining is None for a in out)


@pytest.mark.parametrize("seed", range(4))
def test_a_wearing_machine_is_warned_of_in_time(seed: int) -> None:
    records = synthetic.machine(500, seed, failing=True)
    out = replay(records)
    first = next(n for n, a in enumerate(out) if a.level != "learning" and a.level != "normal")
    assert 250 < first < 400
    assert all(a.level in ("warning", "alarm") for a in out[first:])
    numbers = [(a, (records[-1][0] - a.t_ms) / 3.6e6) for a in out[400:480] if a.remaining is not None]
    assert len(numbers) > 40
    inside = sum(
        a.remaining.p10 <= truth <= a.remaining.p90 for a, truth in numbers if a.remaining is not None
    )
    assert inside > 0.6 * len(numbers)
    assert "vib.x.rms" in out[450].drivers


def test_health_falls_as_the_machine_wears() -> None:
    out = replay(synthetic.machine(500, 2, failing=True))
    means = [sum(a.health or 0.0 for a in out[n : n + 50]) / 50 for n in range(250, 500, 50)]
    assert means == sorted(means, reverse=True)
    assert means[0] > 75.0
    assert means[-1] < 50.0
    judged = sorted((a.anomaly, -a.health) for a in out if a.anomaly is not None and a.health is not None)
    assert [h for _, h in judged] == sorted(h for _, h in judged)


def test_limits_set_by_people_count_while_learning_and_such_records_are_not_learnt() -> None:
    asset = Asset("plant", "n1", "Pump 7", "machine", 30, {"vib.x.rms": {"h": 0.05, "hh": 0.08}})
    out = replay(synthetic.machine(200, 1, failing=False), asset)
    assert out[0].level == "learning"
    assert {a.level for a in out[3:]} == {"alarm"}
    assert {a.outlook for a in out[3:]} == {"beyond limit"}
    assert out[-1].anomaly is None
    assert out[-1].health == 0.0
    assert out[-1].drivers == ("vib.x.rms",)


def test_a_machine_that_is_switched_off_is_no_fault() -> None:
    records = synthetic.machine(300, 1, failing=False)
    for _, values in records[100:150] + records[200:201]:
        for channel in values:
            values[channel] = 0.004 if channel.endswith(("rms", "peak")) else 3.0
    assert {a.level for a in replay(records)} == {"learning", "normal"}


def test_a_quieter_machine_is_a_finding_without_a_number() -> None:
    records = synthetic.machine(300, 1, failing=False)
    for _, values in records[150:]:
        for channel, value in values.items():
            if value is not None and channel.endswith(("rms", "peak")):
                values[channel] = 0.4 * value
    last = replay(records)[-1]
    assert last.level == "warning"
    assert last.outlook == "no trend"
    assert last.remaining is None


def test_the_simulated_motors_of_the_demo() -> None:
    """A bearing that wears by Paris' law and its healthy twin, six minutes between records."""
    start_ms = 1_780_000_000_000
    for onset_h in (14.0, 9000.0):
        motor = Machine(seed=3, utc_start_ms=start_ms, life_h=32.0, onset_h=onset_h)
        analyser = MachineAnalyser(Asset("demo", "m", "Motor", "machine", 360, {}))
        out: list[Assessment] = []
        for minute in range(0, 46 * 60, 6):
            counts = np.asarray(motor.accel(minute * 60_000_000, 0, 512, 3200.0), dtype=np.int32)
            counts = counts if counts.shape[1] == 3 else counts.T
            out.append(analyser.update(start_ms + minute * 60_000, window_features(counts)))
        if onset_h > 46.0:
            assert {a.level for a in out} == {"learning", "normal"}
            continue
        first = next(n for n, a in enumerate(out) if a.level == "warning")
        assert (46 * 60 - 6 * first) / 60.0 > 10.0
        for share in (0.6, 0.7, 0.8, 0.9):
            one = out[int(share * len(out))]
            assert one.remaining is not None
            assert one.remaining.p10 <= (motor.failure_at_ms - one.t_ms) / 3.6e6 <= one.remaining.p90
