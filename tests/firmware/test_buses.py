"""Buses out of board.json: what is built, what a wrong description says, and errors of the wires, on a machine of the test."""

import sys

from helpers import node_error, without_heap


class Pin:
    IN, OUT = 1, 3
    PULL_UP, PULL_DOWN = 2, 1
    IRQ_RISING, IRQ_FALLING = 1, 2
    made = []

    def __init__(self, id, mode=-1, pull=-1, value=None):
        if type(id) is not int:
            raise ValueError("invalid pin")
        self.id, self.mode, self.pull, self.level = id, mode, pull, value
        Pin.made.append(self)

    def __call__(self, level=None):
        if level is None:
            return self.level
        self.level = level
        return None

    def irq(self, handler, trigger):
        self.handler, self.trigger = handler, trigger


class SPI:
    def __init__(self, id, baudrate, polarity, phase, sck, mosi, miso):
        self.settings = (id, baudrate, polarity, phase)
        self.error = None
        self.inits = []

    def init(self, baudrate, polarity, phase):
        self.inits.append((baudrate, polarity, phase))

    def write_readinto(self, tx, rx):
        if self.error:
            raise self.error


class I2C:
    def __init__(self, id, scl, sda, freq):
        self.settings = (id, scl.id, sda.id, freq)
        self.said = []
        self.error = None

    def _do(self, *what):
        if self.error:
            raise self.error
        self.said.append(what)

    def writeto(self, address, data):
        self._do("w", address, bytes(data))

    def readfrom_into(self, address, buf):
        self._do("r", address, len(buf))

    def readfrom_mem_into(self, address, register, buf):
        self._do("m", address, register, len(buf))


class ADC:
    ATTN_0DB, ATTN_2_5DB, ATTN_6DB, ATTN_11DB = 0, 1, 2, 3

    def __init__(self, pin, atten):
        self.atten = atten
        self.next = 0

    def read_uv(self):
        self.next += 1000
        return self.next


class Counter:
    RISING, FALLING = 1, 2

    def __init__(self, id, pin, edge, filter_ns):
        self.settings = (id, pin.id, edge, filter_ns)

    def value(self):
        return (1 << 30) + 5


class Machine:
    pass


for _one in (Pin, SPI, I2C, ADC, Counter):
    setattr(Machine, _one.__name__, _one)

_before = {
    name: sys.modules.get(name) for name in ("machine", "babbitt_node.hal.buses", "babbitt_node.hal.lines")
}
for _name in _before:
    sys.modules.pop(_name, None)
sys.modules["machine"] = Machine
from babbitt_node.hal import buses, i2c, lines  # noqa: E402

for _name, _module in _before.items():
    sys.modules.pop(_name, None)
    if _module is not None:
        sys.modules[_name] = _module

SPI_SPEC = {"type": "spi", "id": 1, "sck": 1, "mosi": 2, "miso": 3, "cs": 4, "baudrate": 5000000}
I2C_SPEC = {"type": "i2c", "id": 0, "scl": 22, "sda": 21, "freq": 400000}


def build(spec):
    """As `buses.build`, which imports its neighbours when it needs them."""
    sys.modules["machine"] = Machine
    sys.modules["babbitt_node.hal.lines"] = lines
    try:
        return buses.build("b0", spec)
    finally:
        for name, module in _before.items():
            sys.modules.pop(name, None)
            if module is not None:
                sys.modules[name] = module


def test_an_spi_bus_has_its_mode():
    assert build(SPI_SPEC)._spi.settings == (1, 5000000, 1, 1)
    bus = build(dict(SPI_SPEC, mode=1))
    assert bus._spi.settings == (1, 5000000, 0, 1)
    bus._spi.error = OSError(5)
    node_error("no_device", bus.transfer, bytearray(2), bytearray(2))
    assert bus._cs.level == 1


def test_devices_on_one_controller_have_their_own_mode_and_speed():
    first, same = build(SPI_SPEC), build(dict(SPI_SPEC, cs=5))
    other, apart = build(dict(SPI_SPEC, cs=6, mode=1, baudrate=1000000)), build(dict(SPI_SPEC, id=2))
    two = bytearray(2)
    for bus in (other, other, first, first, same, apart, other):
        bus.transfer(two, two)
    assert first._spi.inits == [(5000000, 1, 1)]
    assert same._spi.inits == apart._spi.inits == []
    assert other._spi.inits == [(1000000, 0, 1)]


def test_an_i2c_bus_speaks_to_addresses_and_says_who_is_silent():
    bus = build(I2C_SPEC)
    assert bus._i2c.settings == (0, 22, 21, 400000)
    bus.write(72, b"\x01")
    bus.readinto(68, bytearray(6))
    bus.read_register(72, 15, bytearray(2))
    assert bus._i2c.said == [("w", 72, b"\x01"), ("r", 68, 6), ("m", 72, 15, 2)]
    for error, word in ((OSError(19), "0x48"), (OSError(110), "held")):
        bus._i2c.error = error
        for call, args in (
            (bus.write, (72, b"")),
            (bus.readinto, (72, b"")),
            (bus.read_register, (72, 0, b"")),
        ):
            assert word in node_error("no_device", call, *args).detail
    assert i2c.I2cBus is type(bus)


def test_an_analog_pin_is_read_sixteen_times():
    pin = build({"type": "adc", "pin": 34})
    assert pin._adc.atten == ADC.ATTN_11DB and pin.microvolts() == 8500
    assert build({"type": "adc", "pin": 34, "attenuation": 0})._adc.atten == ADC.ATTN_0DB


def test_a_contact_knows_what_closed_is():
    pin = build({"type": "pin", "pin": 14})
    assert (Pin.made[-1].mode, Pin.made[-1].pull) == (Pin.IN, Pin.PULL_UP)
    Pin.made[-1].level = 0
    assert pin.closed()
    pin.watch(len)
    assert Pin.made[-1].trigger == 3 and Pin.made[-1].handler is len
    pin = build({"type": "pin", "pin": 14, "pull": "none", "closed": "high"})
    Pin.made[-1].level = 0
    assert Pin.made[-1].pull is None and not pin.closed()


def test_pulses_are_counted_by_hardware_where_there_is_some():
    spec = {"type": "counter", "pin": 27, "id": 2}
    bus = build(spec)
    assert bus._counter.settings == (2, 27, Counter.FALLING, 1000) and bus.total() == 5
    del Machine.Counter
    try:
        bus = build(dict(spec, edge="rising"))
    finally:
        Machine.Counter = Counter
    pin = Pin.made[-1]
    assert pin.trigger == Pin.IRQ_RISING and bus.total() == 0
    without_heap(lambda: pin.handler(pin))
    assert bus.total() == 1
    bus._count[0] = 0x3FFFFFFF
    pin.handler(pin)
    assert bus.total() == 0


def test_a_wrong_description_says_what_is_wrong_and_where():
    for spec, word in (
        ({"type": "spi", "id": 1}, "a bus of type spi needs 'baudrate'"),
        (dict(SPI_SPEC, mode=4), "mode 4"),
        ({"type": "i2c", "id": 0, "sda": 1}, "needs 'scl'"),
        (dict(I2C_SPEC, scl="x"), "invalid pin"),
        ({"type": "adc"}, "needs 'pin'"),
        ({"type": "adc", "pin": 1, "attenuation": 5}, "attenuation"),
        ({"type": "pin", "pin": 1, "pull": "sideways"}, "expected one of down, none, up"),
        ({"type": "pin", "pin": 1, "closed": "maybe"}, "closed"),
        ({"type": "counter", "pin": 1}, "needs 'id'"),
        ({"type": "counter", "pin": 1, "id": 0, "edge": "both"}, "edge"),
        ({"type": "can"}, "unknown type 'can'; known: adc"),
        ({}, "unknown type None"),
        ([], "expected an object"),
    ):
        detail = node_error("config_invalid", build, spec).detail
        assert "babbitt.buses.b0" in detail and word in detail, detail
