"""I2C, ADC and pulse counter of `machine` over modelled devices. A transfer costs 9 bits a byte and an assumed 40 us of
the driver for each call.
"""

import vworld

_CALL_US = 40
_ENODEV = 19


class I2C:
    """An I2C controller. OSError ENODEV where nobody acknowledges, as on an ESP32."""

    def __init__(self, id, *, scl=None, sda=None, freq=400000, timeout=50000):
        self._freq = freq
        self._models = vworld.i2cs.get(sda.id, {}) if sda is not None else {}

    def _model(self, address, n):
        vworld.clock.charge((n + 1) * 9000000 // self._freq + _CALL_US)
        if address not in self._models:
            raise OSError(_ENODEV)
        return self._models[address]

    def scan(self):
        """Addresses that acknowledge."""
        return [a for a in sorted(self._models) if self._models[a].i2c_write(b"\x00")]

    def writeto(self, addr, buf, stop=True):
        """Send `buf`; how many bytes were acknowledged."""
        if not self._model(addr, len(buf)).i2c_write(buf):
            raise OSError(_ENODEV)
        return len(buf)

    def readfrom_into(self, addr, buf, stop=True):
        """Fill `buf`."""
        if not self._model(addr, len(buf)).i2c_read(buf):
            raise OSError(_ENODEV)

    def readfrom_mem_into(self, addr, memaddr, buf, *, addrsize=8):
        """Fill `buf` from a register on."""
        model = self._model(addr, len(buf) + 2)
        if not model.i2c_write(bytes((memaddr,))) or not model.i2c_read(buf):
            raise OSError(_ENODEV)


class ADC:
    """An analog input; one without a model reads 0."""

    ATTN_0DB = 0
    ATTN_2_5DB = 1
    ATTN_6DB = 2
    ATTN_11DB = 3

    def __init__(self, pin, *, atten=0):
        self._model = vworld.pins.get(pin.id)

    def read_uv(self):
        """The voltage, microvolts."""
        vworld.clock.charge(_CALL_US)
        return self._model.microvolts() if self._model is not None else 0


class Counter:
    """A pulse counter (PCNT)."""

    RISING = 1
    FALLING = 2

    def __init__(self, id, src, *, edge=1, filter_ns=0):
        self._model = vworld.pins.get(src.id)
        self._start = self._total()

    def _total(self):
        return self._model.total() if self._model is not None else 0

    def value(self):
        """Pulses since the start."""
        vworld.clock.charge(5)
        return self._total() - self._start
