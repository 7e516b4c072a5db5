"""Maxim DS18B20 on 1-Wire, after its data sheet: ROM commands, scratchpad with CRC, conversion time, 85 C at
power-on.

Externally powered. The scratchpad changes when a conversion ends; it is the temperature at the conversion's
start, with the resolution of the configuration register.
"""

_POWER_ON = 0x0550  # 85 degrees C
_BUSY_US = 93750  # at 9 bits; doubles with every bit


def crc8(data):
    """CRC of 1-Wire, polynomial x8 + x5 + x4 + 1."""
    crc = 0
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ 0x8C if crc & 1 else crc >> 1
    return crc


class DS18B20:
    """The sensor.

    Args: `world` with `clock.now` (us), `fault(device)` and `temperature()` (milli-degrees C), see `vworld`;
    `serial`: six bytes of its ROM code.
    """

    def __init__(self, world, serial, name="ds18b20"):
        self._world = world
        self._name = name
        self.rom = bytearray(b"\x28") + serial
        self.rom.append(crc8(self.rom))
        self._stored = bytearray(b"\x4b\x46\x7f")  # TH, TL, configuration: 12 bits
        self._pad = bytearray(8)
        self._pending = None  # raw value of a conversion under way
        self._done = 0
        self._fill(_POWER_ON)
        self._state = "idle"
        self._out = b""
        self._at = 0
        self._turn = 0
        self._byte = self._bits = 0

    def _fill(self, raw):
        self._pad[0] = raw & 0xFF
        self._pad[1] = raw >> 8 & 0xFF
        self._pad[2:5] = self._stored
        self._pad[5:8] = b"\xff\x0c\x10"

    def _settle(self):
        if self._pending is not None and self._world.clock.now >= self._done:
            self._pad[0] = self._pending & 0xFF
            self._pad[1] = self._pending >> 8 & 0xFF
            self._pending = None

    def reset(self):
        """A reset pulse; True: I am here."""
        self._settle()
        present = self._world.fault(self._name) != "no_device"
        self._state = "rom" if present else "idle"
        self._byte = self._bits = 0
        return present

    def read_bit(self):
        """What I put on the line in a read slot; 1 leaves it high."""
        if self._state == "search":
            bit = self.rom[self._at >> 3] >> (self._at & 7) & 1
            self._turn += 1
            return bit if self._turn == 1 else 1 - bit
        if self._state == "convert":
            self._settle()
            return 1 if self._pending is None else 0
        if self._state == "send" and self._at < len(self._out) * 8:
            bit = self._out[self._at >> 3] >> (self._at & 7) & 1
            self._at += 1
            return bit
        return 1

    def write_bit(self, bit):
        """A bit from the master."""
        if self._state == "search":
            if bit != self.rom[self._at >> 3] >> (self._at & 7) & 1:
                self._state = "idle"
            self._turn = 0
            self._at += 1
            if self._at == 64:
                self._state = "idle" if self._state == "idle" else "function"
            return
        self._byte |= bit << self._bits
        self._bits += 1
        if self._bits == 8:
            byte = self._byte
            self._byte = self._bits = 0
            self._receive(byte)

    def _receive(self, byte):
        if self._state == "rom":
            self._rom_command(byte)
        elif self._state == "match":
            self._state = "match" if byte == self.rom[self._at] else "idle"
            self._at += 1
            if self._at == 8 and self._state == "match":
                self._state = "function"
        elif self._state == "function":
            self._function(byte)
        elif self._state == "store":
            self._stored[self._at] = byte
            self._at += 1
            if self._at == 3:
                self._stored[2] = self._stored[2] & 0x60 | 0x1F
                self._pad[2:5] = self._stored
                self._state = "idle"

    def _rom_command(self, byte):
        self._at = 0
        if byte == 0xCC:
            self._state = "function"
        elif byte == 0x55:
            self._state = "match"
        elif byte == 0xF0:
            self._turn = 0
            self._state = "search"
        elif byte == 0x33:
            self._send(self.rom)
        else:
            self._state = "idle"

    def _send(self, data):
        self._out = bytes(data)
        self._at = 0
        self._state = "send"

    def _function(self, byte):
        if byte == 0x44:
            self._convert()
        elif byte == 0xBE:
            self._settle()
            check = crc8(self._pad)
            if self._world.fault(self._name) == "crc":
                check ^= 0x55
            self._send(bytes(self._pad) + bytes([check]))
        elif byte == 0x4E:
            self._at = 0
            self._state = "store"
        elif byte == 0xB4:
            self._send(b"\xff")  # externally powered
        else:
            self._state = "idle"  # copy and recall: the EEPROM always equals the scratchpad here

    def _convert(self):
        bits = self._stored[2] >> 5 & 3
        fault = self._world.fault(self._name)
        if fault == "power_on_value":
            raw = _POWER_ON
        elif fault == "stuck":
            raw = self._pad[0] | self._pad[1] << 8
        else:
            raw = (max(min(self._world.temperature(), 125000), -55000) * 16 + 500) // 1000
            raw &= 0xFFFF & ~((1 << 3 - bits) - 1)
        self._pending = raw
        self._done = self._world.clock.now + (_BUSY_US << bits)
        self._state = "convert"


def make(world, device, uid):
    """The sensor of a place in `devices`; `at` is one of several on a wire."""
    serial = device["pin"].to_bytes(1, "little") + uid.encode()[:4] + device["at"].to_bytes(1, "little")
    if not device["at"]:
        serial = device["pin"].to_bytes(1, "little") + uid.encode()[:5]
    return DS18B20(world, serial, device["name"])
