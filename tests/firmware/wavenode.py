"""A node as far as waveforms need one, for their tests on both runtimes."""

import asyncio
import json
import struct
from array import array
from binascii import crc32

from babbitt_node.capture import Captures
from babbitt_node.errors import NodeError
from babbitt_node.hal import port
from babbitt_node.mqtt.packets import PUBLISH_HEAD

WINDOW = 64
ROOM = memoryview(bytearray(PUBLISH_HEAD + 4096))


def ask(*args):
    """`waves.ask`, as the node reaches it: only one copy of the module is on the heap."""
    port.once("waves", "ask", *args)


def chunk(node):
    """`waves.chunk`."""
    return port.once("waves", "chunk", node, ROOM)


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
        waves=Captures("9f3a01bc"),
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
        found, now, size = chunk(node)
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
