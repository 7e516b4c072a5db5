"""What drives single pins: a voltage, a current over a shunt, a contact to ground, pulses of a shaft."""

_NEVER = 1 << 60
_FULL_UV = 3100000  # an ESP32's ADC at 11 dB sees no more


class Voltage:
    """A voltage, or (ohms) a current over a shunt, at an analog input."""

    def __init__(self, world, name, ohms=0):
        self._world = world
        self._name = name
        self._ohms = ohms
        self._last = 0

    def microvolts(self):
        """What the input sees, microvolts."""
        fault = self._world.fault(self._name)
        if fault == "wire_break":
            return 0 if self._ohms else _FULL_UV + 200000
        if fault == "short_circuit":
            return 0
        if fault == "saturated":
            return _FULL_UV
        if fault != "stuck":
            if self._ohms:
                self._last = self._world.measure("current")[0] * self._ohms // 1000
            else:
                self._last = self._world.measure("voltage")[0]
        return max(self._last, 0)


class Contact:
    """A contact between a pin with a pull-up and ground: 0 while it is closed. `due`: when its next edge is.

    The fault `bounce`: every change bounces five times, 1 ms each; `stuck`: it does not change any more.
    """

    def __init__(self, world, name):
        self._world = world
        self._name = name
        self.due = _NEVER
        self.handler = None
        self._pin = None
        self._level = 1
        self._bounces = 0
        self._settled = 0

    def level(self):
        """What the pin reads now."""
        if self.handler is None:
            self._look()
        return self._level

    def _look(self):
        closed, then = self._world.measure("contact")
        self._settled = then if then >= 0 else _NEVER
        level = 0 if closed else 1
        if self._world.fault(self._name) != "stuck":
            self._level = level
        self.due = self._settled

    def watch(self, handler, pin):
        """Call the handler at every edge."""
        self._look()
        self.handler = handler
        self._pin = pin
        self._world.clock.alarm = min(self._world.clock.alarm, self.due)

    def fire(self):
        """An edge, if one is due."""
        if self._world.clock.now < self.due:
            return
        if self._bounces:
            self._bounces -= 1
            self._level = 1 - self._level
            self.due = self.due + 1000 if self._bounces else self._settled
        else:
            before = self._level
            self._look()
            if self._level == before:
                return
            if self._world.fault(self._name) == "bounce":
                self._bounces = 4
                self.due = self._world.clock.now + 1000
        self.handler(self._pin)


class Shaft:
    """Pulses of a shaft. With an interrupt, `due` is when the next one comes."""

    def __init__(self, world, name, pulses):
        self._world = world
        self._name = name
        self._pulses = pulses
        self._at = world.clock.now
        self._before = None  # its rate when it was last asked
        self._sum = 0
        self.due = _NEVER
        self.handler = None
        self._pin = None

    def _rate(self):
        """Pulses a second, millionths."""
        if self._world.fault(self._name) == "stuck":
            return 0
        return max(self._world.measure("speed")[0], 0) * self._pulses // 60

    def total(self):
        """Pulses since the start."""
        now = self._world.clock.now
        rate = self._rate()
        before = rate if self._before is None else self._before
        self._sum += (rate + before) * (now - self._at) // 2
        self._at = now
        self._before = rate
        return self._sum // 1000000000000

    def level(self):
        """What the pin reads now."""
        return 1

    def watch(self, handler, pin):
        """Call the handler at every pulse."""
        self.handler = handler
        self._pin = pin
        self.due = self._world.clock.now
        self._world.clock.alarm = min(self._world.clock.alarm, self.due)

    def fire(self):
        """A pulse, if one is due."""
        if self._world.clock.now < self.due:
            return
        rate = self._rate()
        if rate >= 1000000 // 10:
            self.handler(self._pin)
            self.due += 1000000000000 // rate
        else:
            self.due += 100000  # it stands: look again


def make(world, device, uid):
    """What drives a pin; `at` is the shunt of a `loop` in ohms, or the pulses of a revolution of a `shaft`."""
    if device["model"] == "contact":
        return Contact(world, device["name"])
    if device["model"] == "shaft":
        return Shaft(world, device["name"], device["at"] or 1)
    return Voltage(world, device["name"], (device["at"] or 100) if device["model"] == "loop" else 0)
