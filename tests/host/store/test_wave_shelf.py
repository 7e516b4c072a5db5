"""Waveforms on disk: whole or not at all, in g and seconds, within their limits."""

from __future__ import annotations

import os
import zlib
from pathlib import Path

import numpy as np
import pytest

from babbitt.errors import StoreError, UnknownWave
from babbitt.protocol.messages import WaveInfo
from babbitt.store import waves
from babbitt.store.waves import WaveShelf, plain

DAY_MS = 86_400_000


def samples(seed: int = 1, count: int = 300) -> bytes:
    return np.random.default_rng(seed).integers(-4096, 4096, count).astype("<i2").tobytes()


def info(raw: bytes, wave: str = "3-0", **changes: object) -> WaveInfo:
    """Two windows of x and z, 100 and 50 samples, 15625/4 micro-g a count."""
    fields = {
        "i": "9f3a01bc", "id": wave, "sensor": "vib", "axes": "xz", "unit": "g", "exp": -6, "num": 15625, "den": 4,
        "t": 1789000000000, "q": 3, "by": "command", "of": "c1", "pre": 100,
        "windows": [(5000, 100, 3_200_000, 0, 1), (5100, 50, 1_600_000, 2, 3)], "bytes": len(raw), "crc": zlib.crc32(raw),
    } | changes  # fmt: skip
    return WaveInfo(**fields)  # type: ignore[arg-type]


def saved(shelf: WaveShelf, wave: str = "3-0", node: str = "pump-7", now: int = 1000) -> str:
    raw = samples()
    return shelf.save("hall", node, info(raw, wave), raw, now).id


def test_what_is_saved_comes_back_in_physical_units(tmp_path: Path) -> None:
    shelf = WaveShelf(tmp_path)
    assert not shelf.has("hall", "pump-7", "9f3a01bc", "3-0")
    name = saved(shelf)
    assert name == "hall/pump-7/9f3a01bc-3-0"
    assert shelf.has("hall", "pump-7", "9f3a01bc", "3-0")
    wave = shelf.load(name)
    assert shelf.views() == [wave.view]
    assert (wave.view.samples, wave.view.pre, wave.view.windows, wave.view.rate_hz) == (150, 100, 2, 3200.0)
    assert (wave.view.overflow, wave.view.clip, wave.unit) == (2, 4, "g")
    raw = np.frombuffer(samples(), "<i2") / 256
    assert np.allclose(wave.g[:100, 0], raw[:100])
    assert np.allclose(wave.g[:100, 1], raw[100:200])
    assert np.allclose(wave.g[100:, 0], raw[200:250])
    assert np.allclose(wave.g[100:, 1], raw[250:])
    assert wave.window.tolist() == [0] * 100 + [1] * 50
    assert np.allclose(wave.time_s[:100], np.arange(100) / 3200)
    assert np.allclose(wave.time_s[100:], 0.1 + np.arange(50) / 1600)
    assert set(plain(wave)) == {"time_s", "window", "rates_hz", "x", "z"}


def test_waveforms_are_packed_and_those_of_before_are_still_read(tmp_path: Path) -> None:
    shelf = WaveShelf(tmp_path)
    t = np.arange(4096)
    quiet = (300 * np.sin(t / 7) + np.random.default_rng(2).normal(0, 20, 4096)).astype("<i2").tobytes()
    one = info(quiet, "3-5", axes="x", windows=[(5000, 4096, 3_200_000, 0, 0)])
    name = shelf.save("hall", "pump-7", one, quiet, 1).id
    path = tmp_path / "waves/hall/pump-7/9f3a01bc-3-5.wave"
    found = shelf.load(name).g
    assert path.stat().st_size < 0.8 * len(quiet)
    assert np.array_equal(found[:, 0], np.frombuffer(quiet, "<i2") / 256)
    head = path.read_bytes().split(b"\n")[1]
    path.write_bytes(b"BABBITT-WAVE 1\n" + head + b"\n" + quiet)
    assert np.array_equal(shelf.load(name).g, found)
    path.write_bytes(b"BABBITT-WAVE 2\n" + head + b"\n" + zlib.compress(bytes(10**7)))  # much too much
    with pytest.raises(StoreError, match="damaged"):
        shelf.load(name)


def test_an_unfinished_file_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shelf = WaveShelf(tmp_path)

    def cut(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", cut)
    with pytest.raises(StoreError, match="No space left"):
        saved(shelf)
    assert shelf.views() == []
    assert list(tmp_path.rglob("*.*")) == []
    (tmp_path / "waves/hall/pump-7/9f3a01bc-3-0.wave.new").write_bytes(
        b"BABBITT-WAVE 1\n{"
    )  # power cut while it was written
    assert shelf.views() == []
    monkeypatch.undo()
    saved(shelf)
    assert len(shelf.views()) == 1


@pytest.mark.parametrize("at", [0, 20, 200, -1])
def test_damage_is_found(tmp_path: Path, at: int, caplog: pytest.LogCaptureFixture) -> None:
    shelf = WaveShelf(tmp_path)
    name = saved(shelf)
    saved(shelf, "3-1")
    path = tmp_path / "waves/hall/pump-7/9f3a01bc-3-0.wave"
    raw = bytearray(path.read_bytes())
    raw[at] ^= 0x80
    path.write_bytes(raw)
    with pytest.raises(StoreError, match=r"damaged|first lines"):
        shelf.load(name)
    kept = [view.id for view in shelf.views()]
    assert "hall/pump-7/9f3a01bc-3-1" in kept
    assert (name in kept) == (at == -1)  # a list looks at no samples
    assert ("is no waveform" in caplog.text) == (at != -1)


@pytest.mark.parametrize(
    "name", ["x", "hall/pump-7/9f3a01bc-3-9", "../../../etc/passwd", "hall/pump-7/9f3a01bc-3-0/..", ""]
)
def test_ids_that_are_none(tmp_path: Path, name: str) -> None:
    shelf = WaveShelf(tmp_path)
    saved(shelf)
    with pytest.raises(UnknownWave, match="babbitt waves"):
        shelf.load(name)


def aged(tmp_path: Path, wave: str, days: float, node: str = "pump-7") -> None:
    path = tmp_path / f"waves/hall/{node}/9f3a01bc-{wave}.wave"
    os.utime(path, (1e9 - days * 86_400,) * 2)


def test_the_oldest_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shelf = WaveShelf(tmp_path)
    now = 1_000_000_000_000
    for n in range(6):
        saved(shelf, f"3-{n}", now=n)
        aged(tmp_path, f"3-{n}", 10 - n)
    saved(shelf, "3-0", "other")
    aged(tmp_path, "3-0", 20, "other")
    assert shelf.prune(now) == 0
    monkeypatch.setattr(waves, "NODE_MAX", 4)
    assert shelf.prune(now) == 2
    assert [view.id[-3:] for view in shelf.views(node="pump-7")] == ["3-5", "3-4", "3-3", "3-2"]
    assert len(shelf.views("hall", "other")) == 1
    assert shelf.prune(now, 21) == 0
    assert shelf.prune(now, 19) == 1
    assert shelf.views(node="other") == []
    size = next(tmp_path.rglob("*.wave")).stat().st_size
    monkeypatch.setattr(waves, "TOTAL_MAX", 2 * size)
    assert shelf.prune(now) == 2
    assert [view.id[-3:] for view in shelf.views()] == ["3-5", "3-4"]
