"""The page in a real browser on a real store: what a person sees."""

from __future__ import annotations

import random
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from page_store import (
    MINUTE,
    Filler,
    demo_like,
    fill_cold_room,
    limit_check,
    temperature_channels,
    vibration_row,
)
from playwright.sync_api import Browser, Page, Playwright, expect, sync_playwright

from babbitt.protocol.assessment import Assessment
from babbitt.web import WebServer

pytestmark = pytest.mark.part("chromium")

ARGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update",
)  # fmt: skip
Filled = tuple[Filler, int]
EVIL = "<script>harmed=1</script><img src=x onerror=harmed=1>"
CHARTS = """() => [...document.querySelectorAll('.panel')].filter(p => p.querySelector('canvas'))
  .map(p => {
  const chart = getElement(Number(p.querySelector('.chart').id.slice(1))).chart;
  const options = chart.getOption(), canvas = p.querySelector('canvas');
  const pixels = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
  return {title: p.querySelector('h3').textContent,
    series: options.series.map(s => ({name: s.name, points: s.data.filter(d => d[1] !== null).length,
      last: s.data.length ? s.data[s.data.length - 1][0] : null,
      marks: ((s.markLine || {}).data || []).map(m => [m.yAxis, m.label.formatter])})),
    axes: [options.xAxis[0].name, options.yAxis[0].name], inked: pixels.some(v => v > 0)};
})"""


@pytest.fixture(scope="module")
def play() -> Iterator[Playwright]:
    with sync_playwright() as started:
        yield started


@pytest.fixture(scope="module")
def launched() -> Iterator[list[Browser]]:
    browsers: list[Browser] = []
    yield browsers
    for one in browsers:
        one.close()


@pytest.fixture
def browser(play: Playwright, launched: list[Browser], chromium_path: str) -> Browser:
    if not launched:
        launched.append(play.chromium.launch(executable_path=chromium_path, args=list(ARGS)))
    return launched[0]


class Watch:
    """A browser window that keeps what must not happen: console errors, requests that leave the machine."""

    def __init__(
        self, browser: Browser, width: int = 1280, height: int = 800, zone: str = "Asia/Tokyo"
    ) -> None:
        context = browser.new_context(viewport={"width": width, "height": height}, timezone_id=zone)
        self.page: Page = context.new_page()
        self.bad: list[str] = []
        self.page.on("console", lambda m: self.bad.append(m.text) if m.type in ("error", "warning") else None)
        self.page.on("pageerror", lambda e: self.bad.append(str(e)))
        self.page.on("request", lambda r: self._leaves(r.url))

    def _leaves(self, url: str) -> None:
        if not re.match(r"(http|ws)://127\.0\.0\.1:|data:|blob:", url):
            self.bad.append(f"request to {url}")

    def charts(self) -> dict[str, Any]:
        """What the charts hold, by title, once every visible one has been drawn with data or an axis."""
        self.page.wait_for_function("document.querySelectorAll('.chart canvas').length >= 4")
        self.page.wait_for_function(
            "[...document.querySelectorAll('.chart')].filter(c => c.offsetWidth).every(c => { const e ="
            " getElement(Number(c.id.slice(1))); return e.chart && e.chart.getOption().series.length > 0; })"
        )
        return {chart["title"]: chart for chart in self.page.evaluate(CHARTS)}

    def until(self, title: str, holds: str) -> None:
        """Wait until the JavaScript expression ``holds`` of the series ``s`` of the chart with this title."""
        self.page.wait_for_function(
            """([title, holds]) => {
              const panels = [...document.querySelectorAll('.panel')].filter(p => p.querySelector('canvas'));
              const panel = panels.find(p => p.querySelector('h3').textContent === title);
              if (!panel) return false;
              const chart = getElement(Number(panel.querySelector('.chart').id.slice(1))).chart;
              return new Function('s', 'return ' + holds)(chart.getOption().series);
            }""",
            arg=[title, holds],
        )

    def fits(self) -> None:
        """Nothing has to be scrolled sideways, once the charts have taken the new width."""
        self.page.wait_for_function("document.documentElement.scrollWidth <= innerWidth")

    def close(self) -> None:
        """Close the window; fails if something happened that must not."""
        self.page.context.close()
        assert self.bad == []


@pytest.fixture
def filled(tmp_path: Path) -> Iterator[tuple[Filler, int]]:
    now = int(time.time() * 1000)
    fill = demo_like(tmp_path / "store", now - 2000)
    yield fill, now
    fill.close()


def test_overview_says_how_each_node_is(tmp_path: Path, browser: Browser, filled: Filled) -> None:
    watch = Watch(browser)
    with WebServer(tmp_path / "store") as server:
        watch.page.goto(server.url)
        cards = watch.page.locator("a.card")
        expect(cards).to_have_count(3)
        expect(watch.page.locator(".lead")).to_have_text("3 nodes: 1 alarm, 1 warning, 1 normal")
        for at, name, word, score, outlook in (
            (0, "Cold room 2", "Warning", "73", "Time to limit 39–96 h(median 60 h)"),
            (1, "Pump 7 motor", "Normal", "96", "Stable"),
            (2, "Supply fan 1", "Alarm", "37", "Useful life 20–58 h(median 34 h)"),
        ):
            card = cards.nth(at)
            expect(card.locator("h2")).to_have_text(name)
            expect(card.locator(".word")).to_have_text(word)
            expect(card.locator(".score")).to_have_text(score)
            expect(card.locator(".outlook")).to_have_text(outlook)
            expect(card).to_contain_text(re.compile(r"Online · last record \d+ s ago"))
        expect(cards.nth(2)).to_contain_text("Driven by vib.x.kurt, vib.x.rms")
        rows = watch.page.locator("tbody tr")
        expect(rows).to_have_count(4)
        expect(rows.nth(0)).to_contain_text("Alarm")
        expect(rows.nth(1)).to_contain_text("vib.x.rms is above its warning limit: 0.182 g, limit 0.18 g")
        expect(watch.page.locator(".clock")).to_have_text("All times: Asia/Tokyo")
        assert watch.page.evaluate("document.documentElement.lang") == "en-US"
        assert watch.page.locator("h1").count() == 1
        assert watch.page.locator("th[scope=col]").count() == 5
        watch.page.screenshot(path=tmp_path / "overview.png")
        cards.nth(2).click()
        expect(watch.page.locator("h1")).to_have_text("Supply fan 1")
        watch.close()


def test_node_view_draws_charts_with_limits(
    tmp_path: Path, browser: Browser, filled: tuple[Filler, int]
) -> None:
    watch = Watch(browser)
    with WebServer(tmp_path / "store") as server:
        watch.page.goto(f"{server.url}node/plant/fan-1")
        charts = watch.charts()
        rms = charts["Vibration RMS"]
        assert [s["name"] for s in rms["series"]] == ["x", "y", "z"]
        assert all(100 < s["points"] <= 500 for s in rms["series"])
        assert rms["series"][0]["marks"] == [[0.18, "warning 0.18"], [0.28, "alarm 0.28"]]
        assert rms["axes"] == ["time (Asia/Tokyo)", "g"]
        assert charts["Anomaly"]["series"][0]["marks"] == [[1, "limit of its own baseline"]]
        assert {s["name"] for s in charts["Useful life left"]["series"]} >= {"median", "10–90 %"}
        assert {"Health", "Vibration peak", "Kurtosis", "Crest factor"} < set(charts)
        assert all(
            c["inked"]
            for t, c in charts.items()
            if t not in ("Sampling rate", "FIFO overruns", "Clipped samples")
        )
        expect(watch.page.get_by_role("region", name="Facts about the node").locator("dl")).to_contain_text(
            "ESP32_GENERIC"
        )
        expect(watch.page.locator(".headline .word")).to_have_text("Alarm")
        watch.page.screenshot(path=tmp_path / "node.png", full_page=True)

        watch.page.get_by_role("button", name="Last hour").click()
        watch.until("Vibration RMS", "20 < s[0].data.length && s[0].data.length < 40")
        watch.page.get_by_role("button", name="Show").click()
        expect(watch.page.get_by_role("heading", name="Sampling rate")).to_be_visible()
        watch.until("Sampling rate", "s.length === 1 && s[0].data.length > 20")
        watch.close()


def test_new_records_appear_by_themselves(
    tmp_path: Path, browser: Browser, filled: tuple[Filler, int]
) -> None:
    fill, now = filled
    watch = Watch(browser)
    with WebServer(tmp_path / "store") as server:
        watch.page.goto(f"{server.url}node/plant/pump-7")
        assert watch.charts()["Vibration RMS"]["series"][0]["last"] == now - 2000
        t = now + 10 * MINUTE
        fill.rows("pump-7", [(t, vibration_row(0.4, random.Random(9)))])
        fill.assess("pump-7", [Assessment(t, "alarm", 4.0, 12.0, ("vib.z.rms",), "beyond limit", None)])
        fill.host_event("pump-7", t, 2, "Pump 7 motor is in alarm")
        expect(watch.page.locator(".headline .score")).to_have_text("12")
        expect(watch.page.locator(".headline .outlook")).to_have_text("Beyond its limit now")
        expect(watch.page.locator("tbody tr")).to_have_count(1)
        watch.until("Vibration RMS", f"s[0].data[s[0].data.length - 1][0] === {t}")
        watch.close()


def test_names_are_text_and_nothing_else(tmp_path: Path, browser: Browser) -> None:
    now = int(time.time() * 1000)
    fill = Filler(tmp_path)
    many = [{"id": f"odd.c{n}", "unit": "<b>u</b>", "exp": 0, "lo": 0, "hi": 99} for n in range(64)]
    fill.node("evil", EVIL, "machine", many, [limit_check("c", "odd.c0", h=50)], faults={"vib": EVIL[:40]})
    fill.rows("evil", [(now - n * MINUTE, [n % 60] * 64) for n in range(30, 0, -1)])
    fill.assess("evil", [Assessment(now, "warning", 2.0, 50.0, (EVIL,), "no trend", None)])
    fill.host_event("evil", now, 1, EVIL)
    watch = Watch(browser)
    with WebServer(tmp_path) as server:
        watch.page.goto(server.url)
        expect(watch.page.locator("a.card h2")).to_have_text(EVIL)
        expect(watch.page.locator("td.what")).to_have_text(EVIL)
        watch.page.locator("a.card").click()
        expect(watch.page.locator("h1")).to_have_text(EVIL)
        charts = watch.charts()
        assert sum(len(c["series"]) for t, c in charts.items() if t.startswith("Channels of odd")) == 64
        assert all(c["inked"] for c in charts.values())
        assert watch.page.title().startswith(EVIL)
        assert watch.page.evaluate("window.harmed === undefined")
        watch.fits()
        watch.close()
    fill.close()


def test_phone_needs_no_sideways_scrolling(
    tmp_path: Path, browser: Browser, filled: tuple[Filler, int]
) -> None:
    watch = Watch(browser, 390, 844)
    with WebServer(tmp_path / "store") as server:
        watch.page.goto(server.url)
        expect(watch.page.locator("a.card")).to_have_count(3)
        watch.fits()
        watch.page.screenshot(path=tmp_path / "phone.png", full_page=True)
        watch.page.goto(f"{server.url}node/plant/cold-2")
        charts = watch.charts()
        temperature = charts["Temperature"]
        assert [m[0] for m in temperature["series"][0]["marks"]] == [-2, 0, 7, 9]
        watch.fits()
        watch.close()


def test_empty_and_missing_stores_say_what_to_do_and_recover(tmp_path: Path, browser: Browser) -> None:
    watch = Watch(browser)
    with WebServer(tmp_path / "store", broker="192.168.1.5:1883") as server:
        watch.page.goto(server.url)
        expect(watch.page.get_by_role("alert")).to_contain_text("There is no store in")
        fill = Filler(tmp_path / "store")
        expect(watch.page.get_by_role("alert")).to_be_hidden()
        expect(watch.page.get_by_text("No node has reported yet")).to_be_visible()
        expect(watch.page.get_by_text("babbitt demo", exact=True)).to_be_visible()
        expect(watch.page.get_by_text("192.168.1.5:1883")).to_be_visible()
        fill_cold_room(fill, int(time.time() * 1000), q=4)
        expect(watch.page.locator("a.card")).to_have_count(1)
        expect(watch.page.get_by_text("No node has reported yet")).to_be_hidden()
        expect(watch.page.locator("a.card")).to_contain_text("(simulated time)")
        expect(watch.page.locator(".clock")).to_have_text("All times: Asia/Tokyo · simulated time")
        watch.page.goto(f"{server.url}node/plant/nobody")
        expect(watch.page.get_by_text("No node plant / nobody has reported here")).to_be_visible()
        fill.node("nobody", "Fresh", "machine", temperature_channels())
        expect(watch.page.locator("h1")).to_have_text("Fresh")
        expect(watch.page.locator(".headline .word")).to_have_text("Not judged yet")
        expect(watch.page.locator(".headline")).to_contain_text("no record yet")
        fill.close()
        watch.close()
