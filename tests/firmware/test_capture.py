"""Waveforms: taken down window by window, kept whole or not at all, handed out in parts, bounded."""

import asyncio
import gc
import json
import os
import struct
from array import array
from binascii import crc32

from helpers import node_error

from babbitt_node import capture, taking, waves
from babbitt_node.errors import NodeError
from babbitt_node.hal import port
from babbitt_node.mqtt.packets import PUBLISH_HEAD

WINDOW = 64
ROOM = memoryview(bytearray(PUBLISH_HEAD + 4096))


class Named:
    """Attributes by name."""

    def __init__(self, **what):
        for name, value in what.items():
            setattr(self, name, value)


class Clock:
    """A clock that the host has set; u is that of the node."""

    q = 2

    def u(self):
        return 1000000 + port.ticks_diff(port.ticks_ms(), START)

    def t(self):
        return 1789000000000 + self.u()


START = port.ticks_ms()


class Accelerometer:
    """A sampler: window k holds 100 k, 100 k + 1, ... on x, the same below 0 on y, and on z plus 7."""

    def __init__(self, name="vib", captures=0):
        self.id = name
        self.spec = {"capture": captures, "window": WINDOW, "rate_hz": 3200}
        self.axes = [array("h", [0] * WINDOW) for _ in range(3)]
        self.opened = 0
        self.windows = 0
        self.whole = False
        self.failures = 0

    def held(self):
        return (self.axes, self.opened, 8, (3199750, 1000000000), 1, 2, 15625, 4) if self.whole else None

    async def again(self):
        self.whole = False
        if self.failures:
            self.failures -= 1
            raise NodeError("timeout", "the FIFO stays empty")
        await port.sleep_ms(2)  # no two windows open at the same time
        for i in range(WINDOW):
            self.axes[0][i] = 100 * self.windows + i
            self.axes[1][i] = -100 * self.windows - i
            self.axes[2][i] = 100 * self.windows + i + 7
        self.opened = port.ticks_ms()
        self.windows += 1
        self.whole = True


class Publisher:
    """Keeps the answers."""

    def __init__(self):
        self.answers = []
        self.state_due = False

    def answer(self, answer):
        self.answers.append(answer)

    def wake(self):
        pass


def made(*samplers, spool_bytes=100000):
    return Named(
        identity=Named(install="9f3a01bc", boot=3),
        settings={"spool_bytes": spool_bytes},
        spool=Named(size=0),
        clock=Clock(),
        publisher=Publisher(),
        station=Named(samplers=list(samplers) or [Accelerometer()]),
        waves=capture.Captures(),
    )


def pause():
    """Let the clock go on."""

    async def go():
        await port.sleep_ms(2)

    asyncio.run(go())


def record(node):
    """What the sampler does in a slot."""
    asyncio.run(node.station.samplers[0].again())


def steps(node, left_ms=1000):
    async def go():
        while node.waves.job is not None and await node.waves.step(node, left_ms):
            pass

    asyncio.run(go())


def whole(node, entry):
    """(description, samples) out of the parts of a waveform, which are all checked."""
    entry[3] = 0
    samples = bytearray()
    info = None
    for part in range(entry[2]):
        found, now, size = waves.chunk(node, ROOM)
        assert found is entry and now == part
        payload = bytes(ROOM[PUBLISH_HEAD : PUBLISH_HEAD + size])
        magic, install, boot, number, at, parts, length, check = struct.unpack("<4s4sIHHHHI", payload[:24])
        assert (magic, install, boot, number) == (b"BWV1", b"\x9f\x3a\x01\xbc", entry[0], entry[1])
        assert (at, parts, length) == (part, entry[2], size - 24) and size <= 24 + 3072
        assert crc32(payload[24:], crc32(payload[:20])) == check
        if part:
            samples.extend(payload[24:])
        else:
            info = json.loads(payload[24:])
        entry[3] += 1
    assert info["bytes"] == len(samples) and info["crc"] == crc32(samples)
    return info, array("h", samples)


def test_a_command_takes_the_window_that_lies_there_and_those_after_it():
    node = made()
    record(node)
    pause()
    taking.ask(node, None, "xz", 150, "command", "c1")
    steps(node)
    assert node.waves.job is None and node.publisher.state_due
    assert node.publisher.answers == [{"id": "c1", "cmd": "capture", "state": "done", "wave": "3-0"}]
    assert node.waves.kept == [[3, 0, 2, 0]] and os.listdir("wave") == ["3-0.wave"]
    info, samples = whole(node, node.waves.kept[0])
    assert (info["i"], info["id"], info["sensor"], info["axes"]) == ("9f3a01bc", "3-0", "vib", "xz")
    assert (info["num"], info["den"], info["exp"], info["unit"]) == (15625, 4, -6, "g")
    assert (info["by"], info["of"], info["pre"], info["q"]) == ("command", "c1", WINDOW, 2)
    assert [w[1:] for w in info["windows"]] == [[64, 3199750, 1, 2], [64, 3199750, 1, 2], [22, 3199750, 1, 2]]
    assert info["windows"][0][0] < info["windows"][1][0] < info["windows"][2][0]
    assert 0 <= info["t"] - 1789000000000 - info["windows"][0][0] < 1000
    expected = []
    for k, n in ((0, 64), (1, 64), (2, 22)):
        expected += [100 * k + i for i in range(n)] + [100 * k + i + 7 for i in range(n)]
    assert list(samples) == expected


def test_without_a_window_there_is_nothing_before_the_command():
    node = made()
    taking.ask(node, "vib", "xyz", None, "command", "c1")
    steps(node)
    info, samples = whole(node, node.waves.kept[0])
    assert info["pre"] == 0 and len(info["windows"]) == 4 and len(samples) == 3 * 4 * WINDOW


def test_a_window_that_was_opened_after_the_command_is_not_before_it():
    node = made()
    taking.ask(node, None, "x", 64, "command", "c1")
    pause()
    record(node)
    steps(node, 0)
    assert whole(node, node.waves.kept[0])[0]["pre"] == 0


def test_where_there_is_no_time_the_windows_of_the_records_are_taken():
    node = made()
    taking.ask(node, None, "x", 3 * WINDOW, "command", "c1")
    for _ in range(3):
        assert node.waves.job is not None
        record(node)
        steps(node, 100)
    assert node.waves.job is None
    samples = whole(node, node.waves.kept[0])[1]
    assert [samples[0], samples[WINDOW], samples[2 * WINDOW]] == [0, 100, 200]


def test_what_cannot_be_taken_is_refused():
    node = made(Accelerometer("a"), Accelerometer("b"), Named(id="temp"), spool_bytes=40000)
    assert (
        "which of 2" in node_error("not_available", taking.ask, node, None, "x", 64, "command", "c1").detail
    )
    node_error("not_available", taking.ask, node, "temp", "x", 64, "command", "c1")
    node_error("not_available", taking.ask, node, "c", "x", 64, "command", "c1")
    node_error("too_large", taking.ask, node, "a", "x", 64 * WINDOW + 1, "command", "c1")
    node_error("too_large", taking.ask, node, "a", "xyz", 2000, "command", "c1")
    assert node.waves.job is None
    taking.ask(node, "a", "x", 64, "command", "c1")
    assert "c1" in node_error("busy", taking.ask, node, "b", "x", 64, "command", "c2").detail
    node.settings["spool_bytes"] = 1 << 60
    node.waves.job = None
    node_error("no_room", taking.ask, node, "a", "x", 64, "command", "c1")


def test_the_oldest_makes_room():
    node = made(spool_bytes=400000)
    for _ in range(10):
        taking.ask(node, None, "x", 64, "command", "c1")
        steps(node)
    assert [e[1] for e in node.waves.kept] == [2, 3, 4, 5, 6, 7, 8, 9] and node.waves.dropped == 2
    assert len(os.listdir("wave")) == 8
    node.settings["spool_bytes"] = 40000
    taking.ask(node, None, "x", 64, "command", "c1")
    assert [e[1] for e in node.waves.kept] == [9] and node.waves.dropped == 9


def test_a_sensor_that_fails_ends_it_with_what_there_is():
    node = made()
    sampler = node.station.samplers[0]
    record(node)
    taking.ask(node, None, "x", 4 * WINDOW, "command", "c1")
    sampler.failures = 2  # two in a row are overcome
    steps(node)
    assert len(whole(node, node.waves.kept[0])[1]) == 4 * WINDOW
    record(node)
    taking.ask(node, None, "x", 4 * WINDOW, "command", "c2")
    sampler.failures = 3
    steps(node)
    assert len(whole(node, node.waves.kept[-1])[1]) == WINDOW
    taking.ask(node, None, "x", 4 * WINDOW, "command", "c3")
    sampler.failures, sampler.whole = 3, False
    steps(node)
    assert node.publisher.answers[-1] == {
        "id": "c3",
        "cmd": "capture",
        "state": "failed",
        "error": "timeout",
        "reason": "the FIFO stays empty",
    }
    taking.ask(node, None, "x", 4 * WINDOW, "command", "c4")
    node.station.samplers = []
    steps(node)
    assert node.publisher.answers[-1]["error"] == "not_available" and node.waves.job is None


def alarm(node, name, channel="vib.x.rms"):
    node.waves.alarm(node, Named(id=name, channel=channel))
    taken = node.waves.job
    steps(node)
    return taken


def test_an_alarm_takes_one_an_hour_for_each_check():
    node = made(Accelerometer(captures=2 * WINDOW))
    record(node)
    pause()
    assert alarm(node, "x-high") and not alarm(node, "x-high") and alarm(node, "x-odd")
    info, _ = whole(node, node.waves.kept[0])
    assert (info["by"], info["of"], info["pre"], info["axes"]) == ("check", "x-high", WINDOW, "xyz")
    assert node.publisher.answers == []
    assert not alarm(node, "room", "temp.mean") and not alarm(node, "votes", None)
    node.clock.u = lambda: 1000000 + 3700000
    assert alarm(node, "x-high")
    assert not alarm(made(Accelerometer()), "x-high")


def test_parts_again_and_dropped():
    node = made(spool_bytes=200000)
    record(node)
    taking.ask(node, None, "x", 40 * WINDOW, "command", "c1")
    steps(node)
    gc.collect()
    (entry,) = node.waves.kept
    info, samples = whole(node, entry)
    assert entry[2:] == [1 + 2, 3] and len(samples) == 40 * WINDOW and len(info["windows"]) == 40
    assert waves.chunk(node, ROOM) is None
    waves.again(node, "3-0", 2)
    assert waves.chunk(node, ROOM)[1] == 2
    node_error("bad_message", waves.again, node, "3-0", 3)
    node_error("not_available", waves.again, node, "3-1", 0)
    node_error("not_available", waves.drop, node, "2-0", 0)
    waves.drop(node, "3-0", 0)
    assert node.waves.kept == [] and os.listdir("wave") == [] and node.waves.dropped == 0


def test_after_a_restart_they_are_there_and_what_is_damaged_is_not():
    node = made()
    for _ in range(3):
        taking.ask(node, None, "x", 64, "command", "c1")
        steps(node)
    with open("wave/3-1.wave", "r+b") as file:
        file.seek(-20, 2)
        file.write(b"?")
    for name in ("new", "junk.wave", "3-9.wave", "a-b.wave"):
        with open("wave/" + name, "wb") as file:
            file.write(b"x" * 40)
    node = made()
    assert node.waves.kept == [[3, 0, 2, 0], [3, 2, 2, 0]]
    assert sorted(os.listdir("wave")) == ["3-0.wave", "3-2.wave"]
    with open("wave/3-0.wave", "wb") as file:  # damaged while the node runs
        file.write(b"x" * 40)
    assert waves.chunk(node, ROOM)[0][1] == 2 and node.waves.dropped == 1
    os.remove("wave/3-2.wave")
    assert waves.chunk(node, ROOM) is None and node.waves.kept == []


class Cut(Exception):
    """The power is gone."""


class Flash:
    """In place of `open` and `os` of `taking`: operation `left` + 1 does not happen, or half of it if it writes."""

    def __init__(self, left, error):
        self.left = left
        self.error = error
        self.stat = os.stat
        self.mkdir = self.limited(os.mkdir)
        self.rename = self.limited(os.rename)
        self.remove = os.remove
        if hasattr(os, "statvfs"):
            self.statvfs = os.statvfs

    def limited(self, call):
        def guarded(*args):
            self.spend()
            return call(*args)

        return guarded

    def spend(self):
        if self.left == 0:
            raise self.error
        self.left -= 1

    def open(self, path, mode):
        self.spend()
        return File(self, open(path, mode))


class File:
    """A file on it."""

    def __init__(self, flash, file):
        self.flash_ = flash
        self.file = file

    def write(self, data):
        try:
            self.flash_.spend()
        except (Cut, OSError):
            self.file.write(bytes(data)[: len(bytes(data)) // 2])
            self.file.flush()
            raise
        return self.file.write(data)

    def flush(self):
        self.flash_.spend()
        self.file.flush()

    def close(self):
        self.flash_.spend()
        self.file.close()


def attempt(node, left, error):
    """Take a waveform of two windows on a flash that ends after `left` operations; whether it was taken."""
    flash = Flash(left, error)
    real = taking.os
    taking.os, taking.open = flash, flash.open
    try:
        taking.ask(node, None, "xy", 2 * WINDOW, "command", "c1")
        axes = node.station.samplers[0].axes
        for k in range(2):
            taking.add(node, axes, WINDOW, (k, 1000, 0, 0), False)
        taking.finish(node, 1, 1)
        return True
    finally:
        taking.os, taking.open = real, open


def test_power_cut_at_every_operation():
    """Before the cut a waveform was kept; after it that one is there whole, the new one whole or not at all."""
    done = False
    left = 0
    while not done:
        node = made()
        for entry in node.waves.kept:
            waves.remove(entry)
        node = made()
        attempt(node, 1000, None)
        node.identity.boot = 4
        try:
            done = attempt(node, left, Cut())
        except Cut:
            pass
        node = made()
        kept = [(entry[0], entry[1]) for entry in node.waves.kept]
        assert kept in ([(3, 0)], [(3, 0), (4, 1)]) and (not done or len(kept) == 2), (left, kept)
        assert "new" not in os.listdir("wave")
        for entry in list(node.waves.kept):
            assert len(whole(node, entry)[1]) == 4 * WINDOW
        left += 1
    assert left > 12


def test_a_full_flash_at_every_operation():
    """It is told, nothing is left behind, and the next one can be taken."""
    done = False
    left = 0
    while not done:
        node = made()
        for entry in list(node.waves.kept):
            waves.drop(node, "%d-%d" % (entry[0], entry[1]), 0)
        try:
            done = attempt(node, left, OSError(28))
        except NodeError as error:
            assert error.name == "no_room"
            taking.abandon(node)
            assert node.waves.job is None
            if left:
                assert os.listdir("wave") == []
            assert attempt(node, 1000, None)
        left += 1
    assert left > 12
