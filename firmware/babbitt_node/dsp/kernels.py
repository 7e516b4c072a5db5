"""The two passes over a window, compiled by viper.

Every intermediate stays inside signed 32 bits for any int16 input and n <= 4096, because viper wraps at 2^31
on an ESP32 and does not on a PC. Sums that need more are kept as two words, high * 2^16 + low.
"""

from babbitt_node.hal.compile import micropython, ptr16, ptr32


@micropython.viper
def extent(axis: ptr16, n: int, out: ptr32):
    """Write sum, minimum and maximum of axis[0:n] (array('h')) to out[0:3] (array('i'))."""
    total = 0
    low = 32767
    high = -32768
    while n > 0:
        n -= 1
        v = (int(axis[n]) ^ 0x8000) - 0x8000
        total += v
        if v < low:
            low = v
        if v > high:
            high = v
    out[0] = total
    out[1] = low
    out[2] = high


@micropython.viper
def moments(axis: ptr16, n: int, mean: int, rest: int, span: int, out: ptr32):
    """Mean square and mean fourth power of the deviations d of axis[0:n] from mean + rest / n, 0 <= rest < n.

    d is scaled to 15 bits: << up for small signals, >> down only for a span (|axis[i] - mean| < span) of more than
    32767 counts. out[0:5]: mean of d^2, mean of (d^2 / 2^15)^2, up, down, and what of d the rest makes.
    """
    up = 0
    down = 0
    while span << (up + 1) <= 32767:
        up += 1
    if span > 32767:
        down = 1
        rest = 0
    else:
        rest = (rest << up) // n
    low2 = 0
    high2 = 0
    low4 = 0
    high4 = 0
    i = n
    while i > 0:
        i -= 1
        d = ((((int(axis[i]) ^ 0x8000) - 0x8000 - mean) << up) >> down) - rest
        q = d * d
        low2 += q & 0xFFFF
        high2 += q >> 16
        q >>= 15
        q = q * q
        low4 += q & 0xFFFF
        high4 += q >> 16
    high2 += low2 >> 16
    q = high2 // n
    out[0] = (q << 16) + (((high2 - q * n) << 16) + (low2 & 0xFFFF)) // n
    high4 += low4 >> 16
    q = high4 // n
    out[1] = (q << 16) + (((high4 - q * n) << 16) + (low4 & 0xFFFF)) // n
    out[2] = up
    out[3] = down
    out[4] = rest


@micropython.viper
def kurtosis(square: int, fourth: int) -> int:
    """Thousandths of fourth x 2^30 / square^2, at most 2^30 - 1; square 1..2^30-1, fourth 0..2^30-1.

    By division with 15-bit mantissas.
    """
    if fourth == 0:
        return 0
    shift = 2
    while square < 0x4000:
        square <<= 1
        shift += 2
    if square >= 0x8000:
        e = 0
        while (square >> e) >= 0x8000:
            e += 1
        square = ((square >> (e - 1)) + 1) >> 1
        shift -= e + e
    while fourth < 0x4000:
        fourth <<= 1
        shift -= 1
    if fourth >= 0x8000:
        e = 0
        while (fourth >> e) >= 0x8000:
            e += 1
        fourth = ((fourth >> (e - 1)) + 1) >> 1
        shift += e
    h = (((fourth << 14) // square << 14) // square) * 1000
    if shift < 0:
        if shift < -30:
            return 0
        return ((h >> (0 - shift - 1)) + 1) >> 1
    while shift > 0 and h < 0x20000000:
        h <<= 1
        shift -= 1
    return h if shift == 0 else 0x3FFFFFFF
