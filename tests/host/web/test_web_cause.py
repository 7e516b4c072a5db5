"""What waveforms told, in the interface and on the page: named, undetermined, not examined, and the drawing."""

from __future__ import annotations

import json
import sys
import urllib.error
import urllib.request
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from page_store import Filler, demo_like
from playwright.sync_api import expect, sync_playwright

from babbitt.examination import Examination
from babbitt.protocol.messages import WaveInfo
from babbitt.settings import FactsPart
from babbitt.store.waves import WaveShelf
from babbitt.web import WebServer

sys.path.insert(0, str(Path(__file__).parents[1] / "health"))

from machines import RATE, SHAFT, knocks

END = 1_789_000_200_000
ARGS = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync")
FACTS = {"plant/pump-7": FactsPart(rpm=60 * SHAFT, bearing="6205")}


def taken(folder: Path, node: str, n: int, x: Any) -> str:
    raw = np.round(x[: 4 * 4096] * 1000).astype("<i2").tobytes()
    windows = [(5000 + 1300 * k, 4096, round(RATE * 1000), 0, 0) for k in range(4)]
    info = WaveInfo(
        i="9f3a01bc", id=f"1-{n}", sensor="vib", axes="x", unit="g", exp=-3, num=1, den=1, t=END + n, q=3, by="check",
        of="x-high", pre=0, windows=windows, bytes=len(raw), crc=zlib.crc32(raw),
    )  # fmt: skip
    return WaveShelf(folder).save("plant", node, info, raw, END + n).id


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Filler]:
    """pump-7 with three examined waveforms, the newest named; fan-1 with one that nobody can examine for lack of a speed."""
    fill = demo_like(tmp_path_factory.mktemp("cause") / "store", END)
    folder = fill.writer.path
    waves = [
        taken(folder, "pump-7", n, x)
        for n, x in enumerate((knocks(3.5848), np.random.default_rng(1).normal(0, 0.05, 25_600), knocks(3.5848, seed=2)))
    ]  # fmt: skip
    waves.append(taken(folder, "fan-1", 0, knocks(3.5848)))
    examination = Examination(folder, FACTS)
    for wave in waves:
        examination.examine(wave)
    examination.close()
    yield fill
    fill.close()


def get(url: str) -> tuple[int, str, bytes]:
    try:
        with urllib.request.urlopen(url, timeout=60) as answer:
            return answer.status, answer.headers["Content-Type"], answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.headers["Content-Type"], error.read()


def test_the_interface_lists_them_and_draws_one(filled: Filler) -> None:
    with WebServer(filled.writer.path) as server:
        base = f"{server.url}api/v1/nodes/plant"
        first = json.loads(get(f"{base}/pump-7/diagnoses?limit=2")[2])
        assert [one["wave"][-3:] for one in first["items"]] == ["1-2", "1-1"]
        assert [one["state"] for one in first["items"]] == ["named", "none"]
        rest = json.loads(get(f"{base}/pump-7/diagnoses?limit=2&cursor={first['next']}")[2])
        assert [one["wave"][-3:] for one in rest["items"]] == ["1-0"]
        assert rest["next"] is None
        newest = json.loads(get(f"{base}/pump-7")[2])["diagnosis"]
        assert newest == first["items"][0]
        assert newest["words"] == "outer race of bearing 6205"
        assert newest["facts"] == {
            "rpm": pytest.approx(60 * SHAFT), "bearing": "6205", "teeth": "", "line_hz": None, "poles": None, "axial": ""
        }  # fmt: skip
        assert newest["found"][0]["lines"][0]["over"] > 3
        assert json.loads(get(f"{base}/cold-2")[2])["diagnosis"] is None
        assert json.loads(get(f"{base}/cold-2/diagnoses")[2]) == {"items": [], "next": None}
        assert get(f"{base}/nobody/diagnoses")[0] == 404
        status, kind, drawing = get(f"{base}/pump-7/diagnoses/9f3a01bc-1-2/drawing")
        assert (status, kind) == (200, "image/svg+xml")
        assert drawing.startswith(b"<svg ")
        assert b"outer race: order 3.5" in drawing
        status, _, said = get(f"{base}/fan-1/diagnoses/9f3a01bc-1-0/drawing")
        assert status == 400
        assert "nothing to draw" in json.loads(said)["detail"]
        status, _, said = get(f"{base}/pump-7/diagnoses/00000000-1-0/drawing")
        assert (status, json.loads(said)["type"]) == (404, "/api/v1/problems/unknown-waveform")


@pytest.mark.part("chromium")
def test_the_page_says_what_was_not_told_too(filled: Filler, chromium_path: str) -> None:
    with WebServer(filled.writer.path) as server, sync_playwright() as play:
        browser = play.chromium.launch(executable_path=chromium_path, args=list(ARGS))
        page = browser.new_context(viewport={"width": 390, "height": 844}, timezone_id="UTC").new_page()
        bad: list[str] = []
        page.on("console", lambda m: bad.append(m.text) if m.type in ("error", "warning") else None)
        panel = page.get_by_role("region", name="What the newest waveform told")
        page.goto(f"{server.url}node/plant/fan-1")
        expect(panel.locator(".word")).to_have_text("Not examined", timeout=30_000)
        expect(panel).to_contain_text('set `rpm` in [machines."plant/fan-1"] of the settings')
        expect(panel.locator("img")).to_have_count(0)
        page.goto(f"{server.url}node/plant/pump-7")
        expect(panel.locator(".word")).to_have_text("Outer race of bearing 6205")
        expect(panel.locator("dt").filter(has_text="Noise: not looked for")).to_be_visible()
        page.wait_for_function("document.documentElement.scrollWidth <= innerWidth")
        taken(filled.writer.path, "pump-7", 3, np.zeros(25_600))  # not examined yet: what was told last stays
        unclear = taken(filled.writer.path, "pump-7", 4, knocks(3.5848, strong=0.13, seed=4))
        examination = Examination(filled.writer.path, FACTS)
        examination.examine(unclear)
        examination.close()
        expect(panel.locator(".word")).to_have_text("Undetermined (bearing)", timeout=30_000)
        expect(panel.locator("dd").first).to_contain_text("Weak signs of outer race")
        page.goto(f"{server.url}node/plant/cold-2")
        expect(page.locator("tbody tr").first).to_be_visible(timeout=30_000)
        expect(panel).to_be_hidden()
        browser.close()
    assert bad == []
