"""The two passes over a window, compiled by viper.

Every intermediate stays inside signed 32 bits for any int16 input and n <= 4096, because viper wraps at 2^31
on an ESP32 and does not on a PC. Sums that need more are kept as two words, high * 2^16 + low.
"""

from babbitt_node.hal.compile import micropython, ptr16, ptr32


@micropython.viper
def extent(axis, n: int, out):
    """Write sum, minimum and maximum of axis[0:n] (array('h')) to out[0:3] (array('i'))."""
    p = ptr16(axis)
    o = ptr32(out)
    total = 0
    low = 32767
    high = -32768
    i = 0
    while i < n:
        v = (int(p[i]) ^ 0x8000) - 0x8000
        total += v
        if v < low:
            low = v
        if v > high:
            high = v
        i += 1
    o[0] = total
    o[1] = low
    o[2] = high


@micropython.viper
def moments(axis, n: int, mean: int, fraction: int, up: int, down: int, out):
    """Sum the squares and fourth powers of d = ((axis[i] - mean) << up >> down) - fraction.

    The caller chooses up, down and fraction so that |d| <= 2^15. out[3], out[4]: high and low word of the sum
    of d^2; out[5], out[6]: of the sum of (d^2 / 2^15)^2.
    """
    p = ptr16(axis)
    o = ptr32(out)
    low2 = 0
    high2 = 0
    low4 = 0
    high4 = 0
    i = 0
    while i < n:
        d = ((((int(p[i]) ^ 0x8000) - 0x8000 - mean) << up) >> down) - fraction
        q = d * d
        low2 += q & 0xFFFF
        high2 += q >> 16
        q >>= 15
        q = q * q
        low4 += q & 0xFFFF
        high4 += q >> 16
        i += 1
    o[3] = high2
    o[4] = low2
    o[5] = high4
    o[6] = low4
