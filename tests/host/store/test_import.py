"""Measured values of before: from files as people have them into the store, once, with their units."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import duckdb
import pytest
from feeding import T0, Feed, birth, rows
from hypothesis import given, settings
from hypothesis import strategies as st

from babbitt.acquisition.past import Column, File
from babbitt.errors import ImportFailed
from babbitt.pipeline import Pipeline
from babbitt.protocol.limits import VALUE_MAX
from babbitt.store.reader import StoreReader
from babbitt.store.state import State
from babbitt.store.writer import StoreWriter

MAIN = [sys.executable, "-c", "from babbitt.cli import main; main()"]
NOON = 1_789_041_600_000  # 2026-09-10 12:00 UTC


def run(*args: object, code: int = 0) -> str:
    command = [*MAIN, "import", *(str(arg) for arg in args)]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=90, check=False, env=os.environ | {"COLUMNS": "200"}
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout if code == 0 else done.stderr


def said(*args: object) -> Any:
    return json.loads(run(*args, "--json"))


@pytest.fixture
def room(tmp_path: Path) -> Path:
    """A cold room as loggers write it: Fahrenheit, local time, one gap."""
    path = tmp_path / "room.csv"
    lines = ["Time,Temp in [degF],Humidity (%),Note"]
    for n in range(2000):
        value = "" if n == 7 else f"{39.2 + 1.8 * (n % 12) / 12:.2f}"
        day, minute = divmod(n * 10, 1440)
        lines.append(f"2026-09-{10 + day} {minute // 60:02}:{minute % 60:02}:00,{value},{60 + n % 3},x")
    path.write_text("\n".join(lines) + "\n")
    return path


def test_a_csv_is_stored_once_in_units_that_are_known(room: Path, tmp_path: Path) -> None:
    where = ("--store", tmp_path / "s", "--site", "hall", "--node", "room-2")
    what = (*where, "--kind", "cold_room", "--asset", "Cold room 2", "--zone", "Europe/Berlin")
    (dry,) = said(room, *what, "--dry-run")
    assert not (tmp_path / "s").exists()
    assert [(c["channel"], c["unit"], c["values"]) for c in dry["channels"]] == [
        ("temp_in", "degC", 1999), ("humidity", "%", 2000),
    ]  # fmt: skip
    (first,) = said(room, *what)
    assert (first["records"], first["stored"], first["there_already"]) == (2000, 2000, 0)
    assert first["first"] == NOON - 14 * 3_600_000  # midnight in Berlin, in summer
    (again,) = said(room, *what)
    assert (again["stored"], again["there_already"]) == (0, 2000)
    reader = StoreReader(tmp_path / "s")
    t, v = reader.series("hall", "room-2", "temp_in", 0, 2 * T0, 10_000)
    assert (len(t), v[0]) == (1999, pytest.approx(4.0, abs=1e-6))
    assert v.max() == pytest.approx(4 + 11 / 12, abs=0.004)
    assert [row.state for row in reader.ledger()] == ["complete"]
    assert reader.prove().records == 2000
    (view,) = reader.nodes()
    assert (view.asset, view.kind, view.online) == ("Cold room 2", "cold_room", False)
    reader.close()


def test_prediction_has_a_past_from_day_one(room: Path, tmp_path: Path) -> None:
    run(room, "--store", tmp_path / "s", "--site", "hall", "--node", "room-2", "--kind", "cold_room",
        "--column", "Temp in [degF]=temp.mean:degF")  # fmt: skip
    writer = StoreWriter(tmp_path / "s")
    pipeline = Pipeline(writer, threading.Event())
    state = State.open(tmp_path / "s")
    while pipeline.step(state):
        pass
    state.close()
    writer.close()
    reader = StoreReader(tmp_path / "s")
    assessment = reader.nodes()[0].assessment
    reader.close()
    assert assessment is not None
    assert assessment.level == "normal"


def test_what_export_wrote_comes_back(tmp_path: Path, feed: Feed) -> None:
    feed.put(("birth", birth()), ("data", rows(0, [[1000, 20_000], [None, 21_000], [3000, -5]])))
    export = [*MAIN, "export", str(tmp_path / "x.parquet"), "--store", str(feed.folder)]
    subprocess.run(export, check=True, capture_output=True, timeout=60)
    run(tmp_path / "x.parquet", "--store", tmp_path / "other", "--kind", "machine")
    reader = StoreReader(tmp_path / "other")
    for channel in ("a.x", "b.y"):
        before = feed.reader.series("hall", "pump-7", channel, 0, 2 * T0, 10)
        after = reader.series("hall", "pump-7", channel, 0, 2 * T0, 10)
        assert (before[0].tolist(), before[1].tolist()) == (
            after[0].tolist(),
            pytest.approx(after[1].tolist(), rel=1e-8),
        )
    reader.close()


def test_a_node_that_is_known_stays_what_it_is(tmp_path: Path, feed: Feed) -> None:
    feed.put(("birth", birth()), ("data", rows(0, [[1000, 20_000]])))
    before = feed.reader.node("hall", "pump-7").birth
    (tmp_path / "p.csv").write_text("t,a.x [mg]\n2026-01-01T00:00:00Z,500\n2026-01-01T00:00:10Z,600\n")
    what = (tmp_path / "p.csv", "--store", feed.folder, "--site", "hall", "--node", "pump-7")
    assert "is a machine by its own word" in run(*what, "--kind", "cold_room", code=1)
    run(*what)
    assert feed.reader.node("hall", "pump-7").birth == before
    assert feed.reader.series("hall", "pump-7", "a.x", 0, 2 * T0, 10)[1].tolist() == [0.5, 0.6, 0.001]
    assert [e.check for e in feed.reader.events()] == []


def test_not_while_a_host_writes(tmp_path: Path, room: Path) -> None:
    from babbitt.store.lock import StoreLock

    lock = StoreLock(tmp_path / "s")
    error = run(room, "--store", tmp_path / "s", "--site", "a", "--node", "b", "--kind", "machine", code=1)
    lock.close()
    assert "another host works on the store" in error


@pytest.mark.parametrize(
    ("text", "options", "error"),
    [
        ("a,b\n1,2\n", [], "which column is the time"),
        ("t,b\nyesterday,2\n", [], "'t' is varchar, no time"),
        ("t,b\n2026-01-01,2\n", [], "column 'b' has no unit; name it by --column 'b=b:UNIT'"),
        ("t,b [g]\n1999-01-01,2\n", [], "outside 2020 to 2100"),
        ("t,b [g]\n2026-01-01,2\n", ["--time", "x"], "no column 'x'; it has t, b"),
        ("t,b [g]\n2026-01-01,2\n", ["--column", "x=y:g"], "no column 'x'; it has t, b"),
        ("t,b [g]\n2026-01-01,2\n", ["--column", "b"], "write it as SOURCE=channel:unit"),
        ("t,b [g]\n2026-01-01,2\n", ["--column", "b [g]=B:g"], "'B' cannot name a channel"),
        ("t,b [g]\n2026-01-01,2\n", ["--column", "b [g]=b:" + "x" * 17], "at most 16 characters"),
        ("t,b [g],b (g)\n2026-01-01,2,3\n", [], "two columns become b"),
        ("t,b [g]\n2026-01-01,x\n", [], "no column of numbers"),
        ("t,b [g]\n2026-01-01,2\n,3\n", [], "1 rows have no time"),
        ("t,b [g]\n2026-01-01,2\n", ["--zone", "Mars/Olympus"], "Mars/Olympus"),
        ("t,b [g]\n", [], "has no rows|which column is the time|no time"),
        ("", [], "x.csv"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_file_is_said_and_nothing_stored(
    tmp_path: Path, text: str, options: list[str], error: str
) -> None:
    import re

    (tmp_path / "x.csv").write_text(text)
    what = (
        tmp_path / "x.csv",
        "--store",
        tmp_path / "s",
        "--site",
        "hall",
        "--node",
        "n",
        "--kind",
        "machine",
    )
    found = run(*what, *options, code=1)
    assert re.search(error if "|" in error else re.escape(error), found), found
    assert not (tmp_path / "s").exists()


@pytest.mark.parametrize(
    ("name", "error"), [("x.xlsx", "suffix says the format"), ("no.csv", "is not there")]
)
def test_files_that_are_none(tmp_path: Path, name: str, error: str) -> None:
    (tmp_path / "x.xlsx").write_text("x")
    with pytest.raises(ImportFailed, match=error):
        File(tmp_path / name)


def test_numbers_as_times_in_seconds_and_milliseconds(tmp_path: Path) -> None:
    for times, unit in (((1_789_041_600, 1_789_041_610), "s"), ((NOON, NOON + 10_000), "ms")):
        path = tmp_path / f"{unit}.parquet"
        duckdb.sql(f"COPY (SELECT unnest({list(times)}) AS time, 1.5 AS \"v [bar]\") TO '{path}'")
        file = File(path)
        (past,) = file.nodes("hall", "n")
        file.close()
        assert (past.first, past.last, past.interval_s) == (NOON, NOON + 10_000, 10)


@settings(max_examples=300, deadline=None)
@given(st.floats(-1e12, 1e12), st.floats(-1e12, 1e12))
def test_the_exponent_fits_all_values_as_finely_as_it_can(one: float, other: float) -> None:
    low, high = sorted((one, other))
    exp = Column("s", "c", "g", 1, 0, 2, low, high).exp
    most = max(abs(low), abs(high))
    assert round(most * 10.0**-exp) <= VALUE_MAX + 1
    assert exp == -9 or most * 10.0 ** -(exp - 1) > VALUE_MAX * 0.999
