"""A positive number times fractions, in one call: mantissa and exponent between the steps, so that a chain keeps 27
bits and none leaves 32; and where a frequency lies among the bins.

    scaled(23170, -3, 15625, 4, 1, 1)        # 23170 / 8 x 15625 / 4, rounded, at most 2^30 - 1

Compiled by viper: in bytecode the long division would be the slowest part of a window.
"""

from babbitt_node.hal.compile import micropython, ptr32


@micropython.viper
def scaled(value: int, shift: int, num: int, den: int, num2: int, den2: int) -> int:
    """value x 2^shift x num / den x num2 / den2, rounded to an integer, at most 2^30 - 1.

    value, num, num2: 0..2^30-1; den, den2: 1..2^30-1; shift -500..500. Each quotient is rounded down to 28 bits.
    """
    if num == 0 or num2 == 0:
        value = 0
    turn = 2
    while value > 0:
        while value < 0x10000000:
            value <<= 1
            shift -= 1
        while value >= 0x20000000:
            value = (value + 1) >> 1
            shift += 1
        if turn == 0:
            break
        if num != den:
            # All three to 28 or 29 bits, so that the quotient has 27 to 30.
            while num < 0x10000000:
                num <<= 1
                shift -= 1
            while num >= 0x20000000:
                num >>= 1
                shift += 1
            while den < 0x10000000:
                den <<= 1
                shift += 1
            while den >= 0x20000000:
                den >>= 1
                shift -= 1
            # value x num / den by shift and add: quotient q, remainder r < den.
            step = 0
            if value >= den:
                step = 1
                value -= den
            q = 0
            r = 0
            bit = 0x10000000
            while bit:
                q <<= 1
                r <<= 1
                if num & bit:
                    q += step
                    r += value
                while r >= den:
                    r -= den
                    q += 1
                bit >>= 1
            value = q
        num = num2
        den = den2
        turn -= 1
    if shift > 1:
        return 0x3FFFFFFF if value > 0 else 0
    if shift > 0:
        return value << 1
    if shift < -30:
        return 0
    if shift < 0:
        return ((value >> (0 - shift - 1)) + 1) >> 1
    return value


@micropython.viper
def edges(low_hz: int, high_hz: int, log: int, rate_mhz: int, out: ptr32):
    """out[0], out[1] = the first and the last bin in use of low_hz..high_hz (0..50000) of a window of 2^log samples at
    1000..10^8 mHz; the first is the higher one if there is none. 1/128 of a bin beyond counts as inside.
    """
    i = 0
    hz = low_hz
    while i < 2:
        num = hz * 1000
        q = num // rate_mhz
        r = num - q * rate_mhz
        if q > 4096:
            q = 4096
        j = log + 8
        while j > 0 and q <= 0x800000:
            q <<= 1
            r <<= 1
            if r >= rate_mhz:
                r -= rate_mhz
                q += 1
            j -= 1
        if i == 0:
            q = (q + 0xFE) >> 8
            out[0] = q if q > 2 else 2
        else:
            q = (q + 2) >> 8
            j = (1 << (log - 1)) - 2
            out[1] = q if q < j else j
        hz = high_hz
        i += 1


@micropython.viper
def place(num: int, up: int, den: int, most: int) -> int:
    """num x 2^up / den, rounded down, at most `most` <= 2^28; num 0..2^30-1, den 1..2^29."""
    q = num // den
    r = num - q * den
    if q > most:
        q = most
    while up > 0:
        q <<= 1
        r <<= 1
        if r >= den:
            r -= den
            q += 1
        if q > most:
            q = most
        up -= 1
    return q
