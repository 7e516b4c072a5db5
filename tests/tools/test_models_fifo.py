"""The models of the newer sensors against what their data sheets say: registers, FIFOs, words, codes."""

from __future__ import annotations

import struct
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from babbitt_tools.vboard.shim import models


class Surroundings:
    """What a model feels: sample k is (k, -k, 2k) times 12 mg."""

    def __init__(self) -> None:
        self.clock = SimpleNamespace(now=1_000_000)
        self.faults: dict[str, tuple[str, float]] = {}
        self.values = {"humidity": 45.6, "current": 12.0, "voltage": 1.2, "contact": 0.0, "speed": 1500.0}
        self.milli_c = -21_500

    def fault(self, device: str) -> str | None:
        return self.faults[device][0] if device in self.faults else None

    def fault_value(self, device: str) -> float:
        return self.faults[device][1]

    def temperature(self) -> int:
        return self.milli_c

    def measure(self, quantity: str, t_us: int | None = None) -> tuple[int, int]:
        return round(self.values[quantity] * 1e6), -1

    def samples(self, view: memoryview, start_us: int, index: int, rate_mhz: int) -> None:
        k = np.arange(index, index + len(view) // 12)
        view[:] = (np.stack([k, -k, 2 * k], 1) * 12_000).astype("<i4").tobytes()


@pytest.fixture
def around() -> Surroundings:
    return Surroundings()


def model(name: str, around: Surroundings, monkeypatch: pytest.MonkeyPatch, **device: Any) -> Any:
    """Made as the shim makes it, where `models` is a top-level package."""
    import importlib
    import sys

    monkeypatch.setitem(sys.modules, "models", models)
    monkeypatch.syspath_prepend(str(models.__path__[0]) + "/..")
    module = importlib.import_module(f"models.{name}")
    return module.make(around, {"name": name, "model": name, "at": 0, **device}, "0" * 12)


def write(chip: Any, *data: int) -> None:
    chip.select()
    assert chip.transfer(bytes(data), bytearray(len(data)))
    chip.deselect()


def read(chip: Any, command: int, n: int = 1) -> bytes:
    back = bytearray(n + 1)
    chip.select()
    assert chip.transfer(bytes([command]) + bytes(n), back)
    chip.deselect()
    return bytes(back[1:])


def test_lis3dh_rolls_over_its_fifo_and_says_when_it_was_full(around: Surroundings, monkeypatch: Any) -> None:
    chip = model("lis3dh", around, monkeypatch)
    assert read(chip, 0x8F) == b"\x33"
    for register, value in ((0x23, 0xB8), (0x24, 0x40), (0x2E, 0x80), (0x20, 0x57)):  # 16 g, 100 Hz
        write(chip, register, value)
    around.clock.now += 1_000 + 55_000
    assert read(chip, 0xAF)[0] == 5
    words = struct.unpack("<15h", read(chip, 0xC0 | 0x28, 30))
    assert [w >> 4 for w in words] == [v for k in range(5) for v in (k, -k, 2 * k)]
    around.clock.now += 400_000
    assert read(chip, 0xAF)[0] == 0x40 | 31
    around.faults["lis3dh"] = ("wrong_identity", 0)
    assert read(chip, 0x8F) != b"\x33"
    around.faults["lis3dh"] = ("no_device", 0)
    assert not chip.i2c_write(b"\x0f")
    with pytest.raises(NotImplementedError, match="low power"):
        chip.write(0x20, 0x5F)


def test_mpu_counts_bytes_and_takes_nothing_asleep(around: Surroundings, monkeypatch: Any) -> None:
    chip = model("mpu6050", around, monkeypatch)
    assert chip.i2c_write(b"\x1c\x10")
    assert chip.read(0x1C) == 0
    for register, value in (
        (0x6B, 1),
        (0x1A, 1),
        (0x19, 9),
        (0x1C, 0x10),
        (0x23, 8),
        (0x6A, 0x44),
        (0x6A, 0x40),
    ):
        assert chip.i2c_write(bytes([register, value]))
    around.clock.now += 1_000 + 30_000
    back = bytearray(2)
    chip.i2c_write(b"\x72")
    chip.i2c_read(back)
    assert struct.unpack(">H", back) == (18,)
    back = bytearray(18)
    chip.i2c_write(b"\x74")
    chip.i2c_read(back)
    assert struct.unpack(">9h", back) == (0, 0, 0, 49, -49, 98, 98, -98, 197)  # 12 mg are 49.15 counts
    around.clock.now += 10_000_000
    assert chip.read(0x72) << 8 | chip.read(0x73) == 1020
    assert (chip.read(0x3A), chip.read(0x3A)) == (0x10, 0)


def test_iis3dwb_words_have_tags_with_even_parity(around: Surroundings, monkeypatch: Any) -> None:
    chip = model("iis3dwb", around, monkeypatch)
    for register, value in ((0x10, 0x04), (0x09, 0x0A), (0x0A, 6), (0x10, 0xA4)):
        write(chip, register, value)
    around.clock.now += 10_000 + 1_000
    assert read(chip, 0x80 | 0x3A, 2) == bytes([26, 0])
    words = read(chip, 0x80 | 0x78, 7 * 8)
    for k in range(8):
        tag = words[7 * k]
        assert (tag >> 3, tag >> 1 & 3, tag.bit_count() % 2) == (2, k % 4, 0)
        x, y, z = struct.unpack("<3h", words[7 * k + 1 : 7 * k + 7])
        assert (x, y, z) == tuple(round(v * 12_000 / 488) for v in (k, -k, 2 * k))
    around.clock.now += 1_000_000
    status = read(chip, 0x80 | 0x3A, 2)
    assert status[0] | (status[1] & 3) << 8 == 512
    assert status[1] & 0x48


@pytest.mark.parametrize(("error", "count"), [(0.1, 110), (-0.1, 90)])
def test_rate_errors(around: Surroundings, monkeypatch: Any, error: float, count: int) -> None:
    chip = model("mpu6050", around, monkeypatch)
    around.faults["mpu6050"] = ("rate_error", error)
    for register, value in ((0x6B, 1), (0x1A, 1), (0x19, 9), (0x23, 8), (0x6A, 0x40)):
        chip.write(register, value)
    around.clock.now += 1_000 + 1_000_000
    assert chip.held() == count


def test_tmp117_converts_once_and_says_when_it_is_ready(around: Surroundings, monkeypatch: Any) -> None:
    chip = model("tmp117", around, monkeypatch)

    def word(register: int) -> int:
        back = bytearray(2)
        assert chip.i2c_write(bytes([register]))
        assert chip.i2c_read(back)
        value: int = struct.unpack(">h", back)[0]
        return value

    assert (word(0), word(15)) == (-32768, 0x117)
    chip.i2c_write(b"\x01\x0c\x20")
    around.clock.now += 124_000
    assert not word(1) & 0x2000
    around.clock.now += 1_000
    assert word(1) & 0x2000
    assert not word(1) & 0x2000
    assert word(0) == -21.5 * 128


def test_sht3x_does_not_acknowledge_before_it_has_measured(around: Surroundings, monkeypatch: Any) -> None:
    chip = model("sht3x", around, monkeypatch)
    six = bytearray(6)
    assert chip.i2c_write(b"\x24\x00")
    assert not chip.i2c_read(six)
    around.clock.now += 15_000
    assert chip.i2c_read(six)
    assert not chip.i2c_read(six)
    raw, _, humidity, _ = struct.unpack(">HBHB", six)
    assert (raw, humidity) == (round((45 - 21.5) / 175 * 65535), round(0.456 * 65535))


def test_max31865_measures_only_with_bias_and_after_its_time(around: Surroundings, monkeypatch: Any) -> None:
    chip = model("max31865", around, monkeypatch)
    around.milli_c = 0
    write(chip, 0x80, 0xC1)
    around.clock.now += 72_000
    assert read(chip, 0x01, 2) == b"\x00\x00"
    around.clock.now += 1_000
    assert struct.unpack(">H", read(chip, 0x01, 2))[0] >> 1 == round(32768 / 4.3)
    around.faults["max31865"] = ("short_circuit", 0)
    write(chip, 0x80, 0x85)
    assert read(chip, 0x07)[0] & 0x40
    assert not chip.transfer(b"\x00\x00", bytearray(2), 0, 1_000_000)


def test_pins_give_what_the_world_gives(around: Surroundings, monkeypatch: Any) -> None:
    loop = model("pins", around, monkeypatch, model="loop", at=150)
    assert loop.microvolts() == 12_000 * 150
    shaft = model("pins", around, monkeypatch, model="shaft", at=2)
    around.clock.now += 60_000_000
    assert shaft.total() == 3000
    contact = model("pins", around, monkeypatch, model="contact")
    assert contact.level() == 1
    around.values["contact"] = 1.0
    assert contact.level() == 0
