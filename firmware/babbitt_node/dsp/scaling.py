"""A positive number as mantissa and exponent, so that a chain of factors keeps 27 bits and no step leaves 32.

    start(pair, 23170, -3)        # pair = array('i', [0, 0]): 23170 / 8
    times(pair, 15625, 4)         # x 15625 / 4
    value = finish(pair)          # rounded, at most 2^30 - 1

Compiled by viper: in bytecode the long division would be the slowest part of a window.
"""

from babbitt_node.hal.compile import micropython, ptr32


@micropython.viper
def start(pair, value: int, shift: int):
    """pair = value x 2^shift; value 0..2^30-1, shift -500..500."""
    o = ptr32(pair)
    if value > 0:
        while value < 0x10000000:
            value <<= 1
            shift -= 1
        if value >= 0x20000000:
            value = (value + 1) >> 1
            shift += 1
    o[0] = value
    o[1] = shift + 0x1000  # never negative: see hal/compile.py


@micropython.viper
def times(pair, num: int, den: int):
    """pair x num / den, rounded down to 28 bits; num 0..2^30-1, den 1..2^30-1."""
    o = ptr32(pair)
    value = int(o[0])
    shift = int(o[1])
    if num == 0:
        value = 0
    if value > 0:
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
        part = value
        if part >= den:
            step = 1
            part -= den
        q = 0
        r = 0
        bit = 0x10000000
        while bit:
            q <<= 1
            r <<= 1
            if r >= den:
                r -= den
                q += 1
            if num & bit:
                q += step
                r += part
                if r >= den:
                    r -= den
                    q += 1
            bit >>= 1
        value = q
        while value < 0x10000000:
            value <<= 1
            shift -= 1
        while value >= 0x20000000:
            value = (value + 1) >> 1
            shift += 1
    o[0] = value
    o[1] = shift


@micropython.viper
def finish(pair) -> int:
    """The number, rounded to an integer, at most 2^30 - 1."""
    o = ptr32(pair)
    value = int(o[0])
    shift = int(o[1]) - 0x1000
    if shift > 1:
        if value > 0:
            value = 0x3FFFFFFF
    elif shift > 0:
        value <<= 1
    elif shift < -30:
        value = 0
    elif shift < 0:
        value = ((value >> (0 - shift - 1)) + 1) >> 1
    return value


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
