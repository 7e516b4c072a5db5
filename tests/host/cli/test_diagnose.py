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


def kept(store: Path, wave: str, x: np.ndarray, z: np.ndarray, window: int = 4096, clip: int = 0) -> str:
    """A waveform of axes x and z, in windows, 1 mg a count."""
    whole = 4  # the most that a waveform holds
    counts = np.round(np.stack([x, z])[:, : whole * window] * 1000).astype("<i2")
    raw = counts.reshape(2, whole, window).transpose(1, 0, 2).tobytes()
    rows = [(5000 + 1300 * n, window, round(RATE * 1000), 0, clip) for n in range(whole)]
    fields = {
        "i": "9f3a01bc", "id": wave, "sensor": "vib", "axes": "xz", "unit": "g", "exp": -3, "num": 1, "den": 1, "t": T0, "q": 3,
        "by": "command", "of": "c1", "pre": 0, "windows": rows, "bytes": len(raw), "crc": zlib.crc32(raw),
    }  # fmt: skip
    return WaveShelf(store).save("hall", "pump-7", WaveInfo(**fields), raw, 1000).id  # type: ignore[arg-type]


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
