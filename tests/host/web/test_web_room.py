"""What a cold room does, where people look: on the page of its node, in the interface, in ``babbitt status`` and ``forecast``."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from page_store import MINUTE, Filler, demo_like
from playwright.sync_api import expect, sync_playwright

from babbitt.protocol.assessment import Assessment, Interval
from babbitt.protocol.room import Goods, Room
from babbitt.web import WebServer

END = 1_789_000_200_000
ARGS = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync")
ROOM = Room(
    "temp.mean", "fault", END - 90 * MINUTE, {"cooling": 312.0, "idle": 90.4, "fault": 45.0, "defrost": 0.2},
    Goods(-20.96, -19.5, -17.04, Interval(1.2, 3.4, 15.3)), 0.458, 11.94, 8.0, 0.76, 4.0, 12.4, 2, ("door",),
)  # fmt: skip


def run(*args: object) -> str:
    command = [sys.executable, "-c", "from babbitt.cli import main; main()", *(str(arg) for arg in args)]
    wide = os.environ | {"COLUMNS": "200"}
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=wide)
    assert done.returncode == 0, done.stderr
    return done.stdout


def judged(t: int, room: Room) -> Assessment:
    return Assessment(t, "warning", 1.2, 60.0, ("temp.mean",), "stable", None, room)


@pytest.fixture
def filled(tmp_path: Path) -> Iterator[Filler]:
    fill = demo_like(tmp_path / "store", END)
    fill.assess("cold-2", [judged(END + MINUTE, ROOM)])
    yield fill
    fill.close()


@pytest.mark.part("chromium")
def test_the_page_of_a_room_shows_what_it_does_and_follows(filled: Filler, chromium_path: str) -> None:
    with WebServer(filled.writer.path) as server, sync_playwright() as play:
        browser = play.chromium.launch(executable_path=chromium_path, args=list(ARGS))
        context = browser.new_context(viewport={"width": 390, "height": 844}, timezone_id="Asia/Tokyo")
        page = context.new_page()
        bad: list[str] = []
        page.on("console", lambda m: bad.append(m.text) if m.type in ("error", "warning") else None)
        page.goto(f"{server.url}node/plant/cold-2")
        panel = page.get_by_role("region", name="What the room does")
        expect(panel).to_be_visible(timeout=30_000)

        def says(term: str, text: str) -> None:
            row = panel.locator("dl > div", has=page.get_by_text(term, exact=True))
            expect(row.locator("dd")).to_have_text(text)

        says("Does now", "fault, since 2026-09-10 08:00:00")  # in the viewer's time
        says("Goods, by the thermal model", "-19.5 °C (-21.0 to -17.0)")
        says("Time the goods have", "3.4 h to their limit (1.2 to 15.3)")
        says("Doors opened today (UTC)", "4, 12 min open")  # a contact told it
        says("Defrosts today", "~2")  # none told that
        says("Today so far", "cooling 5.2 h, idle 1.5 h, fault 45 min")
        says("Duty cycle, last days", "46 %")
        says("Cooling power", "76 % of its beginning")
        page.wait_for_function("document.documentElement.scrollWidth <= innerWidth")
        calm = Room("temp.mean", "idle", END + MINUTE, {"idle": 1.0}, Goods(-23.0, -22.0, -21.0))
        filled.assess("cold-2", [judged(END + 2 * MINUTE, calm)])
        expect(panel.get_by_text("idle, since 2026-09-10 09:31:00")).to_be_visible()
        says("Time the goods have", "no time is told: only in a fault there is one")
        says("Doors opened today (UTC)", "not seen in records so slow")
        page.goto(f"{server.url}node/plant/fan-1")
        expect(page.locator("tbody tr").first).to_be_visible()
        expect(page.get_by_role("heading", name="The room")).to_be_hidden()
        browser.close()
    assert bad == []


def test_the_interface_has_all_of_it(filled: Filler) -> None:
    with WebServer(filled.writer.path) as server:
        url = f"{server.url}api/v1/nodes/plant/cold-2"
        with urllib.request.urlopen(url, timeout=60) as answer:
            room = json.load(answer)["assessment"]["room"]
    assert (room["state"], room["openings"], room["open_min"], room["defrosts"]) == ("fault", 4.0, 12.4, 2)
    assert room["by_contact"] == ["door"]
    assert room["goods"]["to_limit"] == {"p10": 1.2, "p50": 3.4, "p90": 15.3}


def test_the_commands_tell_it(filled: Filler) -> None:
    store = ("--store", filled.writer.path)
    told = run("status", *store)
    (line,) = [one for one in told.splitlines() if one.startswith("plant/cold-2:")]
    assert "fault since" in line
    assert "goods -19.5 °C (-21.0 to -17.0), 3.4 h to their limit (1.2 to 15.3)" in line
    assert line.endswith("duty cycle 46 %; doors opened today 4, 12 min open.")
    assert "fan-1:" not in told
    said = run("forecast", "plant", "cold-2", *store)
    assert "The room (temp.mean): fault since" in said
    assert (
        "Goods, by the thermal model: -19.5 °C (-21.0 to -17.0), 3.4 h to their limit (1.2 to 15.3)." in said
    )
    assert "Today (UTC): doors opened 4, 12 min open; defrosts ~2." in said
    assert "duty cycle 46 %, pull-down 11.9 K/h, recovery 8 min, cooling power 76 % of its beginning." in said


def test_an_assessment_of_before_these_were_told_is_still_read(filled: Filler) -> None:
    old = Room("temp.mean", "idle", END, {"idle": 1.0})
    filled.assess("cold-2", [judged(END + 2 * MINUTE, old)])
    told = run("status", "--store", filled.writer.path)
    assert "plant/cold-2: idle since" in told
