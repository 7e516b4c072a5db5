"""STMicroelectronics IIS3DWB behind SPI, after its data sheet (Rev 7).

Modelled: WHO_AM_I, CTRL1_XL (on, range), CTRL3_C, FIFO_CTRL3 (batching at 26.667 kHz), FIFO_CTRL4 in bypass and
continuous mode, FIFO_STATUS1 and 2, words with tag, counter and parity and the roll-over of a burst.
"""

from models.fifo import FifoSensor

_STEPS = (61, 488, 122, 244)


class IIS3DWB(FifoSensor):
    """The sensor."""

    TURN_ON_US = 10000

    def __init__(self, world, name="iis3dwb"):
        super().__init__(world, 0x80, name, 512)
        self._registers[0x0F] = 0x7B
        self._registers[0x12] = 0x04

    def read(self, address):
        """The value of a register."""
        if address == 0x0F and self.fault() == "wrong_identity":
            return 0x7A
        if address == 0x3A:
            return self.held() & 0xFF
        if address == 0x3B:
            held = self.held()
            lost = self.lost
            self.lost = False
            return (0x48 if lost else 0) | (0x20 if held == 512 else 0) | held >> 8 & 3
        if address == 0x78:
            value = 0x02 << 3 | (self._tail & 3) << 1
            value |= (value >> 4 ^ value >> 2 ^ value >> 1) & 1
            return value ^ 0x40 if self.fault() == "crc" else value
        if 0x79 <= address <= 0x7E:
            at = address - 0x79
            return (self.axis(at // 2) & 0xFFFF) >> (at & 1) * 8 & 0xFF
        return super().read(address)

    def after(self, address):
        """The address that follows: behind the last byte of a word the tag of the next."""
        if address != 0x7E:
            return address + 1
        self.pop()
        return 0x78

    def write(self, address, value):
        """Set a register."""
        if address == 0x0A and value & 7 not in (0, 6):
            raise NotImplementedError("IIS3DWB model: only bypass and continuous mode")
        if 0x07 <= address <= 0x19 and address != 0x0F:
            super().write(address, value)
        if address == 0x10:
            self.step_ug = _STEPS[value >> 2 & 3]
        if address in (0x0A, 0x10):
            on = self._registers[0x10] >> 5 == 5 and self._registers[0x0A] & 7 == 6
            self.restart(26667000 if on and self._registers[0x09] & 0x0F == 0x0A else 0)


def make(world, device, uid):
    """The sensor of a place in `devices`."""
    return IIS3DWB(world, device["name"])
