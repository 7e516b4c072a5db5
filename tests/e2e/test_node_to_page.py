"""From the sensor's register to the screen: virtual nodes, the host with its own broker, and its page in a real browser."""

from __future__ import annotations

import re
from contextlib import ExitStack
from typing import Any

import pytest
from plant import SITE, START_MS, Plant, motor
from playwright.sync_api import Page, expect, sync_playwright

from babbitt.store.reader import StoreReader
from babbitt.web.words import health
from babbitt_tools.sim.coldroom import ColdRoom
from babbitt_tools.sim.machine import Machine

pytestmark = [pytest.mark.part("chromium"), pytest.mark.part("micropython")]

ARGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update",
)  # fmt: skip
LIMIT_G, ALARM_G = 0.3, 0.9
CHART = """(title) => {
  const panel = [...document.querySelectorAll('.panel')].find(
    p => p.querySelector('canvas') && p.querySelector('h3').textContent === title);
  if (!panel) return null;
  const chart = getElement(Number(panel.querySelector('.chart').id.slice(1))).chart;
  const series = chart ? chart.getOption().series : [];
  if (!series.length) return null;
  const canvas = panel.querySelector('canvas');
  const box = chart.getModel().getComponent('grid').coordinateSystem.getRect();
  const scale = canvas.width / chart.getWidth();
  const copy = document.createElement('canvas');  // reading the chart's own would slow it down, and Chromium says so
  [copy.width, copy.height] = [canvas.width, canvas.height];
  const brush = copy.getContext('2d', {willReadFrequently: true});
  brush.drawImage(canvas, 0, 0);
  const pixels = brush.getImageData(
    box.x * scale, box.y * scale, box.width * scale, box.height * scale);
  const row = y => {
    const at = Math.round((chart.convertToPixel({yAxisIndex: 0}, y) - box.y) * scale);
    const inked = new Set();
    for (const line of [at - 1, at, at + 1])
      for (let x = 0; x < pixels.width; x++)
        if (pixels.data[4 * (line * pixels.width + x) + 3] > 0) inked.add(x);
    return inked.size / pixels.width;
  };
  return {points: series.map(s => [s.name, s.data.filter(d => d[1] !== null)]),
    marks: series.flatMap(s => ((s.markLine || {}).data || []).map(
      m => ({at: m.yAxis, label: m.label.formatter, inked: row(m.yAxis)}))),
    ink: pixels.data.filter((v, i) => i % 4 === 3 && v > 0).length};
}"""


def room_config() -> dict[str, Any]:
    """A freezer that stays below its limit; as few records as the host learns a room from (60 in 12 hours)."""
    return {
        "asset": {"name": "Freezer 1", "kind": "cold_room"},
        "interval_s": 720,
        "sensors": [{"id": "temp", "driver": "ds18b20", "bus": "ow0", "every_s": 720}],
        "checks": [{"id": "temp-high", "type": "limit", "channel": "temp.mean", "h": -12_000}],
    }


def grow(plant: Plant) -> None:
    """A motor whose bearing has a defect from the start and a freezer, both until their worlds end and all is judged."""
    worn = Machine(seed=3, utc_start_ms=START_MS, life_h=3.0)
    room = ColdRoom(seed=5, utc_start_ms=START_MS, days=0.53)
    limits = {"h": round(LIMIT_G * 1e6), "hh": round(ALARM_G * 1e6), "hysteresis": 10_000}
    plant.add("motor-1", worn, motor("Motor 1, drive end", 60, **limits), speed=2000)
    plant.add("freezer-1", room, room_config(), speed=10_000)
    for name, board in plant.boards.items():
        end_us = board._world.end_us
        assert end_us is not None
        plant.wait(lambda board=board, end_us=end_us: board.now_us >= end_us, 40)
        plant.delivered(name)
        plant.wait(lambda name=name: _judged(plant, name), 20)


def _judged(plant: Plant, name: str) -> bool:
    view = plant.view(name)
    return view.assessment is not None and view.assessment.t_ms == view.last_t


def chart(page: Page, title: str) -> dict[str, Any]:
    """What the chart of that title holds and what of it is really on the canvas."""
    page.wait_for_function(f"({CHART})({title!r})?.ink > 0")
    found: dict[str, Any] = page.evaluate(CHART, title)
    return found


def test_from_the_sensor_to_the_screen(
    make_host: Any, make_plant: Any, ending: ExitStack, chromium_path: str
) -> None:
    host = make_host("--listen", "127.0.0.1:0", "--web-port", "0")
    plant: Plant = make_plant(host.port)
    grow(plant)
    reader = StoreReader(host.store)
    ending.callback(reader.close)
    browser = ending.enter_context(sync_playwright()).chromium.launch(
        executable_path=chromium_path, args=list(ARGS)
    )
    ending.callback(browser.close)
    page = browser.new_page(viewport={"width": 1280, "height": 800}, timezone_id="UTC")
    bad: list[str] = []
    page.on("console", lambda m: bad.append(m.text) if m.type in ("error", "warning") else None)
    page.on("pageerror", lambda e: bad.append(str(e)))

    page.goto(host.page)
    cards = page.locator("a.card")
    expect(cards).to_have_count(2)
    for name, asset in (("freezer-1", "Freezer 1"), ("motor-1", "Motor 1, drive end")):
        card = cards.filter(has_text=asset)
        expect(card.locator("h2")).to_have_text(asset)
        expect(card).to_contain_text(re.compile("Online · last record .* \\(simulated time\\)"))
        judged = reader.node(SITE, name).assessment
        assert judged is not None
        assert judged.health is not None
        expect(card.locator(".score")).to_have_text(health(judged.health))
    expect(cards.filter(has_text="Freezer 1").locator(".word")).to_have_text("Normal")
    expect(cards.filter(has_text="Motor 1").locator(".word")).to_have_text("Alarm")

    # The host gets every verdict of the real nodes from their records, too.
    assert {node.node: node.differences for node in reader.nodes()} == {"freezer-1": 0, "motor-1": 0}
    assert [e.text for e in reader.events(SITE, None, 1000) if e.check == "recheck"] == []

    cards.filter(has_text="Motor 1").click()
    expect(page.locator("h1")).to_have_text("Motor 1, drive end")
    drawn = chart(page, "Vibration RMS")
    assert [name for name, _ in drawn["points"]] == ["x", "y", "z"]
    t, values = reader.series(SITE, "motor-1", "vib.x.rms", 0, 2**53, 10_000)
    shown = drawn["points"][0][1]
    assert len(shown) == len(t) > 150
    assert [point[0] for point in shown] == t.tolist()
    assert [point[1] for point in shown] == pytest.approx(values.tolist(), rel=1e-3)
    assert [(m["at"], m["label"]) for m in drawn["marks"]] == [
        (LIMIT_G, "warning x 0.3"),
        (ALARM_G, "alarm x 0.9"),
    ]
    assert all(m["inked"] > 0.4 for m in drawn["marks"]), "the limits are not drawn across the chart"

    # The node's own check, in the node's own words: a warning first, an alarm later.
    said = [e for e in reader.events(SITE, "motor-1", 1000) if e.check == "x-high" and e.origin == "node"]
    assert {e.to for e in said} >= {"H", "HH"}
    rows = page.locator("tbody tr").filter(has_text="vib.x.rms is above its").filter(has_text="node")
    for word, limit in (("Alarm", "alarm limit"), ("Warning", "warning limit")):
        row = rows.filter(has_text=limit).first
        expect(row.locator(".sev")).to_have_text(word)
        bound, state = (ALARM_G, "HH") if word == "Alarm" else (LIMIT_G, "H")
        newest = next(e for e in said if e.to == state)
        assert newest.value is not None
        expect(row).to_contain_text(f"{newest.value:.4g} g, limit {bound:g} g")

    page.goto(f"{host.page}node/{SITE}/freezer-1")
    drawn = chart(page, "Temperature")
    assert [m["at"] for m in drawn["marks"]] == [-12]
    _, means = reader.series(SITE, "freezer-1", "temp.mean", 0, 2**53, 10_000)
    (mean,) = [points for name, points in drawn["points"] if name == "mean"]
    assert [point[1] for point in mean] == pytest.approx(means.tolist(), rel=1e-3)
    assert -24 < min(means) < max(means) < -12
    page.context.close()
    assert bad == []
    host.stop()
