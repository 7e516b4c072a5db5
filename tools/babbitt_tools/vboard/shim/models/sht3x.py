"""Sensirion SHT3x on I2C, after its data sheet (version 7): single shots without clock stretching, status, words with CRC."""

_SHOT_US = {0x00: 15000, 0x0B: 6000, 0x16: 4000}


def crc8(high, low):
    """CRC-8 of a word: polynomial 0x31, start 0xff."""
    crc = 0xFF
    for byte in (high, low):
        crc ^= byte
        for _ in range(8):
            crc = (crc << 1 ^ 0x31) & 0xFF if crc & 0x80 else crc << 1
    return crc


class SHT3x:
    """The sensor."""

    def __init__(self, world, name="sht3x"):
        self._world = world
        self._name = name
        self._answer = None  # words to be read
        self._ready = 0
        self._last = (0x6666, 0x8000)

    def i2c_write(self, data):
        """Take a command. False: nobody acknowledges."""
        if self._world.fault(self._name) == "no_device" or self._world.clock.now < self._ready:
            return False
        if len(data) == 2 and data[0] == 0x24 and data[1] in _SHOT_US:
            if self._world.fault(self._name) != "stuck":
                self._last = (self._temperature(), self._humidity())
            self._answer = self._last
            self._ready = self._world.clock.now + _SHOT_US[data[1]]
        elif data[0] == 0xF3 and data[1] == 0x2D:
            self._answer = (0xFFFF if self._world.fault(self._name) == "wrong_identity" else 0x8010,)
        else:
            self._answer = None
        return True

    def _temperature(self):
        milli = max(min(self._world.temperature(), 130000), -45000)
        return ((milli + 45000) * 65535 + 87500) // 175000

    def _humidity(self):
        millionths = max(min(self._world.measure("humidity")[0], 100000000), 0)
        return (millionths * 65535 + 50000000) // 100000000

    def i2c_read(self, buf):
        """Read the words of the answer. False: nobody acknowledges (nothing is ready)."""
        fault = self._world.fault(self._name)
        if fault == "no_device" or self._answer is None or self._world.clock.now < self._ready:
            return False
        at = 0
        for word in self._answer:
            check = crc8(word >> 8, word & 0xFF) ^ (0x55 if fault == "crc" else 0)
            for byte in (word >> 8, word & 0xFF, check):
                if at < len(buf):
                    buf[at] = byte
                at += 1
        self._answer = None
        return True


def make(world, device, uid):
    """The sensor of a place in `devices`."""
    return SHT3x(world, device["name"])
