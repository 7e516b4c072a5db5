"""The sensor models against what the data sheets say."""

from __future__ import annotations

import struct
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from babbitt_tools.vboard.shim.models.adxl345 import ADXL345
from babbitt_tools.vboard.shim.models.ds18b20 import DS18B20, crc8
from babbitt_tools.vboard.watch import Watch
from babbitt_tools.vboard.world import output_stage


class Surroundings:
    """What a model feels: sample k is (k, -k, 2k) counts; temperature as set."""

    def __init__(self) -> None:
        self.clock = SimpleNamespace(now=1_000_000)
        self.faults: dict[str, tuple[str, float]] = {}
        self.milli_c = -21_500
        self.bursts: list[tuple[int, int, int]] = []

    def fault(self, device: str) -> str | None:
        return self.faults[device][0] if device in self.faults else None

    def fault_value(self, device: str) -> float:
        return self.faults[device][1]

    def temperature(self) -> int:
        return self.milli_c

    def accel(self, view: memoryview, fmt: int, start_us: int, index: int, rate_mhz: int) -> None:
        self.bursts.append((start_us, index, rate_mhz))
        k = np.arange(index, index + len(view) // 6)
        view[:] = output_stage(np.stack([k, -k, 2 * k], 1).astype(np.int16), fmt).tobytes()


@pytest.fixture
def around() -> Surroundings:
    return Surroundings()


class Bus:
    """Talks to an ADXL345 as a driver does."""

    def __init__(self, around: Surroundings) -> None:
        self.model: Any = ADXL345(around)
        self.around = around

    def write(self, register: int, value: int) -> None:
        self.model.select()
        assert self.model.transfer(bytes([register, value]), bytearray(2))
        self.model.deselect()

    def read(self, register: int, n: int = 1) -> bytes:
        back = bytearray(n + 1)
        self.model.select()
        assert self.model.transfer(bytes([0xC0 | register]) + bytes(n), back)
        self.model.deselect()
        return bytes(back[1:])

    def sample(self) -> tuple[int, int, int]:
        x, y, z = struct.unpack("<3h", self.read(0x32, 6))
        return x, y, z

    def start(self, rate_code: int = 0x0A, form: int = 0x0B, mode: int = 0x80) -> None:
        for register, value in (
            (0x2D, 0),
            (0x2C, rate_code),
            (0x31, form),
            (0x38, 0),
            (0x38, mode),
            (0x2D, 8),
        ):
            self.write(register, value)

    def elapse(self, us: int) -> None:
        self.around.clock.now += us


@pytest.fixture
def bus(around: Surroundings) -> Bus:
    return Bus(around)


def test_reset_values(bus: Bus) -> None:
    assert (bus.read(0x00), bus.read(0x2C), bus.read(0x2D)) == (b"\xe5", b"\x0a", b"\x00")


def test_standby_produces_nothing(bus: Bus) -> None:
    bus.elapse(10_000_000)
    assert bus.read(0x39) == b"\x00"


def test_samples_come_at_the_rate_after_the_turn_on_time(bus: Bus) -> None:
    bus.start()  # 100 Hz
    bus.elapse(11_000)
    assert bus.read(0x39)[0] == 0
    bus.elapse(200)
    assert bus.read(0x39)[0] == 1
    bus.elapse(90_000)
    assert bus.read(0x39)[0] == 10


def test_a_burst_read_takes_one_entry_and_in_order(bus: Bus) -> None:
    bus.start()
    bus.elapse(61_200)
    assert [bus.sample()[0] for _ in range(6)] == [0, 1, 2, 3, 4, 5]
    assert bus.read(0x39)[0] == 0
    assert bus.sample()[0] == 5  # empty: the registers keep the last one


def test_a_read_of_one_byte_clears_a_level_too(bus: Bus) -> None:
    bus.start()
    bus.elapse(31_200)
    bus.read(0x32)
    assert bus.read(0x39)[0] == 2
    assert bus.sample()[0] == 1


def test_the_fifo_holds_33_and_the_oldest_go(bus: Bus) -> None:
    bus.start()
    bus.elapse(1_100 + 40 * 10_000)
    assert bus.read(0x39)[0] == 32
    assert bus.read(0x30)[0] & 1
    got = []
    while bus.read(0x39)[0]:
        got.append(bus.sample()[0])
    assert got == list(range(7, 40))
    assert not bus.read(0x30)[0] & 1


def test_fifo_mode_keeps_the_oldest(bus: Bus) -> None:
    bus.start(mode=0x40)
    bus.elapse(1_100 + 40 * 10_000)
    assert bus.sample()[0] == 0


def test_watermark_and_data_ready(bus: Bus) -> None:
    bus.start(mode=0x80 | 16)
    assert bus.read(0x30)[0] & 0x82 == 0
    bus.elapse(1_100 + 15 * 10_000)
    assert bus.read(0x30)[0] & 0x82 == 0x80
    bus.elapse(10_000)
    assert bus.read(0x30)[0] & 0x82 == 0x82


def test_emptying_the_fifo_begins_a_new_burst(bus: Bus, around: Surroundings) -> None:
    bus.start()
    bus.elapse(200_000)
    bus.sample()
    bus.write(0x38, 0)
    bus.write(0x38, 0x80)
    began = around.clock.now
    bus.elapse(12_000)
    assert bus.sample()[0] == 0
    assert around.bursts[-1] == (began, 0, 100_000)


@pytest.mark.parametrize(("code", "low"), [(0x0F, 0), (0x0E, 0), (0x0D, 1)])
def test_the_lowest_bit_is_zero_at_1600_and_3200_hz(bus: Bus, code: int, low: int) -> None:
    bus.start(rate_code=code)
    bus.elapse(1_100 + 5_000)
    assert max(bus.sample()[0] & 1 for _ in range(4)) == low


@pytest.mark.parametrize(
    ("fmt", "top", "bottom"), [(0x08, 511, -512), (0x0B, 4095, -4096), (0x03, 511, -512), (0x01, 511, -512)]
)
def test_clipping_at_the_range(fmt: int, top: int, bottom: int) -> None:
    counts = np.array([[32000, -32000, 0]], np.int16)
    assert output_stage(counts, fmt).tolist() == [[top, bottom, 0]]


def test_ten_bits_over_sixteen_g_are_32_counts_a_g() -> None:
    assert output_stage(np.array([[256, -256, 512]], np.int16), 0x03).tolist() == [[32, -32, 64]]


def test_wrong_mode_or_too_fast_a_clock_is_silence(bus: Bus) -> None:
    assert not bus.model.transfer(b"\x80\x00", bytearray(2), 0, 1_000_000)
    assert not bus.model.transfer(b"\x80\x00", bytearray(2), 3, 8_000_000)


def test_what_is_not_modelled_says_so(bus: Bus) -> None:
    with pytest.raises(NotImplementedError, match="trigger"):
        bus.write(0x38, 0xC0)


@pytest.mark.parametrize(("error", "count"), [(0.1, 110), (-0.1, 90)])
def test_rate_error(bus: Bus, around: Surroundings, error: float, count: int) -> None:
    around.faults["adxl345"] = ("rate_error", error)
    bus.start(mode=0)  # bypass: only the newest sample is kept
    bus.elapse(1_100 + 1_000_000)
    assert bus.sample()[0] == count - 1


def test_faults_of_the_accelerometer(bus: Bus, around: Surroundings) -> None:
    bus.start()
    bus.elapse(100_000)
    around.faults["adxl345"] = ("wrong_identity", 0)
    assert bus.read(0)[0] not in (0xE5, 0x00, 0xFF)
    around.faults["adxl345"] = ("overrun", 0)
    assert bus.read(0x30)[0] & 1
    around.faults["adxl345"] = ("saturated", 0)
    assert bus.sample() == (4095, 4095, 4095)
    around.faults["adxl345"] = ("stuck", 0)
    assert {bus.sample() for _ in range(4)} == {(4095, 4095, 4095)}
    around.faults["adxl345"] = ("no_device", 0)
    assert not bus.model.transfer(b"\x80\x00", bytearray(2))


class Wire:
    """Talks to a DS18B20 as a driver does."""

    def __init__(self, around: Surroundings) -> None:
        self.model: Any = DS18B20(around, b"\x01\x02\x03\x04\x05\x06")
        self.around = around

    def send(self, *data: int) -> bool:
        present: bool = self.model.reset()
        for byte in data:
            for i in range(8):
                self.model.write_bit(byte >> i & 1)
        return present

    def receive(self, n: int) -> bytes:
        return bytes(sum(self.model.read_bit() << i for i in range(8)) for _ in range(n))

    def pad(self) -> bytes:
        self.send(0xCC, 0xBE)
        return self.receive(9)

    def raw(self) -> int:
        value: int = struct.unpack("<h", self.pad()[:2])[0]
        return value


@pytest.fixture
def wire(around: Surroundings) -> Wire:
    return Wire(around)


def test_power_on_value_is_85_degrees(wire: Wire) -> None:
    assert wire.raw() == 85 * 16
    assert crc8(wire.pad()) == 0


@pytest.mark.parametrize(
    "milli_c", [125_000, 85_000, 25_062, 10_125, 500, 0, -500, -10_125, -25_062, -55_000]
)
def test_temperatures_of_the_data_sheet(wire: Wire, around: Surroundings, milli_c: int) -> None:
    around.milli_c = milli_c
    wire.send(0xCC, 0x44)
    assert wire.receive(1) == b"\x00"  # busy
    around.clock.now += 750_000
    assert wire.receive(1) == b"\xff"
    assert wire.raw() == round(milli_c * 16 / 1000)


def test_a_reading_before_the_end_of_the_conversion_is_the_old_one(wire: Wire, around: Surroundings) -> None:
    wire.send(0xCC, 0x44)
    around.clock.now += 749_000
    assert wire.raw() == 85 * 16
    around.clock.now += 1_000
    assert wire.raw() == round(-21.5 * 16)


def test_nine_bits_are_faster_and_coarser(wire: Wire, around: Surroundings) -> None:
    around.milli_c = 10_437
    wire.send(0xCC, 0x4E, 0, 0, 0x1F)
    wire.send(0xCC, 0x44)
    around.clock.now += 93_750
    assert wire.raw() == 160  # 10.0


def test_only_the_device_that_is_addressed_answers(wire: Wire) -> None:
    wire.send(0x55, *wire.model.rom, 0xBE)
    assert crc8(wire.receive(9)) == 0
    other = bytes(wire.model.rom[:7]) + b"\x00"
    wire.send(0x55, *other, 0xBE)
    assert wire.receive(9) == b"\xff" * 9


def test_faults_of_the_thermometer(wire: Wire, around: Surroundings) -> None:
    wire.send(0xCC, 0x44)
    around.clock.now += 750_000
    wire.raw()
    around.faults["ds18b20"] = ("crc", 0)
    assert crc8(wire.pad()) != 0
    around.faults["ds18b20"] = ("power_on_value", 0)
    wire.send(0xCC, 0x44)
    around.clock.now += 750_000
    assert wire.raw() == 85 * 16
    around.faults["ds18b20"] = ("no_device", 0)
    assert not wire.send(0xCC)
    assert wire.receive(9) == b"\xff" * 9


def test_activity_needs_its_threshold_its_axes_its_interrupt_and_a_sensor_that_measures(
    around: Surroundings,
) -> None:
    bus = Bus(around)
    for register, value in ((0x24, 16), (0x27, 0xF0), (0x2C, 0x1A), (0x2E, 0x10)):
        bus.write(register, value)
        assert bus.model.activity() == 0
    bus.write(0x2D, 0x08)
    assert bus.model.activity() == 256, "16 x 62.5 mg are 1 g"
    bus.write(0x2F, 0x10)
    assert bus.model.activity() == 0, "on INT2"
    bus.write(0x2F, 0)
    around.faults["adxl345"] = ("no_device", 0)
    assert bus.model.activity() == 0
    with pytest.raises(NotImplementedError, match="dc-coupled"):
        Bus(Surroundings()).write(0x27, 0x70)


def test_a_watch_finds_the_first_shock_however_the_time_is_cut() -> None:
    class Table(Surroundings):
        def accel(self, start_us: int, index: int, n: int, rate_hz: float) -> Any:  # type: ignore[override]
            k = np.arange(index, index + n)
            assert (start_us, rate_hz, n <= 512) == (7, 100.0, True)
            return np.stack([0 * k, 20 * (k % 2), 256 + 300 * (k == 2345)], 1).astype(np.int16)

    world: Any = Table()
    assert Watch(world, 7, 299).within(60_000_000) == 23_450_000
    assert Watch(world, 7, 300).within(60_000_000) is None
    watch = Watch(world, 7, 100)
    assert [watch.within(1_000_003) for _ in range(23)] == [None] * 23
    assert watch.within(1_000_003) == 23_450_000 - 23 * 1_000_003
