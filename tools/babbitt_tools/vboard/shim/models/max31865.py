"""Maxim MAX31865 behind SPI with a PT100 or PT1000, after its data sheet (Rev 3).

Modelled: configuration (bias, automatic conversion, its time with either filter, fault detection, fault clear), RTD, thresholds, fault
status. Without bias nothing is measured. One-shot mode raises NotImplementedError.
"""

from models.registers import Registers

_FAULTS = {"wire_break": (0x7FFF, 0x80), "short_circuit": (0, 0x40), "overrange": (None, 0x04)}
_SETTLED_US = 10000


def ohms(celsius, at_zero):
    """Resistance of a platinum element (IEC 60751)."""
    found = 1 + 3.9083e-3 * celsius - 5.775e-7 * celsius * celsius
    if celsius < 0:
        found -= 4.183e-12 * (celsius - 100) * celsius**3
    return found * at_zero


class MAX31865(Registers):
    """The converter. at_zero: resistance of its element at 0 degrees C; the reference is 4.3 times that."""

    READ = 0
    MODES = (1, 3)
    MAX_BAUDRATE = 5000000

    def __init__(self, world, name="max31865", at_zero=100):
        super().__init__(world, 8, name)
        self._zero = at_zero
        self._registers[3] = self._registers[4] = 0xFF
        self._began = 0
        self._code = 0

    def _settle(self):
        setup = self._registers[0]
        if setup & 0xC0 == 0xC0:
            first = _SETTLED_US + (62500 if setup & 1 else 52000)
            if self._clock.now - self._began >= first and self.fault() != "stuck":
                self._code = self._measured()

    def _measured(self):
        code = _FAULTS.get(self.fault(), (None, 0))[0]
        if code is None:
            r = ohms(self._world.temperature() / 1000, self._zero)
            code = min(max(round(r * 32768 / (4.3 * self._zero)), 0), 0x7FFF)
        high = (self._registers[3] << 8 | self._registers[4]) >> 1
        low = (self._registers[5] << 8 | self._registers[6]) >> 1
        self._registers[7] |= (0x80 if code >= high else 0) | (0x40 if code <= low else 0)
        return code

    def read(self, address):
        """The value of a register."""
        self._settle()
        if self.fault() == "wrong_identity":
            return 0x5A
        if address in (1, 2):
            word = self._code << 1 | (1 if self._registers[7] else 0)
            return word >> 8 if address == 1 else word & 0xFF
        return super().read(address)

    def write(self, address, value):
        """Set a register."""
        if address == 0:
            if value & 0x20:
                raise NotImplementedError("MAX31865 model: one-shot")
            self._settle()
            if value & 0x02:
                self._registers[7] = 0
            if value & 0x0C == 0x04:  # done at once: 100 us are less than a look at it
                self._registers[7] |= _FAULTS.get(self.fault(), (None, 0))[1]
            if value & 0x40 and not self._registers[0] & 0x40:
                self._began = self._clock.now
            self._registers[0] = value & 0xF1
        elif address in (3, 4, 5, 6):
            super().write(address, value)


def make(world, device, uid):
    """The converter of a place in `devices`; `at` is the resistance of its element at 0 degrees C."""
    return MAX31865(world, device["name"], device["at"] or 100)
