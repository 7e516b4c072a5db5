"""A healthy machine whose settings say how long others lived: from the settings through the analysis to what is printed."""

from __future__ import annotations

import csv
import random
import threading
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from test_commands import run, said

from babbitt.pipeline import Pipeline
from babbitt.settings import MachinePart
from babbitt.store.writer import StoreWriter

START = datetime(2026, 11, 1, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("machines", "outlook"),
    [
        ({"hall/pump": MachinePart(lives_h=[900.0, 1200.0, 1500.0, 1000.0], since=date(2026, 10, 12))}, "lives"),
        ({"hall/other": MachinePart(lives_h=[900.0, 1200.0, 1500.0], since=date(2026, 10, 12))}, "no trend"),
    ],
)  # fmt: skip
def test_it_is_told_of_that_machine_alone(
    tmp_path: Path, machines: dict[str, MachinePart], outlook: str
) -> None:
    rng = random.Random(1)
    with (tmp_path / "pump.csv").open("w", newline="") as file:
        out = csv.writer(file)
        out.writerow(["time", "vib.x.rms [g]", "vib.y.rms [g]"])
        for n in range(200):
            at = datetime.fromtimestamp(START + 60 * n, UTC).isoformat()
            out.writerow([at, f"{rng.gauss(0.3, 0.005):.4f}", f"{rng.gauss(0.2, 0.004):.4f}"])
    store = tmp_path / "s"
    named = ("--site", "hall", "--node", "pump", "--kind", "machine")
    run("import", tmp_path / "pump.csv", "--store", store, *named)
    writer = StoreWriter(store)
    pipeline = Pipeline(writer, threading.Event(), machines=machines)
    pipeline.start()
    assert pipeline.settle(120)
    pipeline.stop()
    writer.close()
    (node,) = said("status", "--store", store)["nodes"]
    one = node["assessment"]
    assert (one["level"], one["outlook"]) == ("normal", outlook)
    told = run("status", "--store", store).stdout
    if outlook == "lives":
        # 483 h old, of lives of 900 to 1500 h.
        assert 100 < one["remaining"]["p10"] < one["remaining"]["p50"] < one["remaining"]["p90"] < 1500
        assert "by other lives" in told
        told = run("forecast", "hall", "pump", "--store", store).stdout
        assert "Remaining life by its own trend: no trend; by the lives of others" in told
    else:
        assert one["remaining"] is None
        assert "no trend" in told
