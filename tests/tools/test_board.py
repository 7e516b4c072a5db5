"""The virtual board with small programs in place of the node, on both runtimes."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from babbitt_tools.errors import BoardError
from babbitt_tools.vboard.board import VirtualBoard
from babbitt_tools.vboard.world import Fault

RUNTIMES = [pytest.param("micropython", marks=pytest.mark.part("micropython")), "cpython"]
HOUR_US = 3_600_000_000

COMMON = """
import asyncio, sys, time
if sys.implementation.name == "micropython":
    from asyncio import sleep_ms
    from time import ticks_ms
else:
    async def sleep_ms(ms):
        await asyncio.sleep(ms / 1000)
    def ticks_ms():
        return time.monotonic_ns() // 1000000
"""


class Ramp:
    """Sample k of a burst is (k, -k, 256); the temperature falls a degree an hour from -20."""

    sensors: tuple[str, ...] = ("adxl345", "ds18b20")
    utc_start_ms = 1_789_000_000_000
    end_us: int | None = None

    def __init__(self) -> None:
        self.faults: dict[str, Fault] = {}

    def accel(self, burst_start_us: int, index: int, n: int, rate_hz: float) -> np.ndarray:
        k = np.arange(index, index + n)
        return np.stack([k, -k, np.full(n, 256)], 1).astype(np.int16)

    def temperature(self, t_us: int) -> float:
        return -20 - t_us / HOUR_US


Start = Callable[..., VirtualBoard]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    boards: list[VirtualBoard] = []

    def make(runtime: str, program: str, world: Any = None, **settings: Any) -> VirtualBoard:
        image = tmp_path / "image"
        image.mkdir(exist_ok=True)
        (image / "main.py").write_text(COMMON + program)
        settings = {"node": {}, "config": None, "speed": 1e6, **settings}
        board = VirtualBoard(
            "test", tmp_path / "flash", world or Ramp(), runtime=runtime, image=image, **settings
        )
        boards.append(board)
        board.start()
        return board

    yield make
    for board in boards:
        board.stop()


def until(condition: Callable[[], object], seconds: float = 20.0) -> bool:
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.005)
    return True


def output(board: VirtualBoard, marker: str = "done") -> list[str]:
    """What the program printed, once it has printed `marker`."""
    assert until(lambda: marker in board.log_tail(200)), f"{board.error!r}\n{board.log_tail(200)}"
    return board.log_tail(200).splitlines()


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_an_hour_of_timers_in_order_and_in_no_time(start: Start, runtime: str) -> None:
    program = """
fired = []
late = []
async def timer(t0, ms):
    for i in range(3600000 // ms):
        await sleep_ms(ms)
        fired.append(ms)
        late.append(ticks_ms() - t0 - (i + 1) * ms)
async def main():
    t0 = ticks_ms()
    await asyncio.gather(timer(t0, 60000), timer(t0, 91000), timer(t0, 7000))
    print("first", fired[:9], fired[-3:])
    print("count", len(fired), "early", min(late) < -1, "late", max(late) > 100)
    print("done")
asyncio.run(main())
"""
    began = time.monotonic()
    lines = output(start(runtime, program))
    assert lines[-3] == "first [7000, 7000, 7000, 7000, 7000, 7000, 7000, 7000, 60000] [7000, 7000, 60000]"
    assert lines[-2] == "count 613 early False late False"
    assert time.monotonic() - began < 360  # ten times faster than real, however slow this PC


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_calendar_time_starts_where_the_world_starts_and_can_be_set(start: Start, runtime: str) -> None:
    program = """
from machine import RTC
time.sleep(1000)
print(int(time.time()), RTC().datetime()[:3])
RTC().datetime((2026, 2, 28, 5, 23, 59, 59, 0))
time.sleep(2)
print(int(time.time()), RTC().datetime()[:3], time.time_ns() // 1000000000)
print("done")
"""
    lines = output(start(runtime, program))
    assert lines[-3] == "1789001000 (2026, 9, 10)"
    assert lines[-2] == "1772323201 (2026, 3, 1) 1772323201"


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_sensors_answer_behind_their_buses(start: Start, runtime: str) -> None:
    program = """
from machine import Pin, SPI
import onewire
spi = SPI(1, baudrate=5000000, polarity=1, phase=1)
def ask(pin, register, n):
    buf = bytearray(n + 1)
    buf[0] = 0xC0 | register
    pin(0); spi.write_readinto(buf, buf); pin(1)
    return buf[1:]
cs = Pin(5, Pin.OUT, value=1)
print("id", ask(cs, 0, 1)[0], "nobody", ask(Pin(6, Pin.OUT, value=1), 0, 1)[0])
for r, v in ((0x2C, 15), (0x31, 11), (0x38, 0x80), (0x2D, 8)):
    cs(0); spi.write(bytes([r, v])); cs(1)
got = []
overrun = 0
while len(got) < 600:
    time.sleep(0.004)
    overrun |= ask(cs, 0x30, 1)[0] & 1
    for _ in range(ask(cs, 0x39, 1)[0]):
        d = ask(cs, 0x32, 6)
        got.append(d[0] | d[1] << 8)
print("gapless", all(got[i] == i & ~1 for i in range(len(got))), "overrun", overrun)
bus = onewire.OneWire(Pin(4))
roms = bus.scan()
print("roms", len(roms), roms[0][0], bus.crc8(roms[0]))
bus.select_rom(roms[0]); bus.writebyte(0x44); time.sleep(0.75)
bus.select_rom(roms[0]); bus.writebyte(0xBE)
pad = bytearray(9); bus.readinto(pad)
print("raw", (pad[0] | pad[1] << 8) - 65536, bus.crc8(pad))
print("silent", onewire.OneWire(Pin(7)).reset(), onewire.OneWire(Pin(7)).scan())
print("done")
"""
    lines = output(start(runtime, program))
    assert lines[-6:] == [
        "id 229 nobody 255",
        "gapless True overrun 0",
        "roms 1 40 0",
        "raw -320 0",
        "silent False []",
        "done",
    ]


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_faults_come_and_go_while_it_runs(start: Start, runtime: str) -> None:
    program = """
from machine import Pin, SPI
spi = SPI(1, baudrate=5000000, polarity=1, phase=1)
cs = Pin(5, Pin.OUT, value=1)
last = None
while True:
    buf = bytearray(b"\\x80\\x00")
    cs(0); spi.write_readinto(buf, buf); cs(1)
    if buf[1] != last:
        last = buf[1]
        print("id", hex(last))
    time.sleep(0.05)
"""
    board = start(runtime, program, speed=100)
    output(board, "id 0xe5")
    board.set_fault("adxl345", Fault("no_device"))
    output(board, "id 0xff")
    board.set_fault("adxl345", Fault("wrong_identity"))
    output(board, "id 0xe6")
    board.set_fault("adxl345", None)
    assert until(lambda: board.log_tail(1) == "id 0xe5")
    with pytest.raises(BoardError, match="can show no_device"):
        board.set_fault("adxl345", Fault("melted"))
    with pytest.raises(BoardError, match="no model of 'bmp280'"):
        board.set_fault("bmp280", None)


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_reset_starts_again_and_time_goes_on(start: Start, runtime: str) -> None:
    program = """
import machine, os
print("cause", machine.reset_cause(), "at", int(time.time()) - 1789000000)
if "again" not in os.listdir():
    with open("again", "w") as f:
        f.write("x")
    time.sleep(500)
    machine.reset()
print("unique", len(machine.unique_id()))
print("done")
"""
    lines = output(start(runtime, program))
    assert lines[-4:] == ["cause 1 at 0", "cause 2 at 500", "unique 6", "done"]


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_a_watchdog_that_is_not_fed_resets(start: Start, runtime: str) -> None:
    program = """
import machine
print("cause", machine.reset_cause())
if machine.reset_cause() == machine.PWRON_RESET:
    dog = machine.WDT(timeout=8000)
    for _ in range(10):
        time.sleep(7)
        dog.feed()
    print("fed")
    time.sleep(9)
print("done")
"""
    lines = output(start(runtime, program))
    assert lines[-5:] == ["cause 1", "fed", "watchdog: not fed in time, reset", "cause 3", "done"]


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_wifi_behaves_like_that_of_an_esp32(start: Start, runtime: str) -> None:
    program = """
import network
w = network.WLAN(network.WLAN.IF_STA)
def attempt(*who):
    try:
        w.connect(*who)
    except OSError as e:
        return str(e)
    t = time.time()
    while w.status() == network.STAT_CONNECTING:
        time.sleep(0.1)
    return "%d %d %s" % (w.status(), time.time() - t, w.isconnected())
print(attempt("barn", "hay"))
w.active(True)
print(attempt("stable", "hay"))
print(attempt("barn", "straw"))
print(attempt("barn", "hay"))
print(attempt("barn", "hay"))
w.disconnect()
print(w.isconnected(), attempt("barn", "hay"))
print("done")
"""
    lines = output(start(runtime, program, node={"wifi": {"ssid": "barn", "password": "hay"}}))
    assert lines[-7:] == [
        "Wifi Not Started",
        "201 3 False",
        "202 3 False",
        "1010 1 True",
        "Wifi Internal State Error",
        "False 1010 1 True",
        "done",
    ]


class SlowBroker:
    """Accepts one connection, answers CONNECT after `delay_s`, and a PINGREQ never; keeps what it got."""

    def __init__(self, delay_s: float) -> None:
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.got = b""
        self._delay_s = delay_s
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        connection, _ = self.socket.accept()
        with connection:
            answered = False
            while data := connection.recv(4096):
                self.got += data
                if not answered:
                    time.sleep(self._delay_s)
                    connection.sendall(b"\x20\x02\x00\x00")
                    answered = True


SPEAK = """
import socket
def now():
    return ticks_ms()
async def connect(port):
    r, w = await asyncio.open_connection("127.0.0.1", port)
    w.write(b"\\x10\\x10\\x00\\x04MQTT\\x04\\x02\\x00\\x3c\\x00\\x04abcd")
    await w.drain()
    t = now()
    head = await r.readexactly(4)
    return r, w, now() - t
"""


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_while_the_broker_owes_an_answer_time_is_real(start: Start, runtime: str) -> None:
    broker = SlowBroker(0.3)
    program = (
        SPEAK
        + f"""
async def main():
    t = now()
    await sleep_ms(1000000)
    r, w, ms = await connect({broker.port})
    print("connack", 250 <= ms < 2000)
    await sleep_ms(1000000)
    w.write(b"\\xc0\\x00")
    await w.drain()
    t = now()
    try:
        await asyncio.wait_for(r.read(1), 0.4)
    except asyncio.TimeoutError:
        print("no pong", 390 <= now() - t < 1000)
    w.close()
    await w.wait_closed()
    await sleep_ms(1000000)
    print("all", now() - t > 1000000)
    print("done")
asyncio.run(main())
"""
    )
    began = time.monotonic()
    lines = output(start(runtime, program))
    assert lines[-4:] == ["connack True", "no pong True", "all True", "done"]
    assert time.monotonic() - began >= 0.7


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_a_link_that_is_down_holds_everything_and_loses_nothing(start: Start, runtime: str) -> None:
    broker = SlowBroker(0.0)
    program = (
        SPEAK
        + f"""
import network
async def main():
    r, w, ms = await connect({broker.port})
    print("up")
    for i in range(40):
        w.write(b"\\x30\\x03\\x00\\x01" + bytes([65 + i]))
        await w.drain()
        await sleep_ms(25)
    print("done")
asyncio.run(main())
"""
    )
    board = start(runtime, program, speed=1)
    output(board, "up")
    board.set_wifi(False)
    time.sleep(0.3)
    held = len(broker.got)
    time.sleep(0.2)
    assert len(broker.got) == held
    board.set_wifi(True)
    output(board)
    sent = b"".join(b"\x30\x03\x00\x01" + bytes([65 + i]) for i in range(40))
    until(lambda: len(broker.got) >= 18 + len(sent))
    assert broker.got[18:] == sent


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_at_the_end_of_the_world_time_is_real(start: Start, runtime: str) -> None:
    world = Ramp()
    world.end_us = 1000 * 1_000_000
    board = start(runtime, "while True:\n    time.sleep(1)\n", world)
    assert until(lambda: board.now_us >= 1000 * 1_000_000)
    time.sleep(0.5)
    assert board.now_us < 1020 * 1_000_000


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_what_the_node_wrote_survives_and_settings_are_written(
    start: Start, runtime: str, tmp_path: Path
) -> None:
    program = """
import os
print(sorted(n for n in os.listdir() if n.endswith(".json")))
with open("boot.json", "w") as f:
    f.write("2")
with open("config.json") as f:
    print(f.read())
print("done")
"""
    flash = tmp_path / "flash"
    (flash / "spool").mkdir(parents=True)
    (flash / "spool" / "1").write_text("record")
    (flash / "boot.json").write_text("1")
    lines = output(start(runtime, program, config={"interval_s": 10}))
    assert lines[-3:-1] == ["['board.json', 'boot.json', 'config.json', 'node.json']", '{"interval_s": 10}']
    assert (flash / "spool" / "1").read_text() == "record"
    assert (flash / "boot.json").read_text() == "2"
    assert (flash / "babbitt_node").is_dir()


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_power_cut_and_start(start: Start, runtime: str) -> None:
    program = "print('at', int(time.time()) - 1789000000)\nwhile True:\n    time.sleep(1)\n"
    board = start(runtime, program, speed=1)
    output(board, "at 0")
    board.kill()
    assert not board.alive
    board.start(off_s=100)
    assert board.alive
    assert until(lambda: "at 10" in board.log_tail(1))
    board.stop()
    assert not board.alive


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_an_error_of_the_world_ends_the_board_and_is_kept(start: Start, runtime: str) -> None:
    class Broken(Ramp):
        def temperature(self, t_us: int) -> float:
            raise ZeroDivisionError("no physics here")

    program = """
import onewire
from machine import Pin
bus = onewire.OneWire(Pin(4)); bus.reset(); bus.write(b"\\xcc\\x44")
"""
    board = start(runtime, program, Broken())
    assert until(lambda: not board.alive)
    assert isinstance(board.error, ZeroDivisionError)


@pytest.mark.part("micropython")
def test_the_heap_is_limited_and_the_shim_is_not_charged_to_it(start: Start) -> None:
    program = """
import gc
gc.collect()
print("free", gc.mem_free())
try:
    bytearray(300000)
except MemoryError:
    print("too much")
print("done")
"""
    board = start("micropython", program, heap="128k")
    lines = output(board)
    assert lines[-2] == "too much"
    free = int(lines[-3].split()[1])
    assert 0.93 * 2 * 128 * 1024 < free < 2 * 128 * 1024
    assert 20_000 < board.shim_bytes < 60_000


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"runtime": "jython"}, "unknown runtime 'jython'"),
        ({"speed": 0}, "speed 0 is not within"),
        ({"heap": "lots"}, "heap 'lots' is not a size"),
        ({"board": {"buses": {}}}, "no bus of type spi"),
    ],
)
def test_impossible_boards_say_why(tmp_path: Path, settings: dict[str, Any], words: str) -> None:
    with pytest.raises(BoardError, match=words):
        VirtualBoard("x", tmp_path, Ramp(), node={}, config=None, **settings)
