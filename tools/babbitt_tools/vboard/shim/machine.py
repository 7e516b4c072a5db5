"""`machine` of an ESP32 as far as the node uses it: pins, SPI, I2C, ADC, pulse counter, watchdog, clock, reset, deep sleep.

A device is chosen by pulling its chip-select pin low, as on a board. Transfers cost virtual time: the bits
on the wire and an assumed 20 us of the driver for each call (not measured on hardware).
"""

import time

import vworld
from vpins import ADC, I2C, Counter  # noqa: F401

PWRON_RESET = 1
HARD_RESET = 2
WDT_RESET = 3
DEEPSLEEP_RESET = 4
SOFT_RESET = 5
EXT0_WAKE = 2
TIMER_WAKE = 4

_CALL_US = 20
_RTC_MEMORY = 2048  # bytes, as on an ESP32
_chosen = None  # the model whose chip select is low


class Pin:
    """A pin. Those that are a chip select choose their model; those that a model drives read it."""

    IN = 1
    OUT = 3
    OPEN_DRAIN = 7
    PULL_UP = 2
    PULL_DOWN = 1
    IRQ_RISING = 1
    IRQ_FALLING = 2

    def __init__(self, id, mode=-1, pull=-1, value=None):
        self.id = id
        self._level = 1
        self._model = vworld.selectable.get(id)
        self._driver = vworld.pins.get(id)
        self.init(mode, pull, value)

    def init(self, mode=-1, pull=-1, value=None):
        """Only `value` has an effect."""
        if value is not None:
            self(value)

    def __call__(self, level=None):
        """Read or set the level."""
        global _chosen
        if level is None:
            return self._level if self._driver is None else self._driver.level()
        level = 1 if level else 0
        if self._model is not None and level != self._level:
            if level:
                self._model.deselect()
                _chosen = None
            else:
                self._model.select()
                _chosen = self._model
        self._level = level
        return None

    value = __call__

    def irq(self, handler=None, trigger=3, hard=False):
        """Call `handler(pin)` at the edges of a modelled contact or shaft."""
        if self._driver is not None:
            if self._driver not in vworld.watched:
                vworld.watched.append(self._driver)
            self._driver.watch(handler, self)

    def on(self):
        """High."""
        self(1)

    def off(self):
        """Low."""
        self(0)


class SPI:
    """An SPI controller. Without a chosen device the data line floats high. There is one of each id: what is made or
    set again sets it for all.
    """

    _settings = {}  # id -> [baudrate, mode]

    MSB = 0
    LSB = 1

    def __init__(
        self, id, baudrate=1000000, polarity=0, phase=0, bits=8, firstbit=0, sck=None, mosi=None, miso=None
    ):
        self._own = self._settings.setdefault(id, [0, 0])
        self._set(baudrate, polarity, phase)

    def init(self, baudrate=1000000, polarity=0, phase=0, bits=8, firstbit=0, sck=None, mosi=None, miso=None):
        """Change the settings."""
        self._set(baudrate, polarity, phase)

    def _set(self, baudrate, polarity, phase):
        self._own[0] = baudrate
        self._own[1] = polarity * 2 + phase

    def deinit(self):
        """Nothing to give back."""

    def write_readinto(self, write_buf, read_buf):
        """Send `write_buf` while filling `read_buf`, of the same length; they may be the same object."""
        n = len(write_buf)
        vworld.clock.charge(n * 8000000 // self._own[0] + _CALL_US)
        if _chosen is None or not _chosen.transfer(write_buf, read_buf, self._own[1], self._own[0]):
            for i in range(n):
                read_buf[i] = 0xFF

    def write(self, buf):
        """Send `buf`."""
        self.write_readinto(buf, bytearray(len(buf)))

    def readinto(self, buf, write=0):
        """Fill `buf` while sending `write`."""
        self.write_readinto(bytes([write]) * len(buf), buf)

    def read(self, nbytes, write=0):
        """Read `nbytes` while sending `write`."""
        buf = bytearray(nbytes)
        self.readinto(buf, write)
        return bytes(buf)


class WDT:
    """The watchdog, in virtual time; it cannot be stopped."""

    def __init__(self, id=0, timeout=5000):
        self._us = timeout * 1000
        self.feed()

    def feed(self):
        """Postpone the reset."""
        vworld.clock.deadline = vworld.clock.now + self._us


class RTC:
    """The clock that `time.time()` shows."""

    def datetime(self, value=None):
        """Read or set (year, month, day, weekday, hour, minute, second, microsecond)."""
        import vtime

        if value is None:
            us = vtime.utc_us()
            t = time.gmtime(us // 1000000)
            return (t[0], t[1], t[2], t[6], t[3], t[4], t[5], us % 1000000)
        seconds = vtime.seconds(value[0], value[1], value[2], value[4], value[5], value[6])
        vtime.set_utc_us(seconds * 1000000 + value[7])
        return None

    def memory(self, data=None):
        """Read or write the memory that survives deep sleep and resets, at most 2048 bytes."""
        import vlink

        if data is None:
            return bytes(vworld.link.ask(vlink.MEMORY, vworld.clock.now, 1))
        if len(data) > _RTC_MEMORY:
            raise ValueError("buffer too long")
        vworld.link.give(vlink.MEMORY, vworld.clock.now, bytes(data))
        return None


def reset():
    """Hard reset."""
    vworld.reset(HARD_RESET)


def soft_reset():
    """Soft reset."""
    vworld.reset(SOFT_RESET)


def deepsleep(time_ms=0):
    """Sleep for so long (0: for ever) or until `esp32.wake_on_ext0`, then start anew with cause DEEPSLEEP_RESET."""
    if time_ms < 0:
        raise ValueError("a sleep has no negative length")
    vworld.reset(DEEPSLEEP_RESET, min(time_ms, 0xFFFFFFFF), vworld.watching())


def wake_reason():
    """What ended the deep sleep before this start; 0: there was none."""
    return vworld.params.get("wake_reason", 0)


def reset_cause():
    """Why the board started."""
    return vworld.params["cause"]


def unique_id():
    """Six bytes, those of the board's name."""
    return bytes(int(vworld.params["uid"][i : i + 2], 16) for i in range(0, 12, 2))


def freq(hz=None):
    """The frequency of the processor, in Hz."""
    return 240000000


def idle():
    """Nothing to do for a moment."""
    vworld.clock.charge(10)
