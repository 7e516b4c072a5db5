"""`babbitt forecast` as a user runs it, on a store that `babbitt import` filled."""

from __future__ import annotations

import csv
import math
import random
import shutil
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from test_commands import run, said

from babbitt.cli.record_page import page
from babbitt.cli.recorded import Alarm, Line
from babbitt.health.kinetic import days as by_day
from babbitt.pipeline import Pipeline
from babbitt.protocol.room import STATES
from babbitt.settings import RoomPart
from babbitt.store.writer import StoreWriter
from babbitt_tools.sim.roomstates import Plan
from babbitt_tools.sim.roomstates import run as simulate

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


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A simulated room with contacts, three days, judged with what the settings say of it; its store."""
    folder = tmp_path_factory.mktemp("room")
    one = simulate(Plan(60, 3, start_ms=1_795_000_000_000))
    with (folder / "room.csv").open("w", newline="") as file:
        out = csv.writer(file)
        names = ("door.closed", "door.changes", "compressor.closed", "defrost.closed")
        out.writerow(["time", "air.mean [degC]", *(f"{name} [1]" for name in names)])
        for t, values in one.records(60, inputs=True):
            at = datetime.fromtimestamp(t / 1000, UTC).isoformat()
            out.writerow([at, f"{values['air.mean']:.3f}", *(values[name] for name in names)])
    take_in(folder)
    writer = StoreWriter(folder / "s")
    pipeline = Pipeline(
        writer, threading.Event(), rooms={"hall/room": RoomPart(goods_hours=5.0, goods_high=-18.0)}
    )
    pipeline.start()
    assert pipeline.settle(120)
    pipeline.stop()
    writer.close()
    return folder


def test_the_room_behind_the_temperature_is_told(room: Path) -> None:
    found = said("forecast", "hall", "room", "--store", room / "s")["room"]
    assert found["state"] in STATES
    assert sum(found["today"].values()) > 60
    assert found["goods"]["low"] < found["goods"]["middle"] < found["goods"]["high"] < -15
    assert 0.2 < found["duty"] < 0.8
    told = run("forecast", "hall", "room", "--store", room / "s").stdout
    assert f"The room (air.mean): {found['state']} since" in told
    assert "Goods, by the thermal model" in told
    (node,) = said("status", "--store", room / "s")["nodes"]
    assert node["assessment"]["room"] == found


def test_the_day_of_a_room_is_recorded(room: Path) -> None:
    found = said("record", "hall", "room", "--store", room / "s")
    day = found[1]["room"]
    assert sum(day["minutes"].values()) == pytest.approx(1440, abs=2)
    assert day["by_contact"] == ["door", "compressor", "defrost"]
    assert 8 <= day["openings"] <= 14
    assert day["defrosts"] in (3, 4, 5)
    assert day["open_min"] == pytest.approx(
        day["minutes"]["door open"] + day["minutes"].get("restocking", 0), abs=10
    )
    lines = list(
        csv.DictReader(run("record", "hall", "room", "--store", room / "s", "--csv").stdout.splitlines())
    )
    assert lines[1]["doors"] == f"{day['openings']:.0f}"
    assert float(lines[1]["goods max"]) == pytest.approx(day["goods_high"], abs=0.001)


def test_the_page_to_be_signed(room: Path, tmp_path: Path) -> None:
    file = tmp_path / "record.html"
    assert "4 lines are in" in run("record", "hall", "room", "--store", room / "s", "--html", file).stdout
    text = file.read_text("utf-8")
    assert text.count("<tr>") == 5  # a head and four days
    assert "Date, signature" in text
    assert "<script" not in text
    assert "http" not in text
    gone = run("record", "hall", "room", "--store", room / "s", "--html", tmp_path / "no" / "x.html", code=1)
    assert "cannot be written" in gone.stderr


def test_who_has_seen_and_marked_an_alarm_stands_beside_it(room: Path, tmp_path: Path) -> None:
    store = tmp_path / "s"
    shutil.copytree(room / "s", store)
    where = ("hall", "room", "--store", store)
    writer = StoreWriter(store)
    t = (said("status", "--store", store)["nodes"][0]["last_t"] // 86_400_000 - 1) * 86_400_000
    with writer.transaction():
        for n, text in enumerate(("warm", "warmer", "warmest")):
            key = writer.node("hall", "room")
            writer.host_event(key, t + n, "assessment", "normal", "warning", 1, text)
    writer.close()
    first, second, third = sorted(one["id"] for one in said("acknowledge", *where) if one["t"] >= t)[:3]
    told = run("acknowledge", *where, first, second, "--who", "Ann <b>", "--note", "door closed").stdout
    assert "hall/room: 2 acknowledged by Ann <b>." in told
    run("mark", *where, second, "wrong", "--who", "Bob")
    left = [one["id"] for one in said("acknowledge", *where)]
    assert third in left
    assert first not in left
    assert "acknowledged by Ann <b> already" in run("acknowledge", *where, first, code=1).stderr
    assert "nobody" in run("acknowledge", "hall", "nobody", "--store", store, code=1).stderr
    alarms = {a["event"]: a for day in said("record", *where) for a in day["alarms"]}
    assert alarms[first]["acknowledged"]["who"] == "Ann <b>"
    assert alarms[first]["acknowledged"]["note"] == "door closed"
    assert (alarms[first]["marked"], alarms[third]["acknowledged"]) == (None, None)
    assert (alarms[second]["marked"]["verdict"], alarms[second]["marked"]["who"]) == ("wrong", "Bob")
    run("record", *where, "--html", tmp_path / "r.html")
    text = (tmp_path / "r.html").read_text("utf-8")
    today = datetime.now(UTC).strftime("%Y-%m")
    assert f"Ann &lt;b&gt;, {today}" in text
    assert "(door closed)" in text
    assert f"wrong: Bob, {today}" in text
    (row,) = [one for one in text.split("<tr>") if ">warmest<" in one]
    assert '<td class="t"></td><td class="t sign"></td>' in row  # nobody: to be signed


def test_names_are_no_markup_on_the_page() -> None:
    day = by_day(np.array([0, 60_000]), np.array([1.0, 9.0]), {"h": 5.0}, 120_000)[0]
    alarm = Alarm(60_000, 2, "<b>", "a & b", 90_000)
    text = page("s/n", "<script>", {"air.mean": {"h": 5.0}}, [Line("air.mean", day, None, [alarm])])
    assert "<script" not in text
    assert "&lt;b&gt;" in text
    assert "a &amp; b" in text
    assert "1970-01-01 00:01" in text
    assert 'class="out">1<' in text
