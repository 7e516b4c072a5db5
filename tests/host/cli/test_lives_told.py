"""A healthy machine whose settings say how long others lived: from the settings through the analysis to what is printed."""

from __future__ import annotations

import csv
import random
import threading
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from test_commands import run, said

from babbitt.pipeline import Pipeline
from babbitt.prognosis.others import left
from babbitt.protocol.assessment import Others
from babbitt.settings import MachinePart
from babbitt.store.keeper.keeper import Keeper
from babbitt.store.writer import StoreWriter

START = datetime(2026, 11, 1, tzinfo=UTC).timestamp()


def bring(store: Path, folder: Path, name: str, start: float, count: int, step: float) -> None:
    """Import a machine that is as it always was."""
    rng = random.Random(1)
    with (folder / f"{name}.csv").open("w", newline="") as file:
        out = csv.writer(file)
        out.writerow(["time", "vib.x.rms [g]", "vib.y.rms [g]"])
        for n in range(count):
            at = datetime.fromtimestamp(start + step * n, UTC).isoformat()
            out.writerow([at, f"{rng.gauss(0.3, 0.005):.4f}", f"{rng.gauss(0.2, 0.004):.4f}"])
    named = ("--site", "hall", "--node", name, "--kind", "machine")
    run("import", folder / f"{name}.csv", "--store", store, *named)


def judged(store: Path) -> dict[str, dict[str, Any]]:
    """What the analysis makes of a store, by node."""
    writer = StoreWriter(store)
    pipeline = Pipeline(writer, threading.Event())
    pipeline.start()
    assert pipeline.settle(120)
    pipeline.stop()
    writer.close()
    return {one["node"]: one["assessment"] for one in said("status", "--store", store)["nodes"]}


def test_lives_that_people_told_of_machines_of_the_kind_count_without_settings(tmp_path: Path) -> None:
    store = tmp_path / "s"
    for name, hours in (("a", 90), ("b", 120), ("c", 150)):
        bring(store, tmp_path, name, START, hours + 1, 3600)
    bring(store, tmp_path, "runs", START, 200, 3600)
    bring(store, tmp_path, "pump", START + 100 * 3600, 100, 60)
    keeper = Keeper(store)
    keeper.run_until_idle()
    keeper.close()
    for name in ("a", "b"):
        run("lives", "hall", name, "failed", "--store", store)
    assert judged(store)["pump"]["outlook"] == "no trend"
    run("lives", "hall", "c", "failed", "--store", store)
    bring(store, tmp_path, "pump", START + 100 * 3600 + 6000, 10, 60)
    bring(store, tmp_path, "runs", START + 200 * 3600, 10, 3600)
    found = judged(store)
    assert (found["pump"]["level"], found["pump"]["outlook"]) == ("normal", "lives")
    # Lives of 90 to 150 h, and one that runs after 209 h: more than the three alone would give.
    alone = left(Others(0, (90.0, 120.0, 150.0)), round(1.8 * 3.6e6))
    assert alone is not None
    assert alone.p50 < found["pump"]["remaining"]["p50"] < 200
    assert found["runs"]["outlook"] == "lives"


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
    store = tmp_path / "s"
    bring(store, tmp_path, "pump", START, 200, 60)
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
