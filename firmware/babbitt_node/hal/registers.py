"""Registers of 8 bit, the same behind SPI and I2C, and FIFOs behind one of them. Knows no hardware: it gets a bus.

registers = Registers(bus, 83, "ADXL345", 0x40, 0)
registers.identify(0x00, 0xE5)                 # NodeError no_device, wrong_identity
registers.setup((0x2C, 0x0F), (0x2D, 0x08))     # written and read back
fifo = Fifo(registers, 0x32, 6, 1)
count = fifo.take(20, x, y, z, at=0)            # array('h'); allocates nothing
"""

from babbitt_node.dsp.samples import strange, unpack
from babbitt_node.errors import NodeError

_READ = 0x80  # of an SPI address
SIX = 6  # layouts of `dsp/samples.py`
HIGH_FIRST = 6 + 256
SHIFTED_4 = 6 + 4 * 4096


class Registers:
    """The registers of one device.

    bus: an object with `transfer(tx, rx)` (SPI) or `write`, `read_register` (I2C). address: on I2C. name: in errors.
    spi_more, i2c_more: what an address carries to read more than one byte.
    """

    def __init__(self, bus, address, name, spi_more=0, i2c_more=0):
        self.bus = bus
        self.spi = hasattr(bus, "transfer")
        self.address = address
        self.name = name
        self.more = _READ | spi_more if self.spi else i2c_more
        self._tx = bytearray(2)
        self._rx = bytearray(2)
        self._one = memoryview(self._rx)[1:]

    def read(self, register):
        """The value of a register."""
        if self.spi:
            self._tx[0] = _READ | register
            self._tx[1] = 0
            self.bus.transfer(self._tx, self._rx)
        else:
            self.bus.read_register(self.address, register, self._one)
        return self._rx[1]

    def write(self, register, value):
        """Set a register."""
        self._tx[0] = register
        self._tx[1] = value
        if self.spi:
            self.bus.transfer(self._tx, self._rx)
        else:
            self.bus.write(self.address, self._tx)

    def identify(self, register, *known):
        """Read who answers; returns the one of `known`. Raises NodeError no_device, wrong_identity."""
        found = self.read(register)
        if found in known:
            return found
        if self.spi and found in (0x00, 0xFF):
            raise NodeError(
                "no_device",
                "%s: only 0x%02x on the bus: check power, the chip select and the SDO wire"
                % (self.name, found),
            )
        wanted = " or ".join("0x%02x" % one for one in known)
        raise NodeError(
            "wrong_identity",
            "%s: identity 0x%02x, not %s: another sensor, or SPI in the wrong mode"
            % (self.name, found, wanted),
        )

    def setup(self, *rows):
        """Write rows (register, value) and read each back. Raises NodeError no_device."""
        for register, value in rows:
            self.write(register, value)
            back = self.read(register)
            if back != value:
                raise NodeError(
                    "no_device",
                    "%s: register 0x%02x reads 0x%02x, not 0x%02x: check the wires, keep them short"
                    % (self.name, register, back, value),
                )


class Fifo:
    """Reads of a FIFO of accelerations at one register, in bursts of 1, 2, 4 ... `most` entries.

    size: bytes of an entry; x, y, z are its last six. layout: of these, see `dsp/samples.py`. tag: what an entry begins with
    (bits 3 to 7 of a byte with even parity), or None.
    """

    def __init__(self, registers, register, size, most, layout=SIX, tag=None):
        self._registers = registers
        self._spi = registers.spi
        self._address = registers.more | register
        self._layout = layout
        self._size = size
        self._tag = tag
        self.data = bytearray(1 + size * most)
        self._bursts = []  # (entries, view), the longest first
        while most:
            start = 0 if self._spi else 1
            self._bursts.append((most, memoryview(self.data)[start : 1 + size * most]))
            most >>= 1

    def fetch(self, view):
        """Read a burst into `view`, the second of a row of `bursts`."""
        if self._spi:
            self.data[0] = self._address
            self._registers.bus.transfer(view, view)
        else:
            self._registers.bus.read_register(self._registers.address, self._address, view)

    def take(self, count, x, y, z, at):
        """Read `count` entries into x, y, z (array('h')) from index `at` on; returns `count`. Raises NodeError crc where a
        tag is wrong.
        """
        left = count
        for entries, view in self._bursts:
            while left >= entries:
                self.fetch(view)
                unpack(self.data, self._layout, entries, x, y, z, at)
                if self._tag is not None and strange(self.data, self._size, entries, self._tag):
                    raise NodeError(
                        "crc",
                        "%s: words of the FIFO with a wrong tag: check the wires, keep them short; or a slower baudrate"
                        % self._registers.name,
                    )
                at += entries
                left -= entries
        return count
