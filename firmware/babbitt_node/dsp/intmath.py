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
