"""Forecasts of temperatures over the REST interface and on the page, on a real server with a real store."""

from __future__ import annotations

import json
import math
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from page_store import MINUTE, Filler, demo_like, temperature_channels
from playwright.sync_api import expect, sync_playwright

from babbitt.prognosis.foreseen import Foreseer
from babbitt.store.reader import StoreReader
from babbitt.web import WebServer

END = 1_789_000_200_000 // 900_000 * 900_000
STEP = 15 * MINUTE
DAYS = 6
ARGS = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync")


def truth(t: int) -> float:
    """A freezer that breathes with the day."""
    return -22 + math.sin(2 * math.pi * t / 86_400_000)


def records(first: int, upto: int) -> list[tuple[int, list[int | None]]]:
    """A record every quarter of an hour, in thousandths of a degree."""
    return [(t, [round(1000 * truth(t))] * 3 + [0]) for t in range(first, upto + 1, STEP)]


@pytest.fixture
def filled(tmp_path: Path) -> Iterator[Filler]:
    fill = demo_like(tmp_path / "store", END)
    fill.node("freezer", "Freezer 1", "cold_room", temperature_channels())
    fill.rows("freezer", records(END - DAYS * 86_400_000, END))
    yield fill
    fill.close()


def get(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=60) as answer:
        return json.load(answer)


def test_the_interface_tells_what_comes_and_follows_on(filled: Filler) -> None:
    with WebServer(filled.writer.path) as server:
        url = f"{server.url}api/v1/nodes/plant"
        (one,) = get(f"{url}/freezer/forecast")
        assert (one["channel"], one["t"]) == ("temp.mean", END)
        assert [f["minutes"] for f in one["forecasts"]] == [15, 60, 120]
        for f in one["forecasts"]:
            assert f["low"] < f["middle"] < f["high"]
            assert f["middle"] == pytest.approx(truth(END + f["minutes"] * MINUTE), abs=0.3)
        assert get(f"{url}/fan-1/forecast") == []
        assert [known["forecasts"] for known in get(f"{url}/cold-2/forecast")] == [
            []
        ]  # twenty hours are too few
        filled.rows("freezer", records(END + STEP, END + 8 * STEP))
        (later,) = get(f"{url}/freezer/forecast")
        assert later["t"] == END + 8 * STEP
    reader = StoreReader(filled.writer.path)
    (afresh,) = Foreseer().foresee(reader, "plant", "freezer")
    reader.close()
    # What was followed on is what is learnt from the whole.
    assert [f["middle"] for f in later["forecasts"]] == pytest.approx(
        [f.middle for f in afresh.forecasts], abs=0.02
    )


@pytest.mark.part("chromium")
def test_the_page_shows_it_where_there_is_one(filled: Filler, chromium_path: str) -> None:
    with WebServer(filled.writer.path) as server, sync_playwright() as play:
        browser = play.chromium.launch(executable_path=chromium_path, args=list(ARGS))
        page = browser.new_context(viewport={"width": 390, "height": 844}).new_page()
        bad: list[str] = []
        page.on("console", lambda m: bad.append(m.text) if m.type in ("error", "warning") else None)
        page.goto(f"{server.url}node/plant/freezer")
        cells = page.locator("tbody.forecast td")
        expect(cells).to_have_count(4, timeout=30_000)
        expect(cells.nth(0)).to_have_text("temp.mean")
        expect(cells.nth(2)).to_contain_text("°C (")
        middle = float(cells.nth(2).inner_text().split(" ")[0])
        assert middle == pytest.approx(truth(END + 60 * MINUTE), abs=0.35)
        expect(page.get_by_text("Nobody foresees a door.")).to_be_visible()
        page.wait_for_function("document.documentElement.scrollWidth <= innerWidth")
        page.goto(f"{server.url}node/plant/fan-1")
        expect(page.locator("tbody tr").first).to_be_visible()
        expect(page.get_by_role("heading", name="Forecast")).to_be_hidden()
        browser.close()
    assert bad == []
