"""Buses of a board and how `board.json` describes them. A bus speaks in `NodeError`s; drivers get it handed.

    spi = build("spi0", {"type": "spi", "id": 1, "sck": 18, "mosi": 23, "miso": 19, "cs": 5, "baudrate": 5000000})

SPI and 1-Wire are here; I2C is in `i2c.py`, single pins (analog, digital, counter) in `lines.py`: a node loads what its
`board.json` has and its configuration uses.
"""

import machine
from babbitt_node.errors import NodeError


class SpiBus:
    """One device on an SPI bus: the bus and the device's chip select.

    spi: machine.SPI. cs: machine.Pin, idle high. settings: (baudrate, polarity, phase) of this device. users: a list
    with the bus whose settings the controller has, shared by all devices on it.
    """

    def __init__(self, spi, cs, settings, users):
        self._spi = spi
        self._cs = cs
        self._settings = settings
        self._users = users
        users[0] = self
        cs(1)

    def transfer(self, tx, rx):
        """Send `tx` and fill `rx` (equal length; may be the same) in one selection of the device. Allocates nothing.

        Raises NodeError no_device when the bus itself fails.
        """
        if self._users[0] is not self:
            self._take()
        self._cs(0)
        try:
            self._spi.write_readinto(tx, rx)
        except OSError as error:
            raise NodeError("no_device", "SPI bus: %s" % error)
        finally:
            self._cs(1)

    def _take(self):
        """Give the controller the settings of this device: it has those of the device that was spoken to last."""
        if self._users[0]._settings != self._settings:
            baudrate, polarity, phase = self._settings
            self._spi.init(baudrate=baudrate, polarity=polarity, phase=phase)
        self._users[0] = self


class OneWireBus:
    """A 1-Wire bus with MicroPython's own bit timing.

    wire: onewire.OneWire. Every method raises NodeError no_device when the bus itself fails.
    """

    def __init__(self, wire):
        self._wire = wire

    def _call(self, method, *args):
        try:
            return method(*args)
        except Exception as error:
            # OneWireError is an Exception of its own, trouble of the pin an OSError: look at the wire.
            if isinstance(error, MemoryError):
                raise
            raise NodeError("no_device", "1-Wire bus: %r" % error)

    def reset(self):
        """Reset the bus; True when a device answered with a presence pulse."""
        return bool(self._call(self._wire.reset))

    def write(self, data):
        """Write bytes."""
        self._call(self._wire.write, data)

    def readinto(self, buf):
        """Fill `buf`."""
        self._call(self._wire.readinto, buf)

    def select(self, rom):
        """Reset and address one device (`rom`: 8 bytes)."""
        if not self.reset():
            raise NodeError(
                "no_device",
                "no presence pulse on the 1-Wire bus: check the data pin, power and the 4.7 kOhm resistor",
            )
        self._call(self._wire.select_rom, rom)

    def scan(self):
        """ROM codes (8 bytes each) of every device on the bus."""
        return [bytes(rom) for rom in self._call(self._wire.scan)]

    def crc8(self, data):
        """CRC-8 of Maxim (polynomial 0x31 reflected); 0 over data that ends with its CRC."""
        return self._wire.crc8(data)


def build(name, spec):
    """The bus `name` described by `spec`, an entry of `buses` in board.json. Raises NodeError config_invalid that says
    what is wrong there.
    """
    if not isinstance(spec, dict):
        raise _wrong(name, "expected an object {...}")
    kind = spec.get("type")
    try:
        if kind == "spi":
            return _spi(spec)
        if kind == "onewire":
            import onewire

            return OneWireBus(onewire.OneWire(machine.Pin(spec["pin"])))
        if kind == "i2c":
            from babbitt_node.hal.i2c import I2cBus

            scl = machine.Pin(spec["scl"])
            return I2cBus(machine.I2C(spec["id"], scl=scl, sda=machine.Pin(spec["sda"]), freq=spec["freq"]))
        if kind in ("adc", "pin", "counter"):
            from babbitt_node.hal import lines

            return lines.build(spec)
    except KeyError as error:
        raise _wrong(name, "a bus of type %s needs '%s'" % (kind, error.args[0]))
    except (ValueError, TypeError, OSError) as error:
        raise _wrong(name, "%s: %r" % (kind, error))
    raise _wrong(name, "unknown type %r; known: adc, counter, i2c, onewire, pin, spi" % (kind,))


def _wrong(name, reason):
    return NodeError("config_invalid", "board.json: babbitt.buses.%s: %s" % (name, reason))


_users = {}  # of SPI controllers, by their id: there is one machine.SPI each, whatever is built


def _spi(spec):
    mode = spec.get("mode", 3)
    if mode not in (0, 1, 2, 3):
        raise ValueError("mode %r, not 0 to 3" % (mode,))
    spi = machine.SPI(
        spec["id"],
        baudrate=spec["baudrate"],
        polarity=mode >> 1,
        phase=mode & 1,
        sck=machine.Pin(spec["sck"]),
        mosi=machine.Pin(spec["mosi"]),
        miso=machine.Pin(spec["miso"]),
    )
    settings = (spec["baudrate"], mode >> 1, mode & 1)
    users = _users.setdefault(spec["id"], [None])
    return SpiBus(spi, machine.Pin(spec["cs"], machine.Pin.OUT, value=1), settings, users)
