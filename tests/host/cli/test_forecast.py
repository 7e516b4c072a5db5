"""`babbitt forecast` as a user runs it, on a store that `babbitt import` filled."""

from __future__ import annotations

import csv
import math
import random
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from test_commands import run, said

DAYS = 12


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """A freezer that breathes with the day, every five minutes."""
    rng = random.Random(4)
    begin = datetime(2026, 11, 1, tzinfo=UTC)
    with (tmp_path / "room.csv").open("w", newline="") as file:
        out = csv.writer(file)
        out.writerow(["time", "air.mean [degC]"])
        for n in range(DAYS * 288):
            value = -22 + math.sin(2 * math.pi * n / 288) + rng.gauss(0, 0.05)
            out.writerow([(begin + timedelta(minutes=5 * n)).isoformat(), f"{value:.3f}"])
    return tmp_path


def take_in(folder: Path) -> None:
    named = ("--site", "hall", "--node", "room", "--kind", "cold_room")
    run("import", folder / "room.csv", "--store", folder / "s", *named)


def test_it_tells_what_comes_with_an_interval(store: Path) -> None:
    take_in(store)
    found = said("forecast", "hall", "room", "--store", store / "s")
    (one,) = found["channels"]
    assert one["channel"] == "air.mean"
    assert [f["minutes"] for f in one["forecasts"]] == [15, 60, 120]
    for f in one["forecasts"]:
        truth = -22 + math.sin(2 * math.pi * (f["minutes"] / 5) / 288)
        assert f["low"] < f["middle"] < f["high"]
        assert f["middle"] == pytest.approx(truth, abs=0.25)
    told = run("forecast", "hall", "room", "--store", store / "s", "--channel", "air.mean").stdout
    assert "120 min" in told
    assert said("forecast", "hall", "room", "--store", store / "s", "--channel", "x.mean")["channels"] == []


def test_a_line_a_day_is_recorded(store: Path) -> None:
    take_in(store)
    found = said("record", "hall", "room", "--store", store / "s", "--days", "5")
    assert len(found) == 5
    day = found[0]["record"]
    assert (day["values"], day["missing"]) == (288, pytest.approx(0.0, abs=0.01))
    assert (day["low"], day["high"]) == (pytest.approx(-23, abs=0.3), pytest.approx(-21, abs=0.3))
    assert day["mean"] < day["kinetic"] < day["mean"] + 0.2
    lines = run("record", "hall", "room", "--store", store / "s", "--csv").stdout.splitlines()
    assert len(lines) == DAYS + 1
    assert lines[1].startswith("hall,room,2026-11-01,air.mean,288,")
    assert "2026-11-12" in run("record", "hall", "room", "--store", store / "s").stdout


def test_too_little_and_nobody_are_said(store: Path) -> None:
    lines = (store / "room.csv").read_text().splitlines()[:200]
    (store / "room.csv").write_text("\n".join(lines))
    take_in(store)
    assert "Nothing can be forecast yet" in run("forecast", "hall", "room", "--store", store / "s").stdout
    assert "nobody" in run("forecast", "hall", "nobody", "--store", store / "s", code=1).stderr
