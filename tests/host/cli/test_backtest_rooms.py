"""`babbitt backtest` of a cold room judges as the host does: with what the settings say of the room."""

from __future__ import annotations

import csv
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest
from test_commands import run, said

from babbitt.pipeline import Pipeline
from babbitt.settings import RoomPart
from babbitt.store.reader import StoreReader
from babbitt.store.writer import StoreWriter
from babbitt_tools.sim.coldroom import DAY_S
from babbitt_tools.sim.roomstates import Plan
from babbitt_tools.sim.roomstates import run as simulate

TRIP_S = 3.3 * DAY_S
PART = RoomPart(door="in1", compressor="in2", defrost="in3")
SETTINGS = '[rooms."hall/room"]\ndoor = "in1"\ncompressor = "in2"\ndefrost = "in3"\n'


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, int]:
    """Three days and a half of a room whose contacts have names that say nothing, and whose compressor trips; when it does (ms)."""
    folder = tmp_path_factory.mktemp("room")
    one = simulate(Plan(61, 3.5, trouble="trip", trouble_s=TRIP_S))
    names = {
        "door.closed": "in1.closed",
        "compressor.closed": "in2.closed",
        "defrost.closed": "in3.closed",
    }
    with (folder / "room.csv").open("w", newline="") as file:
        out = csv.writer(file)
        out.writerow(["time", "air.mean [degC]", *(f"{name} [1]" for name in names.values())])
        for t, values in one.records(60, inputs=True):
            at = datetime.fromtimestamp(t / 1000, UTC).isoformat()
            out.writerow([at, f"{values['air.mean']:.3f}", *(values[name] for name in names)])
    named = ("--site", "hall", "--node", "room", "--kind", "cold_room")
    run("import", folder / "room.csv", "--store", folder / "s", *named)
    return folder / "s", one.start_ms + round(TRIP_S * 1000)


def test_the_settings_of_the_room_count_as_for_the_host(
    store: tuple[Path, int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, trip = store
    words = ("backtest", "hall", "room", "--store", folder)
    blind = [one["start"] for one in said(*words)["alarms"]]
    (tmp_path / "babbitt.toml").write_text(SETTINGS)
    monkeypatch.setenv("BABBITT_CONFIG", str(tmp_path / "babbitt.toml"))
    alarms = [one["start"] for one in said(*words)["alarms"]]
    assert alarms != blind  # what contacts tell makes the difference
    told = next(one for one in alarms if one >= trip)
    assert (told - trip) / 3.6e6 < 1.5
    writer = StoreWriter(folder)
    pipeline = Pipeline(writer, threading.Event(), rooms={"hall/room": PART})
    pipeline.start()
    assert pipeline.settle(120)
    pipeline.stop()
    writer.close()
    reader = StoreReader(folder)
    events = reader.events("hall", "room", severity=1)
    reader.close()
    by_host = sorted(
        one.t for one in events if one.check == "assessment" and one.came_from in ("normal", "learning")
    )
    assert alarms == by_host
