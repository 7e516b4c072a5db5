"""STMicroelectronics LIS3DH behind SPI or I2C, after its data sheet (Rev 2) and AN3308.

Modelled: WHO_AM_I, CTRL_REG1 (rate), CTRL_REG4 (range, high resolution), CTRL_REG5 (FIFO_EN), the output registers and
the roll-over of a burst, FIFO_CTRL in bypass and stream mode, FIFO_SRC. Low power, FIFO and trigger mode raise
NotImplementedError.
"""

from models.fifo import FifoSensor

_RATES = {5: 100000, 6: 200000, 7: 400000, 9: 1344000}
_STEPS = (1000, 2000, 4000, 12000)


class LIS3DH(FifoSensor):
    """The sensor."""

    MASK = 0x3F

    def __init__(self, world, name="lis3dh"):
        super().__init__(world, 0x40, name, 32)
        self._registers[0x0F] = 0x33
        self._registers[0x20] = 0x07
        self.top = 2047

    def read(self, address):
        """The value of a register."""
        if address == 0x0F and self.fault() == "wrong_identity":
            return 0x32
        if address == 0x2F:
            held = self.held()
            return (0x40 if self.lost else 0) | (0x20 if not held else 0) | min(held, 31)
        if 0x28 <= address <= 0x2D:
            if address == 0x28:
                self.held()
            return (self.axis((address - 0x28) // 2) << 4 & 0xFFFF) >> ((address & 1) * 8) & 0xFF
        return super().read(address)

    def after(self, address):
        """The address that follows: behind the last byte of z the first of x of the next sample."""
        if address != 0x2D:
            return address + 1
        self.pop()
        self.lost = False
        return 0x28

    def write(self, address, value):
        """Set a register."""
        if address == 0x20 and value & 0x08:
            raise NotImplementedError("LIS3DH model: low power")
        if address == 0x2E and value >> 6 not in (0, 2):
            raise NotImplementedError("LIS3DH model: FIFO or trigger mode")
        if not 0x1E <= address <= 0x3F or address in (0x27, 0x2F):
            return
        super().write(address, value)
        if address == 0x23:
            self.step_ug = _STEPS[value >> 4 & 3]
        if address in (0x20, 0x2E, 0x24):
            on = self._registers[0x2E] >> 6 == 2 and self._registers[0x24] & 0x40
            self.restart(_RATES.get(self._registers[0x20] >> 4, 0) if on else 0)


def make(world, device, uid):
    """The sensor of a place in `devices`."""
    return LIS3DH(world, device["name"])
