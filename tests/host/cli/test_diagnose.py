"""`babbitt diagnose` as a user runs it, on waveforms in a store."""

from __future__ import annotations

import json
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
from test_commands import fill, run, said

from babbitt.protocol.messages import WaveInfo
from babbitt.store.waves import WaveShelf
from babbitt.store.writer import StoreWriter

sys.path.insert(0, str(Path(__file__).parents[1] / "health"))

from machines import RATE, SHAFT, knocks, lines

T0 = 1_789_000_000_000
BIRTH = {
    "i": "9f3a01bc", "fw": "0.1.0", "board": "virtual", "boot": 1, "reset": "power_on", "prev": None,
    "oldest": {"boot": 1, "seq": 0}, "discards": [], "q": 3, "asset": {"name": "Pump 7", "kind": "machine"}, "interval": 10,
    "channels": [{"id": "shaft.rpm", "unit": "r/min", "exp": -3, "lo": 0, "hi": 10_000_000}],
    "sensors": [], "checks": [], "config": {"version": 1, "hash": "0123456789abcdef"},
}  # fmt: skip


def kept(
    store: Path,
    wave: str,
    x: np.ndarray,
    z: np.ndarray,
    window: int = 4096,
    clip: int = 0,
    t: int = T0,
    **changes: object,
) -> str:
    """A waveform of axes x and z, in windows, 1 mg a count."""
    whole = 4  # the most that a waveform holds
    counts = np.round(np.stack([x, z])[:, : whole * window] * 1000).astype("<i2")
    raw = counts.reshape(2, whole, window).transpose(1, 0, 2).tobytes()
    rows = [(5000 + 1300 * n, window, round(RATE * 1000), 0, clip) for n in range(whole)]
    fields = {
        "i": "9f3a01bc", "id": wave, "sensor": "vib", "axes": "xz", "unit": "g", "exp": -3, "num": 1, "den": 1, "t": t, "q": 3,
        "by": "command", "of": "c1", "pre": 0, "windows": rows, "bytes": len(raw), "crc": zlib.crc32(raw),
    } | changes  # fmt: skip
    return WaveShelf(store).save("hall", "pump-7", WaveInfo(**fields), raw, t - T0 + 1000).id  # type: ignore[arg-type]


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """A node with a tachometer at 1776 r/min."""
    StoreWriter(tmp_path / "s").close()
    row = [10_000, T0 + 500, 0, round(SHAFT * 60_000)]
    data = {"i": "9f3a01bc", "boot": 1, "seq": 0, "q": 3, "rows": [row]}
    fill(tmp_path / "s", ("birth", json.dumps(BIRTH).encode()), ("data", json.dumps(data).encode()))
    return tmp_path / "s"


def test_a_fault_is_named_drawn_and_told_to_programs(store: Path) -> None:
    wave = kept(store, "1-0", lines({1: 5.0}) + knocks(3.5848), lines({1: 4.0}, seed=2))
    drawing = store.parent / "found.svg"
    told = run("diagnose", wave, "--store", store, "--bearing", "6205", "--drawing", drawing).stdout
    assert "1776 r/min, bearing 6205" in told
    assert "Found: outer race, imbalance." in told
    assert "Ruled out: " in told
    assert "outer race: order 3.5" in drawing.read_text()
    found = said("diagnose", wave, "--store", store, "--bearing", "9/7.94/39.04")
    assert found["causes"] == ["outer race", "imbalance"]
    assert found["bearing"]["seen"][0]["order"] == pytest.approx(3.585, abs=0.001)
    assert {line["order"] for line in found["rotor"]["lines"]} >= {1.0, 2.0}
    searched = said("diagnose", wave, "--store", store, "--rpm", "1776")
    assert searched["bearing"]["cause"] == "bearing"


def test_what_was_there_before_is_taken_off(store: Path) -> None:
    well = kept(store, "1-0", lines({1: 5.0}), lines({1: 4.0}, seed=2))
    now = kept(store, "1-1", lines({1: 5.5}, seed=3), lines({1: 4.0}, seed=4))
    assert said("diagnose", now, "--store", store)["rotor"]["cause"] == "imbalance"
    assert said("diagnose", now, "--store", store, "--before", well)["causes"] == []


@pytest.mark.parametrize(
    ("more", "word"),
    [
        (["--bearing", "nonsense"], "not in the catalogue"),
        (["--rpm", "40"], "are needed"),
        (["--before", "hall/pump-7/9f3a01bc-9-9"], "no waveform"),
        (["--drawing", "/nowhere/x.svg"], "cannot be written"),
        (["--spectrum", "/nowhere/x.csv"], "cannot be written"),
    ],
)
def test_what_cannot_be_is_said(store: Path, more: list[str], word: str) -> None:
    wave = kept(store, "1-0", knocks(3.5848), lines({}))
    assert word in run("diagnose", wave, "--store", store, *more, code=1).stderr


def test_without_a_speed_or_with_a_clipped_sensor_nothing_is_said(tmp_path: Path) -> None:
    fill(tmp_path / "s", ("birth", json.dumps(BIRTH).encode()))
    wave = kept(tmp_path / "s", "1-0", knocks(3.5848), lines({}))
    assert "give it with --rpm" in run("diagnose", wave, "--store", tmp_path / "s", code=1).stderr
    clipped = kept(tmp_path / "s", "1-1", knocks(3.5848), lines({}), clip=500)
    assert "range_g" in run("diagnose", clipped, "--store", tmp_path / "s", "--rpm", "1776", code=1).stderr


def test_gears_and_motor_are_looked_for_with_what_they_need(store: Path) -> None:
    """A line at twice 60 Hz, told apart from 4x of the shaft by windows of 0.64 s? It is 1.6 Hz away: no."""
    t = np.arange(4 * 4096) / RATE
    mesh = 0.3 * np.cos(2 * np.pi * 23 * SHAFT * t) + 0.2 * np.cos(2 * np.pi * 46 * SHAFT * t)
    wave = kept(store, "1-0", lines({1: 0.4})[: len(t)] + mesh, lines({1: 0.4}, seed=2)[: len(t)])
    told = run(
        "diagnose", wave, "--store", store, "--bearing", "6205", "--teeth", "23/57", "--line-hz", "60"
    ).stdout
    assert "Gears: none. The gears mesh as gears do." in told
    assert "Electrical: none." in told
    assert "Not looked for: noise, which needs a waveform of when all was well (--before)." in told
    assert "10 to 1000 Hz)" in told
    assert "spectral kurtosis" in told
    found = said(
        "diagnose",
        wave,
        "--store",
        store,
        "--teeth",
        "23",
        "--line-hz",
        "60",
        "--poles",
        "4",
        "--before",
        wave,
    )
    assert set(found["findings"]) == {"gears", "electrical", "noise"}
    assert found["missing"] == {}
    assert found["findings"]["gears"]["tones"][0]["hz"] == pytest.approx(23 * SHAFT, abs=0.5)
    assert found["velocity"]["x"]["mm_s"] > 0.3
    assert found["band"]["low_hz"] < found["band"]["high_hz"] <= RATE / 2


def test_a_speed_that_changes_is_read_at_equal_angles(store: Path) -> None:
    """A bearing on a run-up from 1660 to 1892 r/min: its lines, which move by 14 %, are found at one order."""
    t = np.arange(4 * 4096) / RATE
    # the windows of a waveform are 1300 ms apart; each is a part of one long run-up
    began = np.array([0.0, 1.3, 2.6, 3.9])
    time_s = (began[:, None] + np.arange(4096) / RATE).ravel()
    end = float(time_s[-1])
    slow, fast = 1660.0, 1892.0
    turns = (slow * time_s + (fast - slow) / end * time_s**2 / 2) / 60
    rng = np.random.default_rng(1)
    x = rng.normal(0, 0.05, len(t)) + 0.1 * np.sin(2 * np.pi * 3 * turns)
    struck = np.flatnonzero(np.diff(np.floor(3.5848 * turns)) > 0)
    ring = np.arange(25) / RATE
    for at in struck[struck < len(x) - 25]:
        x[at : at + 25] += np.exp(-900 * ring) * np.sin(2 * np.pi * 2100 * ring)
    wave = kept(store, "1-0", x, lines({1: 0.5})[: len(t)])
    table = store.parent / "orders.csv"
    steady = said("diagnose", wave, "--store", store, "--rpm", "1776", "--bearing", "6205")
    tracked = said(
        "diagnose", wave, "--store", store, "--rpm", "1660", "--rpm-end", "1892", "--bearing", "6205"
    )
    assert tracked["bearing"]["cause"] == "outer race"
    assert tracked["steady"] is False
    assert tracked["rpm"] == pytest.approx(1776, rel=0.01)
    strength = {name: one["bearing"]["seen"][0]["strength"] for name, one in (("s", steady), ("t", tracked))}
    assert strength["t"] > 1.5 * strength["s"]
    told = run(
        "diagnose", wave, "--store", store, "--rpm", "1660", "--rpm-end", "1892", "--line-hz", "60", "--bearing", "6205",
        "--spectrum", table,
    ).stdout  # fmt: skip
    assert f"Its spectrum is in {table}" in told
    order, hz, g, floor = np.loadtxt(table, delimiter=",", skiprows=1, unpack=True)
    assert table.read_text().startswith("order,hz,g_rms,background_g_rms\n")
    near = (order > 2.9) & (order < 3.1)
    assert order[near][np.argmax(g[near])] == pytest.approx(3.0, abs=0.03)  # a line of the run-up is one line
    assert g[near].max() > 8 * np.median(floor[near])
    assert hz[-1] / order[-1] == pytest.approx(tracked["rpm"] / 60, rel=1e-3)
    assert "read at equal angles, 1660 to 1892 r/min" in told
    assert "electrical, which needs a constant speed" in told


def test_a_tachometer_that_tells_of_a_change_is_followed(store: Path) -> None:
    """Rows before and after the waveform with two speeds: the straight line between them is the profile."""
    row = [20_000, T0 + 10_500, 0, round(1.1 * SHAFT * 60_000)]
    fill(store, ("data", json.dumps({"i": "9f3a01bc", "boot": 1, "seq": 1, "q": 3, "rows": [row]}).encode()))
    between = kept(store, "1-0", knocks(3.5848), lines({}), t=T0 + 2000)
    moved = said("diagnose", between, "--store", store, "--bearing", "6205")
    # 1.5 s after the first row it begins, 4.5 s later it ends: on average 3.8 of the 10 s are over
    assert moved["steady"] is False
    assert moved["rpm"] == pytest.approx(60 * SHAFT * (1 + 0.1 * 0.38), rel=0.003)
    early = said(
        "diagnose", kept(store, "1-1", knocks(3.5848), lines({})), "--store", store, "--bearing", "6205"
    )
    assert (early["steady"], early["rpm"]) == (
        True,
        pytest.approx(60 * SHAFT),
    )  # no row before it: the nearest counts


@pytest.mark.parametrize(
    ("more", "word"),
    [
        (["--teeth", "many"], "are no teeth"),
        (["--teeth", "32/80/12"], "are no teeth"),
        (["--teeth", "2"], "are no teeth"),
        (["--poles", "4"], "--line-hz"),
        (["--poles", "5", "--line-hz", "50"], "even number"),
        (["--rpm-end", "1500"], "--rpm"),
    ],
)
def test_options_that_make_no_machine_are_refused(store: Path, more: list[str], word: str) -> None:
    wave = kept(store, "1-0", knocks(3.5848), lines({}))
    assert word in run("diagnose", wave, "--store", store, *more, code=2).stderr


def test_a_motor_that_cannot_turn_so_fast_is_said(store: Path) -> None:
    wave = kept(store, "1-0", knocks(3.5848), lines({}))
    told = run("diagnose", wave, "--store", store, "--line-hz", "50", "--poles", "4", code=1).stderr
    assert "turns at most 1500 r/min" in told
