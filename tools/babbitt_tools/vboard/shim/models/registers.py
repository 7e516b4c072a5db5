"""What models of chips with 8-bit registers have in common: their transfers on SPI and I2C."""


class Registers:
    """A chip with `count` registers.

    Args: `world` with `clock.now` (us), `fault(name)`, `fault_value(name)`, see `vworld`; `name`: of the device, for
    its faults.

    A model overrides `read(address)`, `write(address, value)`, `after(address)` (the one that follows in a burst), and
    what differs of MASK (bits of the address), READ (what its read bit is), MODES and MAX_BAUDRATE.
    """

    MASK = 0x7F
    READ = 0x80
    MODES = (0, 3)
    MAX_BAUDRATE = 10000000

    def __init__(self, world, count, name):
        self._world = world
        self._clock = world.clock
        self._name = name
        self._registers = bytearray(count)
        self._address = -1
        self._reading = False

    def fault(self):
        """Name of its fault, or None."""
        return self._world.fault(self._name)

    def read(self, address):
        """The value of a register."""
        return self._registers[address] if address < len(self._registers) else 0

    def write(self, address, value):
        """Set a register."""
        if address < len(self._registers):
            self._registers[address] = value

    def after(self, address):
        """The address that follows in a burst; called once the byte was read."""
        return address + 1

    def select(self):
        """Chip select falls: a transfer starts with its address."""
        self._address = -1

    def deselect(self):
        """Chip select rises."""

    def transfer(self, out, back, mode=3, baudrate=1000000):
        """Exchange `out` for `back`, of the same length. False: nobody drives the line (wrong SPI mode or no
        device).
        """
        if mode not in self.MODES or baudrate > self.MAX_BAUDRATE or self.fault() == "no_device":
            return False
        at = 0
        if self._address < 0:
            self._address = out[0] & self.MASK
            self._reading = out[0] & 0x80 == self.READ
            back[0] = 0
            at = 1
        while at < len(out):
            if self._reading:
                back[at] = self.read(self._address)
                self._address = self.after(self._address)
            else:
                self.write(self._address, out[at])
                self._address += 1
            at += 1
        return True

    def i2c_write(self, data):
        """Write a register pointer and values. False: nobody acknowledges."""
        if self.fault() == "no_device":
            return False
        self._address = data[0] & self.MASK
        for i in range(1, len(data)):
            self.write(self._address, data[i])
            self._address += 1
        return True

    def i2c_read(self, buf):
        """Read from the register pointer on. False: nobody acknowledges."""
        if self.fault() == "no_device":
            return False
        for i in range(len(buf)):
            buf[i] = self.read(self._address)
            self._address = self.after(self._address)
        return True
