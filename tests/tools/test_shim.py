"""Clock, sensors, radio and network of the virtual board, felt by small programs on both runtimes."""

from __future__ import annotations

import socket
import threading
import time

import pytest
from boards import RUNTIMES, Ramp, Start, output, until


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
