"""The board's calendar: Unix time of virtual time, settable like an RTC."""

import vworld

_offset_us = None


def utc_us():
    """Unix time in microseconds."""
    return vworld.clock.tick() + (vworld.params["utc_start_us"] if _offset_us is None else _offset_us)


def set_utc_us(us):
    """Set it."""
    global _offset_us
    _offset_us = us - vworld.clock.now


def seconds(year, month, day, hour, minute, second):
    """Unix seconds of a UTC date. Method: days of the proleptic Gregorian calendar, year starting in
    March.
    """
    year -= month <= 2
    days = (
        365 * year
        + year // 4
        - year // 100
        + year // 400
        + (153 * ((month + 9) % 12) + 2) // 5
        + day
        - 719469
    )
    return days * 86400 + hour * 3600 + minute * 60 + second
