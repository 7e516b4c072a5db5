"""I2C: one bus, several devices, told apart by their address (7 bit)."""

from babbitt_node.errors import NodeError
from babbitt_node.hal.compile import const

_ETIMEDOUT = const(110)


class I2cBus:
    """The devices on the two wires of `i2c`, a machine.I2C. No method allocates unless it fails.

    Every method raises NodeError no_device when the device does not acknowledge or the bus is held.
    """

    def __init__(self, i2c):
        self._i2c = i2c

    def write(self, address, data):
        """Send `data` to a device."""
        try:
            self._i2c.writeto(address, data)
        except OSError as error:
            raise _failed(address, error)

    def readinto(self, address, buf):
        """Fill `buf` from a device."""
        try:
            self._i2c.readfrom_into(address, buf)
        except OSError as error:
            raise _failed(address, error)

    def read_register(self, address, register, buf):
        """Fill `buf` from a device's registers, from `register` (8 bit) on."""
        try:
            self._i2c.readfrom_mem_into(address, register, buf)
        except OSError as error:
            raise _failed(address, error)


def _failed(address, error):
    if error.args and error.args[0] == _ETIMEDOUT:
        what = "the bus is held: check SDA and SCL for a short and both pull-up resistors"
    else:
        what = "nobody answers: check power, SDA, SCL, the pull-up resistors and the address"
    return NodeError("no_device", "I2C address %d (0x%02x): %s (%s)" % (address, address, what, error))
