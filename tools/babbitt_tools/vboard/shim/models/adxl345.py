"""Analog Devices ADXL345 behind SPI, after its data sheet (rev. G).

Modelled: DEVID, BW_RATE, POWER_CTL (measure), INT_ENABLE and INT_SOURCE (data ready, watermark, overrun),
DATA_FORMAT (range, full resolution), FIFO_CTL and FIFO_STATUS in bypass, FIFO and stream mode, the 32
entries and the output register behind them, turn-on time, clipping, and the lowest bit that is always 0 at
1600 and 3200 Hz; low power, without its noise; and whether INT1 would tell of activity (ac-coupled, all axes), which
only a board in deep sleep sees. Writing what is not modelled (trigger mode, self-test, left justification, sleep,
activity of other kinds, inactivity) raises NotImplementedError.
"""

_DEVID = 0xE5
_THRESH_ACT = 0x24
_ACT_INACT_CTL = 0x27
_BW_RATE = 0x2C
_POWER_CTL = 0x2D
_INT_ENABLE = 0x2E
_INT_MAP = 0x2F
_INT_SOURCE = 0x30
_DATA_FORMAT = 0x31
_DATAX0 = 0x32
_FIFO_CTL = 0x38
_FIFO_STATUS = 0x39
_MEASURE = 0x08
_BYPASS = 0
_FIFO = 1
_STREAM = 2
_LEVELS = 32
_CHUNK = 256  # samples fetched from the world at a time
_LSB_ZERO = 0x80
_MAX_BAUDRATE = 5000000
_TURN_ON_US = 1100  # and one period of the data rate


class ADXL345:
    """The sensor.

    Args: `world` with `clock.now` (us), `fault(device)`, `fault_value(device)` and
    `accel(view, fmt, start_us, index, rate_mhz)`, see `vworld`.
    """

    def __init__(self, world, name="adxl345"):
        self._world = world
        self._name = name
        self._pointer = 0
        self._clock = world.clock
        self._registers = bytearray(0x3A)
        self._registers[0] = _DEVID
        self._registers[_BW_RATE] = 0x0A
        self._buffer = bytearray(_CHUNK * 6)
        self._view = memoryview(self._buffer)
        self._first = -_CHUNK  # index of the first sample in the buffer
        self._address = -1
        self._reading = False
        self._step = 1
        self._popped = False  # data were read in this transfer
        self._origin = 0  # when the burst started
        self._skip = 0  # us from there to the first sample
        self._rate_mhz = 100000
        self._measuring = False
        self._produced = 0
        self._tail = 0  # index of the oldest sample not read
        self._overrun = False

    def select(self):
        """Chip select falls: a transfer starts with its address."""
        self._address = -1
        self._popped = False

    def deselect(self):
        """Chip select rises. A read of the data, of one byte or of six, has cleared one level of the FIFO."""
        if self._popped:
            self._popped = False
            if self._tail < self._produced:
                self._tail += 1
            self._overrun = False

    def transfer(self, out, back, mode=3, baudrate=_MAX_BAUDRATE):
        """Exchange `out` for `back`, of the same length. False: nobody drives the line (wrong SPI mode or no
        device).
        """
        if mode != 3 or baudrate > _MAX_BAUDRATE or self._fault() == "no_device":
            return False
        n = len(out)
        at = 0
        if self._address < 0:
            first = out[0]
            self._address = first & 0x3F
            self._reading = first & 0x80 != 0
            self._step = 1 if first & 0x40 else 0
            back[0] = 0
            at = 1
        if not self._reading:
            while at < n:
                self._write(self._address, out[at])
                self._address += self._step
                at += 1
        elif self._address == _DATAX0 and n - at == 6:
            self._load()
            for i in range(6):  # not by slices: they would fill the node's heap with garbage of the shim
                back[at + i] = self._registers[_DATAX0 + i]
            self._address += 6
        else:
            while at < n:
                back[at] = self._read(self._address)
                self._address += self._step
                at += 1
        return True

    def activity(self):
        """By how many counts of 1/256 g an axis has to change until INT1 goes up; 0: nothing puts it up."""
        registers = self._registers
        enabled = registers[_INT_ENABLE] & ~registers[_INT_MAP] & 0x10
        if not enabled or not self._measuring or not registers[_ACT_INACT_CTL]:
            return 0
        return 0 if self._fault() in ("no_device", "stuck", "silent") else registers[_THRESH_ACT] * 16

    def _fault(self):
        return self._world.fault(self._name)

    def i2c_write(self, data):
        """Write a register pointer and values. False: nobody acknowledges."""
        if self._fault() == "no_device":
            return False
        if len(data):
            self._pointer = data[0]
        for i in range(1, len(data)):
            self._write(self._pointer, data[i])
            self._pointer += 1
        return True

    def i2c_read(self, buf):
        """Read from the register pointer on. False: nobody acknowledges."""
        if self._fault() == "no_device":
            return False
        self.select()
        for i in range(len(buf)):
            buf[i] = self._read(self._pointer)
            self._pointer += 1
        self.deselect()
        return True

    def _read(self, address):
        if address == 0:
            return 0xE6 if self._fault() == "wrong_identity" else _DEVID
        if _DATAX0 <= address < _FIFO_CTL:
            if not self._popped:
                self._load()
            return self._registers[address]
        if address == _INT_SOURCE:
            return self._interrupts()
        if address == _FIFO_STATUS:
            return 0 if self._fault() == "silent" else min(self._update(), _LEVELS)
        return self._registers[address] if address < len(self._registers) else 0

    def _write(self, address, value):
        old = self._registers[address] if address < len(self._registers) else 0
        if address == _FIFO_CTL:
            if value >> 6 == 3:
                raise NotImplementedError("ADXL345 model: trigger mode")
            self._update()
            self._registers[address] = value
            if (old ^ value) >> 6:
                self._restart()
        elif address == _POWER_CTL:
            if value & 0x04:
                raise NotImplementedError("ADXL345 model: sleep")
            self._update()
            self._registers[address] = value
            if (old ^ value) & _MEASURE:
                self._measuring = value & _MEASURE != 0
                if self._measuring:
                    self._restart()
        elif address == _BW_RATE:
            if value & 0x0F < 6:
                raise NotImplementedError("ADXL345 model: below 6.25 Hz")
            self._registers[address] = value
            self._restart()
        elif address == _DATA_FORMAT:
            if value & 0x84:
                raise NotImplementedError("ADXL345 model: self-test or left justification")
            self._registers[address] = value
            self._first = -_CHUNK
        elif address == _ACT_INACT_CTL and value not in (0, 0xF0):
            raise NotImplementedError("ADXL345 model: inactivity, dc-coupled, or not all axes")
        elif 0x1D <= address <= 0x2F and address != 0x2B:  # the others cannot be written
            self._registers[address] = value

    def _restart(self):
        """A new burst: the FIFO is empty, samples count from 0."""
        self._origin = self._clock.now
        code = self._registers[_BW_RATE] & 0x0F
        self._rate_mhz = 3200000 >> 15 - code
        if self._fault() == "rate_error":
            self._rate_mhz += int(self._rate_mhz * self._world.fault_value(self._name))
        self._skip = _TURN_ON_US
        self._produced = self._tail = 0
        self._first = -_CHUNK
        self._overrun = False

    def _update(self):
        """Let the FIFO fill up to now; how many samples can be read."""
        if self._measuring:
            gone = self._clock.now - self._origin - self._skip
            made = gone * self._rate_mhz // 1000000000 if gone > 0 else 0
            mode = self._registers[_FIFO_CTL] >> 6
            if mode == _STREAM:
                if made - self._tail >= _LEVELS:
                    self._overrun = True
                    self._tail = max(self._tail, made - _LEVELS - 1)
            elif mode == _FIFO:
                if made - self._tail >= _LEVELS:
                    self._overrun = True
                    made = self._tail + _LEVELS
            elif made - self._tail > 1:
                self._overrun = True
                self._tail = made - 1
            self._produced = made
        return self._produced - self._tail

    def _interrupts(self):
        entries = self._update()
        value = 0x80 if entries else 0
        if entries >= max(self._registers[_FIFO_CTL] & 0x1F, 1) and self._registers[_FIFO_CTL] >> 6:
            value |= 0x02
        if self._overrun or self._fault() == "overrun":
            value |= 0x01
        return value

    def _load(self):
        """Put the oldest sample into the data registers; they keep the last one when there is none."""
        self._popped = True
        if self._update() == 0:
            return
        fault = self._fault()
        if fault == "stuck":
            return
        offset = self._tail - self._first
        if not 0 <= offset < _CHUNK:
            self._fetch()
            offset = 0
        offset *= 6
        for i in range(6):
            self._registers[_DATAX0 + i] = self._buffer[offset + i]
        if fault == "saturated":
            self._saturate()

    def _fetch(self):
        fmt = self._registers[_DATA_FORMAT] & 0x0B
        if self._registers[_BW_RATE] & 0x0F >= 0x0E:
            fmt |= _LSB_ZERO
        self._world.accel(self._view, fmt, self._origin, self._tail, self._rate_mhz)
        self._first = self._tail

    def _saturate(self):
        form = self._registers[_DATA_FORMAT]
        top = (512 << (form & 3)) - 1 if form & 0x08 else 511
        for at in range(_DATAX0, _FIFO_CTL, 2):
            self._registers[at] = top & 0xFF
            self._registers[at + 1] = top >> 8


def make(world, device, uid):
    """The sensor of a place in `devices`."""
    return ADXL345(world, device["name"])
