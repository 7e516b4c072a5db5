"""What the tests of drivers share: virtual time, buses that answer like chips, one record of a sampler. It runs on both
runtimes.
"""

import asyncio

from helpers import Random

from babbitt_node.errors import NodeError
from babbitt_node.samplers import scalar, vibration


class Time:
    """Virtual time, microseconds: the samplers wait in it, the chips sample in it."""

    now = 0

    @classmethod
    async def sleep_ms(cls, ms):
        cls.now += ms * 1000

    @classmethod
    def ticks_us(cls):
        return cls.now

    @classmethod
    def ticks_ms(cls):
        return cls.now // 1000


def use_virtual_time(*modules):
    """Samplers wait without waiting."""
    for module in (vibration, scalar) + modules:
        module.sleep_ms = Time.sleep_ms
        if hasattr(module, "ticks_us"):
            module.ticks_us = Time.ticks_us
        if hasattr(module, "ticks_ms"):
            module.ticks_ms = Time.ticks_ms


class Spi:
    """A chip with registers behind SPI: bit 7 of the address reads. `dead` is what an absent one leaves on the wire."""

    def __init__(self, chip, more=0x7F):
        self.chip = chip
        self.more = more
        self.dead = None

    def transfer(self, tx, rx):
        assert len(tx) == len(rx)
        if self.dead is not None:
            for i in range(len(rx)):
                rx[i] = self.dead
        elif tx[0] & 0x80:
            register = tx[0] & self.more
            for i in range(1, len(rx)):
                rx[i] = self.chip.read(register, i - 1)
            self.chip.done(register, len(rx) - 1)
        else:
            self.chip.write(tx[0] & self.more, tx[1])


class I2c:
    """A chip with registers behind I2C at one address; the others do not acknowledge."""

    def __init__(self, chip, address, more=0x7F):
        self.chip = chip
        self.address = address
        self.more = more

    def _known(self, address):
        if address != self.address:
            raise NodeError("no_device", "I2C address %d: nobody answers" % address)

    def write(self, address, data):
        self._known(address)
        self.chip.write(data[0] & self.more, data[1])

    def read_register(self, address, register, buf):
        self._known(address)
        register &= self.more
        for i in range(len(buf)):
            buf[i] = self.chip.read(register, i)
        self.chip.done(register, len(buf))


class Accelerometer:
    """What all accelerometers with a FIFO have: samples at a rate in virtual time, from `sample()`, and defects.

    registers: their number. identity: (register, value). fifo: samples it holds. counts: of 1 g.
    """

    def __init__(self, registers, identity, fifo, counts):
        self.registers = bytearray(registers)
        self.registers[identity[0]] = identity[1]
        self.identity = identity
        self.size = fifo
        self.g = counts
        self.rate = 0  # mHz; 0: it does not measure
        self.error = 0  # thousandths, of the rate
        self.queue = []
        self.lost = False
        self.since = 0
        self.made = 0
        self.stuck = self.silent = False
        self.loss = 0  # so many looks say that samples were lost
        self.gravity = (0, 0, 1000)  # thousandths of g
        self.noise = 100
        self.limit = 32767
        self._random = Random(1)

    def begin(self, rate_mhz):
        """Measure from now on, or (0) no longer; what the FIFO holds goes."""
        self.rate = rate_mhz + rate_mhz * self.error // 1000
        self.queue.clear()
        self.lost = False
        self.since = Time.now
        self.made = 0

    def update(self):
        """Let the FIFO fill up to now; how many it holds."""
        due = (Time.now - self.since) * self.rate // 1000000000
        while self.made < due and not self.silent:
            self.made += 1
            self.queue.append(self.sample())
            if len(self.queue) > self.size:
                self.queue.pop(0)
                self.lost = True
        return len(self.queue)

    def sample(self):
        found = []
        for axis in range(3):
            noise = 0 if self.stuck else self._random.between(-self.noise, self.noise)
            value = self.gravity[axis] * self.g // 1000 + noise
            found.append(max(-self.limit - 1, min(self.limit, value)))
        return found

    def losing(self):
        """Whether this look says that samples were lost."""
        if self.loss:
            self.loss -= 1
            return True
        return self.lost

    def read(self, register, offset):
        return self.registers[register + offset]

    def write(self, register, value):
        self.registers[register] = value

    def done(self, register, count):
        """`count` bytes from a register were read."""


def measured(sampler):
    """The values of one record."""
    out = [7] * (sampler.width + 1)

    async def run():
        sampler.begin()
        await sampler.collect()
        await sampler.measure(out, 1)

    asyncio.run(run())
    assert out[0] == 7
    return out[1:]


def crc8(data):
    """CRC of 1-Wire, polynomial x8 + x5 + x4 + 1."""
    crc = 0
    for byte in data:
        for _ in range(8):
            mix = (crc ^ byte) & 1
            crc >>= 1
            if mix:
                crc ^= 0x8C
            byte >>= 1
    return crc
