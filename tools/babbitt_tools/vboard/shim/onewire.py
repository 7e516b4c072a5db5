"""`onewire` of MicroPython over modelled devices: the same names, errors and values.

A reset takes 960 us of virtual time, a bit 65 us (Maxim application note 126, standard speed).
"""

import vworld

_RESET_US = 960
_BIT_US = 65


class OneWireError(Exception):
    """No device answered a reset that required one."""


class OneWire:
    """The bus on one pin."""

    SEARCH_ROM = 0xF0
    MATCH_ROM = 0x55
    SKIP_ROM = 0xCC

    def __init__(self, pin):
        self.pin = pin
        self._devices = vworld.onewires.get(pin.id, [])

    def reset(self, required=False):
        """True when a device is present."""
        vworld.clock.charge(_RESET_US)
        present = False
        for device in self._devices:
            present = device.reset() or present
        if required and not present:
            raise OneWireError
        return present

    def readbit(self):
        """A bit: the devices' answers, wired together; 1 where nobody answers."""
        vworld.clock.charge(_BIT_US)
        bit = 1
        for device in self._devices:
            bit &= device.read_bit()
        return bit

    def writebit(self, value, power_pin=None):
        """Send a bit."""
        vworld.clock.charge(_BIT_US)
        for device in self._devices:
            device.write_bit(1 if value else 0)

    def readbyte(self):
        """A byte, lowest bit first."""
        value = 0
        for i in range(8):
            value |= self.readbit() << i
        return value

    def writebyte(self, value, power_pin=None):
        """Send a byte, lowest bit first."""
        for i in range(8):
            self.writebit(value >> i & 1)

    def readinto(self, buf):
        """Fill `buf`."""
        for i in range(len(buf)):
            buf[i] = self.readbyte()

    def write(self, buf, power_pin=None):
        """Send `buf`."""
        for byte in buf:
            self.writebyte(byte)

    def select_rom(self, rom):
        """Address one device."""
        self.reset()
        self.writebyte(self.MATCH_ROM)
        self.write(rom)

    def scan(self):
        """The ROM codes of all devices, as bytearrays. Method: Maxim application note 187."""
        found = []
        rom = bytearray(8)
        fork = 64
        while fork >= 0:
            rom, fork = self._search(rom, fork)
            if rom is None:
                break
            found.append(rom)
        return found

    def _search(self, last, fork):
        """The next code after `last`, and the highest bit where another branch is left (-1: none)."""
        if not self.reset():
            return None, -1
        self.writebyte(self.SEARCH_ROM)
        rom = bytearray(8)
        left = -1
        for i in range(64):
            bit = self.readbit()
            other = self.readbit()
            if bit and other:
                return None, -1
            if not bit and not other:
                taken = last[i >> 3] >> (i & 7) & 1 if i < fork else i == fork
                if not taken:
                    left = i
                bit = 1 if taken else 0
            self.writebit(bit)
            rom[i >> 3] |= bit << (i & 7)
        return rom, left

    def crc8(self, data):
        """0 when the last byte of `data` is the CRC of the others (polynomial x8 + x5 + x4 + 1)."""
        crc = 0
        for byte in data:
            crc ^= byte
            for _ in range(8):
                crc = crc >> 1 ^ 0x8C if crc & 1 else crc >> 1
        return crc
