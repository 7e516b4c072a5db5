"""Texas Instruments TMP117 on I2C, after its data sheet (SNOSD82D): result, configuration (one-shot, averages, data ready),
identity, -256 degrees C at power-on.
"""

_AVERAGES_US = (15500, 125000, 500000, 1000000)


class TMP117:
    """The sensor."""

    def __init__(self, world, name="tmp117"):
        self._world = world
        self._name = name
        self._pointer = 0
        self._config = 0x0220
        self._raw = 0x8000
        self._pending = None
        self._done = 0

    def _settle(self):
        if self._pending is not None and self._world.clock.now >= self._done:
            self._raw = self._pending
            self._pending = None
            self._config |= 0x2000

    def i2c_write(self, data):
        """Write a register pointer and a word. False: nobody acknowledges."""
        if self._world.fault(self._name) == "no_device":
            return False
        self._pointer = data[0]
        if len(data) == 3 and self._pointer == 1:
            self._settle()
            self._config = (data[1] << 8 | data[2]) & 0x0FFC | self._config & 0xF000
            if self._config & 0x0C00 == 0x0C00:
                self._convert()
        return True

    def _convert(self):
        fault = self._world.fault(self._name)
        if fault == "power_on_value":
            self._pending = 0x8000
        elif fault != "stuck":
            milli = max(min(self._world.temperature(), 255000), -255000)
            self._pending = (milli * 128 + 500) // 1000 & 0xFFFF
        else:
            self._pending = self._raw
        self._config &= 0xDFFF
        self._done = self._world.clock.now + _AVERAGES_US[self._config >> 5 & 3]

    def i2c_read(self, buf):
        """Read a word. False: nobody acknowledges."""
        if self._world.fault(self._name) == "no_device":
            return False
        self._settle()
        identity = 0x0116 if self._world.fault(self._name) == "wrong_identity" else 0x0117
        word = {0: self._raw, 1: self._config, 15: identity}.get(self._pointer, 0)
        if self._pointer in (0, 1):
            self._config &= 0xDFFF
        for i in range(len(buf)):
            buf[i] = word >> 8 - 8 * i & 0xFF if i < 2 else 0xFF
        return True


def make(world, device, uid):
    """The sensor of a place in `devices`."""
    return TMP117(world, device["name"])
