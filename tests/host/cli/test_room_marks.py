"""What people say of a room's alarms moves the host's thresholds of this room, as `babbitt marks` tells."""

from __future__ import annotations

import csv
import math
import random
import shutil
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from test_commands import run, said

from babbitt.pipeline import Pipeline
from babbitt.store.reader import StoreReader
from babbitt.store.writer import StoreWriter

BEGIN = datetime(2026, 11, 1, tzinfo=UTC)
HOUR_MS = 3_600_000


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """Four days of a room, every five minutes, a little too warm on the last."""
    rng = random.Random(4)
    with (tmp_path / "room.csv").open("w", newline="") as file:
        out = csv.writer(file)
        out.writerow(["time", "air.mean [degC]"])
        for n in range(4 * 288):
            value = -22 + math.sin(2 * math.pi * n / 288) + rng.gauss(0, 0.05) + (n > 3.2 * 288)
            out.writerow([(BEGIN + timedelta(minutes=5 * n)).isoformat(), f"{value:.3f}"])
    named = ("--site", "hall", "--node", "room", "--kind", "cold_room")
    run("import", tmp_path / "room.csv", "--store", tmp_path / "s", *named)
    return tmp_path / "s"


def judged(store: Path) -> float:
    """The distance from the pattern at the end, as the host judges it from the beginning."""
    writer = StoreWriter(store)
    pipeline = Pipeline(writer, threading.Event())
    pipeline.start()
    assert pipeline.settle(120)
    pipeline.stop()
    writer.close()
    reader = StoreReader(store)
    found = reader.node("hall", "room").assessment
    reader.close()
    assert found is not None
    assert found.anomaly is not None
    return found.anomaly


def test_three_wrong_ones_make_it_wait_longer(store: Path, tmp_path: Path) -> None:
    shutil.copytree(store, tmp_path / "marked")
    writer, begin = StoreWriter(tmp_path / "marked"), int(BEGIN.timestamp() * 1000)
    with writer.transaction():
        key = writer.node("hall", "room")
        for n in range(3):
            writer.host_event(key, begin + n * HOUR_MS, "assessment", "normal", "warning", 1, "warm")
    writer.close()
    where = ("hall", "room", "--store", tmp_path / "marked")
    for one in said("mark", *where):
        told = run("mark", *where, one["event"]["id"], "wrong").stdout
    assert "Thresholds of the host: raised 21 % after 3 alarms marked wrong." in told
    (node,) = said("marks", "--store", tmp_path / "marked")["nodes"]
    factor = node["tolerance"]["factor"]
    assert factor == pytest.approx(1.21, abs=0.01)
    assert judged(store) / judged(tmp_path / "marked") == pytest.approx(factor, abs=0.02)
