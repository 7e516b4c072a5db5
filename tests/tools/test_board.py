"""Life of a virtual board: start, reset, power cut, faults, limits; small programs in place of the node."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from boards import RUNTIMES, Ramp, Start, output, until

from babbitt_tools.errors import BoardError
from babbitt_tools.sim.machine import Machine
from babbitt_tools.vboard.board import VirtualBoard
from babbitt_tools.vboard.runtime import choose
from babbitt_tools.vboard.world import Fault


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
    assert (flash / "babbitt_node").is_dir() is (runtime == "cpython")  # MicroPython has it in ROM


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
    board = start("micropython", program, heap="192k")
    lines = output(board)
    assert lines[-2] == "too much"
    free = int(lines[-3].split()[1])
    assert 0.93 * 192 * 1024 < free < 192 * 1024
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


def test_an_impossible_speed_is_refused_at_any_time(tmp_path: Path) -> None:
    board = VirtualBoard(
        "b", tmp_path / "flash", Machine(seed=1, utc_start_ms=0, life_h=1.0), node={}, config=None
    )
    with pytest.raises(BoardError, match=r"speed 0 is not within 0\.01"):
        board.set_speed(0)


def test_where_there_is_no_native_code_the_node_runs_on_cpython_and_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("platform.machine", lambda: "arm64")
    runtime, note = choose("auto")
    assert runtime == "cpython"
    assert "no native code for this processor (arm64), so the firmware runs on CPython" in note
    with pytest.raises(BoardError, match="no native code"):
        choose("micropython")


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_deep_sleep_keeps_the_rtc_memory_and_the_clock(start: Start, runtime: str) -> None:
    program = """
import machine
rtc = machine.RTC()
known = rtc.memory()
print(machine.reset_cause(), known, int(time.time()) - 1789000000)
if len(known) < 3:
    rtc.memory(known + b"x")
    machine.deepsleep(3600000)
try:
    rtc.memory(bytes(2049))
except ValueError as error:
    print(error)
print("done")
"""
    board = start(runtime, program)
    lines = output(board)
    assert lines == [
        "1 b'' 0",
        "4 b'x' 3600",
        "4 b'xx' 7200",
        "4 b'xxx' 10800",
        "buffer too long",
        "done",
    ]
    board.kill()
    board.start()
    assert until(lambda: board.log_tail(20).count("1 b''") == 2), "a power cut empties the RTC memory"


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_a_board_asleep_is_alive_and_can_be_switched_off(start: Start, runtime: str) -> None:
    board = start(runtime, "import machine\nprint('woken', machine.reset_cause())\nmachine.deepsleep()\n")
    assert until(lambda: board.asleep)
    assert board.alive
    board.stop()
    assert until(lambda: not board.asleep)
    assert not board.alive
    board.start()
    assert until(lambda: board.asleep)
    assert board.log_tail(20).splitlines() == ["woken 1", "woken 1"]
