"""InvenSense MPU-6050 (I2C) and MPU-6500 (I2C, SPI), after their register maps (4.2 and 2.1).

Modelled: WHO_AM_I, PWR_MGMT_1 (sleep: nothing else can be written), the rate of SMPLRT_DIV at 1 kHz, ACCEL_CONFIG, the
FIFO with accelerations alone, its count, its reset, its overflow. A full FIFO drops whole samples; of the chip it drops
bytes. Other data in the FIFO and the sample clock without a filter raise NotImplementedError.
"""

from models.fifo import FifoSensor


class MPU6050(FifoSensor):
    """The sensor. levels: samples in its FIFO, 170 (MPU-6050) or 85 (MPU-6500)."""

    MAX_BAUDRATE = 1000000

    def __init__(self, world, name="mpu6050", identity=0x68, levels=170):
        super().__init__(world, 0x80, name, levels)
        self._identity = identity
        self._registers[0x6B] = 0x40
        self._byte = 0

    def read(self, address):
        """The value of a register."""
        if address == 0x75:
            return 0x71 if self.fault() == "wrong_identity" else self._identity
        if address == 0x3A:
            self.held()
            lost = self.lost
            self.lost = False
            return 0x10 if lost else 0
        if address == 0x72:
            return self.held() * 6 - self._byte >> 8
        if address == 0x73:
            return self.held() * 6 - self._byte & 0xFF
        if address == 0x74:
            count = self.axis(self._byte // 2) & 0xFFFF
            value = count & 0xFF if self._byte & 1 else count >> 8
            self._byte += 1
            if self._byte == 6:
                self._byte = 0
                self.pop()
            return value
        return super().read(address)

    def after(self, address):
        """The address that follows: the FIFO's stays."""
        return address if address == 0x74 else address + 1

    def write(self, address, value):
        """Set a register."""
        if self._registers[0x6B] & 0x40 and address != 0x6B:
            return
        if (address == 0x23 and value not in (0, 0x08)) or (
            address == 0x1A and value & 7 not in (1, 2, 3, 4, 5, 6)
        ):
            raise NotImplementedError("MPU6050 model: that FIFO or filter")
        super().write(address, value)
        if address == 0x1C:
            self.step_ug = 1000000 * (2 << (value >> 3 & 3)) // 32768
        if address == 0x6A:
            self._registers[0x6A] &= 0xFB
            self._byte = 0
        if address in (0x6A, 0x23, 0x6B, 0x19):
            on = self._registers[0x6A] & 0x40 and self._registers[0x23] & 0x08
            asleep = self._registers[0x6B] & 0x40
            self.restart(1000000 // (1 + self._registers[0x19]) if on and not asleep else 0)


def make(world, device, uid):
    """The sensor of a place in `devices`."""
    if device["model"] == "mpu6500":
        return MPU6050(world, device["name"], 0x70, 85)
    return MPU6050(world, device["name"])
