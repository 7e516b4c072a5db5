"""Single pins: an analog input, a contact, a counter of pulses. Which pin does what says `board.json`."""

from array import array

import machine
from babbitt_node.hal.compile import const

_READINGS = const(16)
_WRAP = const(0x3FFFFFFF)


class AnalogPin:
    """An analog input. adc: machine.ADC."""

    def __init__(self, adc):
        self._adc = adc

    def microvolts(self):
        """The voltage at the pin, microvolts: the mean of 16 readings, corrected by the chip's calibration."""
        total = 0
        for _ in range(_READINGS):
            total += self._adc.read_uv()
        return total // _READINGS


class ContactPin:
    """A contact. pin: machine.Pin. level: what the pin reads while it is closed, 0 or 1."""

    def __init__(self, pin, level):
        self._pin = pin
        self._level = level

    def closed(self):
        """Whether the contact is closed now."""
        return self._pin() == self._level

    def watch(self, changed):
        """Call `changed(pin)` at every edge. It runs between two instructions of the program and must not allocate."""
        self._pin.irq(handler=changed, trigger=machine.Pin.IRQ_RISING | machine.Pin.IRQ_FALLING)


class Counter:
    """Pulses, counted by the hardware (PCNT of an ESP32) and without interrupts. counter: machine.Counter."""

    def __init__(self, counter):
        self._counter = counter

    def total(self):
        """Pulses since the start, modulo 2^30."""
        return self._counter.value() & _WRAP


class InterruptCounter:
    """Pulses, counted by an interrupt each: good for some 1000 a second. pin: machine.Pin. trigger: its edge."""

    def __init__(self, pin, trigger):
        self._count = array("i", [0])
        pin.irq(handler=self._pulse, trigger=trigger)

    def _pulse(self, pin):
        self._count[0] = (self._count[0] + 1) & _WRAP

    def total(self):
        """Pulses since the start, modulo 2^30."""
        return self._count[0]


def build(spec):
    """The bus of a spec of type adc, pin or counter. Raises KeyError, ValueError, TypeError."""
    if spec["type"] == "adc":
        steps = {0: "ATTN_0DB", 2: "ATTN_2_5DB", 6: "ATTN_6DB", 11: "ATTN_11DB"}
        step = getattr(machine.ADC, _word(spec, "attenuation", steps, 11))
        return AnalogPin(machine.ADC(machine.Pin(spec["pin"]), atten=step))
    pulls = {"up": machine.Pin.PULL_UP, "down": machine.Pin.PULL_DOWN, "none": None}
    pin = machine.Pin(spec["pin"], machine.Pin.IN, _word(spec, "pull", pulls, "up"))
    if spec["type"] == "pin":
        return ContactPin(pin, _word(spec, "closed", {"low": 0, "high": 1}, "low"))
    rising = _word(spec, "edge", {"falling": False, "rising": True}, "falling")
    if hasattr(machine, "Counter"):
        edge = machine.Counter.RISING if rising else machine.Counter.FALLING
        filter_ns = spec.get("filter_ns", 1000)
        return Counter(machine.Counter(spec["id"], pin, edge=edge, filter_ns=filter_ns))
    return InterruptCounter(pin, machine.Pin.IRQ_RISING if rising else machine.Pin.IRQ_FALLING)


def _word(spec, key, known, default):
    """What a word of a spec stands for."""
    word = spec.get(key, default)
    if word not in known:
        raise ValueError("%s: expected one of %s" % (key, ", ".join(sorted(str(k) for k in known))))
    return known[word]
