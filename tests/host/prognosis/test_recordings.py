"""Real machines and rooms, as a node would have reported them (bench/predict_first.py measures more)."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from babbitt.prognosis.coldroom import ColdRoomAnalyser
from babbitt.prognosis.degradation import LEARNING_ENDS
from babbitt.prognosis.machine import MachineAnalyser, indicator
from babbitt.protocol.assessment import Asset

sys.path.append(str(Path(__file__).resolve().parents[3] / "bench"))
import features_numpy as node

pytestmark = pytest.mark.data


@pytest.mark.parametrize("name", ["1_2", "2_1", "2_2", "3_1", "3_2"])
def test_bearings_that_only_degrade_at_the_end(data_dir: Path, name: str) -> None:
    records, life = node.bearing_records(data_dir / "pronostia" / f"Bearing{name}.npz")
    analyser = MachineAnalyser(Asset("pronostia", "rig", name, "machine", 30, {}))
    out = [analyser.update(t, values) for t, values in records]
    first = next(a.t_ms / 3.6e6 / life for a in out if a.level in ("warning", "alarm"))
    assert 0.9 < first < 1.0
    assert all(a.remaining is None for a in out[: int(0.9 * len(out))])
    assert indicator(analyser.baseline.verdict) == pytest.approx(LEARNING_ENDS[name], abs=0.01)


def test_the_bearing_that_wears_slowly(data_dir: Path) -> None:
    records, life = node.bearing_records(data_dir / "pronostia" / "Bearing1_1.npz")
    analyser = MachineAnalyser(Asset("pronostia", "rig", "1_1", "machine", 30, {}))
    out = [analyser.update(t, values) for t, values in records]
    assert 0.2 < next(a.t_ms / 3.6e6 / life for a in out if a.level == "warning") < 0.4
    for share in (0.5, 0.7, 0.9):
        one = out[int(share * len(out))]
        assert one.remaining is not None
        assert one.remaining.p10 <= life - one.t_ms / 3.6e6 <= one.remaining.p90


def test_the_deep_freezer_of_october(data_dir: Path) -> None:
    """Above -20 C from 2021-10-17 20:30 UTC for ten hours, after one week of learning."""
    start, event, stop = 1_633_824_000_000, 1_634_502_600_000, 1_635_120_000_000
    records = node.temperature_csv(data_dir / "cold_storage" / "subzero_values.csv.gz", "deepfreezer_1")
    analyser = ColdRoomAnalyser(
        Asset("store", "n", "Deep freezer", "cold_room", 900, {"temp.mean": {"h": -20.0}})
    )
    out = [analyser.update(t, values) for t, values in records if start <= t <= stop]
    before = [a for a in out if event - 3 * 3_600_000 <= a.t_ms <= event - 3_600_000]
    assert before[-1].level == "warning"
    assert before[-1].outlook == "trend"
    assert any(a.level == "alarm" for a in out)
    calm = [a for a in out if a.t_ms < event - 12 * 3_600_000]
    assert sum(a.level == "warning" for a in calm) < 0.05 * len(calm)


def test_as_the_node_sees_it() -> None:
    import numpy as np

    t = np.arange(2560) / 25_600
    counts = node.node_counts(
        np.column_stack([30.0 * np.sin(2 * np.pi * 100 * t), 0.5 * np.sin(2 * np.pi * 8000 * t)]), 25_600
    )
    values = node.window_features(counts[:256])
    assert values["vib.x.peak"] == pytest.approx(16.0, abs=0.1)
    assert (values["vib.clip"] or 0.0) > 50.0
    assert (values["vib.y.rms"] or 0.0) < 0.02
    with pytest.raises(ValueError, match="no multiple of 3200 Hz"):
        node.node_counts(np.zeros(100), 10_000)
