"""Integer arithmetic that never leaves the small ints of an ESP32 (-2^30 .. 2^30-1), so that it never
allocates. Compiled by viper where there is a loop over bits.
"""

from babbitt_node.hal.compile import const, micropython

MAX = const(0x3FFFFFFF)  # 2^30 - 1: the largest value on the node and on the wire


@micropython.viper
def isqrt(n: int) -> int:
    """Floor of the square root of n, 0 <= n < 2^30; digit by digit (Woo, 'abacus' method)."""
    root = 0
    bit = 0x10000000
    while bit > n:
        bit >>= 2
    while bit:
        if n >= root + bit:
            n -= root + bit
            root = (root >> 1) + bit
        else:
            root >>= 1
        bit >>= 2
    return root


def room(n, bits):
    """How far n > 0 can be shifted left and stay below 2^bits; negative: so far it must be shifted right."""
    shift = 0
    limit = 1 << (bits - 1)
    while n < limit:
        n <<= 1
        shift += 1
    while n >> 1 >= limit:
        n >>= 1
        shift -= 1
    return shift


def shifted(n, shift):
    """n >= 0 shifted left by `shift` (right if negative, rounded), at most MAX."""
    if shift < 0:
        if shift < -30:
            return 0
        return ((n >> (-shift - 1)) + 1) >> 1
    if n > MAX >> min(shift, 30):
        return MAX
    return n << shift if n else 0


@micropython.viper
def muldiv(a: int, b: int, c: int) -> int:
    """a * b / c, rounded half up, for 0 <= a, b < 2^30 and 0 < c <= 2^29; at most MAX.

    Where the product fits it is one multiplication; else shift-and-add keeps quotient and remainder, which
    both fit.
    """
    if b == 0 or a <= (MAX - (c >> 1)) // b:
        return (a * b + (c >> 1)) // c
    step = a // c
    part = a % c
    q = 0
    r = 0
    bit = 0x20000000
    while bit > b:
        bit >>= 1
    while bit:
        if q > MAX >> 1:
            return MAX
        q <<= 1
        r <<= 1
        if r >= c:
            r -= c
            q += 1
        if b & bit:
            r += part
            if r >= c:
                r -= c
                q += 1
            if q > MAX - step:
                return MAX
            q += step
        bit >>= 1
    if r >= c - r and q < MAX:
        q += 1
    return q
