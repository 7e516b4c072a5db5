"""From a worn bearing to its name: a node is alarmed and takes a waveform, the host names the cause, page, commands and interface show it."""

from __future__ import annotations

import json
import re
import urllib.request
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from plant import SITE, START_MS, Plant, command, motor, said, until
from playwright.sync_api import expect, sync_playwright

from babbitt.store.diagnoses import DiagnosisShelf
from babbitt_tools.sim.machine import Machine

pytestmark = [pytest.mark.part("chromium"), pytest.mark.part("micropython")]

NAME = "motor-1"
ARGS = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync")


def test_a_worn_bearing_is_named_by_the_running_host(
    make_host: Any,
    make_plant: Any,
    ending: ExitStack,
    chromium_path: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings = tmp_path / "babbitt.toml"
    settings.write_text(f'[machines."{SITE}/{NAME}"]\nrpm = 1500\nbearing = "6205"\n')
    monkeypatch.setenv("BABBITT_CONFIG", str(settings))
    host = make_host("--listen", "127.0.0.1:0", "--web-port", "0")
    plant: Plant = make_plant(host.port)
    config = motor("Motor 1", 60, h=200_000, hh=400_000)
    config["sensors"][0] |= {"window": 2048, "capture": 16384}
    plant.add(NAME, Machine(seed=3, utc_start_ms=START_MS, life_h=3.0), config, speed=2000)

    plant.wait(lambda: plant.events(NAME, "cause"), 90)
    (event,) = plant.events(NAME, "cause")
    assert (event.to, event.came_from, event.sev) == ("outer race of bearing 6205", "", 1)
    assert "Outer race: lines of order 3.5" in event.text
    assert "times over the background" in event.text
    (one,) = until(lambda: [d for d in DiagnosisShelf(host.store).newest(SITE, NAME) if d.state != "begun"])
    assert (one.state, one.causes, one.by, one.of) == ("named", ("outer race",), "check", "x-high")
    assert (one.rpm, one.rpm_from, one.reference) == (1500.0, "settings", None)
    assert one.missing["gears"] == f'`teeth` in [machines."{SITE}/{NAME}"] of the settings'
    line = next(each for found in one.found if found.what == "bearing" for each in found.lines)
    assert line.hz == pytest.approx(89.6, rel=0.02)
    assert line.over > 2.5

    told = command("status", "--store", host.store).stdout
    assert f"{SITE}/{NAME}: cause outer race of bearing 6205, by a waveform of " in told
    assert (
        "Found: outer race of bearing 6205."
        in command("diagnose", f"{SITE}/{NAME}", "--store", host.store).stdout
    )
    assert said("diagnose", f"{SITE}/{NAME}", "--store", host.store)["causes"] == ["outer race"]
    assert said("diagnose", one.wave, "--store", host.store)["rpm"] == 1500.0  # by the settings, too

    with urllib.request.urlopen(f"{host.page}api/v1/nodes/{SITE}/{NAME}", timeout=60) as answer:
        found = json.load(answer)["diagnosis"]
    assert (found["words"], found["rpm_from"]) == ("outer race of bearing 6205", "settings")

    browser = ending.enter_context(sync_playwright()).chromium.launch(
        executable_path=chromium_path, args=list(ARGS)
    )
    ending.callback(browser.close)
    page = browser.new_page(viewport={"width": 1280, "height": 900}, timezone_id="UTC")
    bad: list[str] = []
    page.on("console", lambda m: bad.append(m.text) if m.type in ("error", "warning") else None)
    page.goto(f"{host.page}node/{SITE}/{NAME}")
    panel = page.get_by_role("region", name="What the newest waveform told")
    expect(panel.locator(".word")).to_have_text("Outer race of bearing 6205", timeout=30_000)
    expect(panel).to_contain_text("taken by check x-high. At 1500 r/min, by the settings.")
    expect(panel).to_contain_text("Gears: not looked for")
    expect(panel).to_contain_text(re.compile("Compared with none: .*no older waveform"))
    panel.locator("summary").click()
    image = panel.locator("img")
    page.wait_for_function("document.querySelector('img.drawing')?.naturalWidth > 100", timeout=60_000)
    expect(image).to_be_visible()
    expect(page.locator("tbody tr").filter(has_text="Cause, by waveform").locator(".sev")).to_have_text(
        "Warning"
    )
    page.context.close()
    assert bad == []
    plant.close()
    host.stop()
