"""Fast Fourier transform of a window in 32-bit integers, compiled by viper.

A real window of n samples is transformed as n/2 complex ones (Cooley-Tukey, radix 2, decimation in time; real
split after Press et al., Numerical Recipes, section 12.3). The samples are first scaled by one power of two so
that no sum can leave 29 bits, and no stage shifts: what is rounded is the last of 29 bits, and the error is that
of the 16-bit sine table.

Complex values are kept as pairs of `value + BIAS` in an array('i'), since a negative one must not be read by
ptr32. Magnitudes are kept as they are. `table` holds a quarter of a sine wave, of n/4 + 1 items.
"""

from array import array

from babbitt_node.hal.compile import const, micropython, ptr16, ptr32

BIAS = const(0x20000000)


def quarter(n):
    """array("H") of 32768 sin(2 pi i / n), i = 0..n/4, within 0.51, the same on every runtime; n: a power of two."""
    table = array("H", bytes(n // 2 + 2))
    # atan(2^-j) in parts of a right angle, which is 2^29.
    angles = (268435456, 158466703, 83729454, 42502378, 21333666, 10677233, 5339919, 2670123, 1335082, 667543)
    angles += (333772, 166886, 83443, 41722, 20861, 10430, 5215, 2608, 1304, 652, 326, 163, 81, 41)
    sines(table, n // 4, array("i", angles))
    return table


@micropython.viper
def sines(table, q: int, angles):
    """Fill table[0:q+1] by rotations of 2^-j (CORDIC: Volder 1959), 24 for each item."""
    t = ptr16(table)
    turn = ptr32(angles)
    step = 0x20000000
    i = q
    while i > 1:
        i >>= 1
        step >>= 1
    i = 0
    while i <= q:
        x = 326016437  # 2^29 over the gain of 24 rotations
        y = 0
        left = i * step
        j = 0
        while j < 24:
            dx = y >> j
            dy = x >> j
            if left >= 0:
                x -= dx
                y += dy
                left -= int(turn[j])
            else:
                x += dx
                y -= dy
                left += int(turn[j])
            j += 1
        t[i] = (y + 8192) >> 14
        i += 1


@micropython.viper
def widen(axis, n: int, mean: int, up: int, z):
    """z[0:n] = (axis[i] - mean) << up, with BIAS. axis: array('h'); the caller keeps the values below 2^29 / n."""
    p = ptr16(axis)
    o = ptr32(z)
    i = 0
    while i < n:
        o[i] = (((int(p[i]) ^ 0x8000) - 0x8000 - mean) << up) + 0x20000000
        i += 1


@micropython.viper
def reverse(z, at: int, m: int):
    """Put the m complex values from z[at] on in bit-reversed order."""
    p = ptr32(z)
    j = 0
    i = 0
    while i < m:
        if j > i:
            k = at + i + i
            h = at + j + j
            t = int(p[k])
            p[k] = int(p[h])
            p[h] = t
            t = int(p[k + 1])
            p[k + 1] = int(p[h + 1])
            p[h + 1] = t
        # The next j: add one to its upper end.
        bit = m >> 1
        while j & bit:
            j ^= bit
            bit >>= 1
        j |= bit
        i += 1


@micropython.viper
def transform(z, at: int, m: int, table, n: int):
    """Discrete Fourier transform in place of the m complex values from z[at] on, given in bit-reversed order.

    |sum of all magnitudes| <= 2^29. n: what `table` was made for, a multiple of m.
    """
    p = ptr32(z)
    t = ptr16(table)
    bias = 0x20000000
    q = n >> 2
    end = at + m + m
    stride = n >> 1
    size = 2
    while size < m + m:
        hop = size + size
        i = at
        while i < end:
            k = i + size
            a = int(p[k]) - bias
            b = int(p[k + 1]) - bias
            c = int(p[i])
            d = int(p[i + 1])
            p[k] = c - a
            p[k + 1] = d - b
            p[i] = c + a
            p[i + 1] = d + b
            i += hop
        if size > 2:
            # Half a way round: times -j, without a multiplication.
            i = at + (size >> 1)
            while i < end:
                k = i + size
                a = int(p[k]) - bias
                b = int(p[k + 1]) - bias
                c = int(p[i])
                d = int(p[i + 1])
                p[k] = c - b
                p[k + 1] = d + a
                p[i] = c + b
                p[i + 1] = d - a
                i += hop
        turn = stride
        first = at + 2
        while first < at + size:
            i = first
            if turn < q:
                c = int(t[q - turn])
                s = int(t[turn])
            elif turn > q:
                c = 0 - int(t[turn - q])
                s = int(t[q + q - turn])
            else:
                i = end
            while i < end:
                k = i + size
                a = int(p[k]) - bias
                b = int(p[k + 1]) - bias
                e = a & 0x3FFF
                f = b & 0x3FFF
                a >>= 14
                b >>= 14
                x = (a * c + b * s + ((e * c + f * s) >> 14) + 1) >> 1
                y = (b * c - a * s + ((f * c - e * s) >> 14) + 1) >> 1
                c0 = int(p[i])
                d0 = int(p[i + 1])
                p[k] = c0 - x
                p[k + 1] = d0 - y
                p[i] = c0 + x
                p[i + 1] = d0 + y
                i += hop
            first += 2
            turn += stride
        stride >>= 1
        size = hop


@micropython.viper
def split(z, at: int, m: int, table, n: int):
    """Turn the transform of m packed pairs into bins 1..m-1 of that of the 2m real values, halved; bin 0 becomes 0."""
    p = ptr32(z)
    t = ptr16(table)
    bias = 0x20000000
    q = n >> 2
    stride = n >> 1
    i = m
    while i > 1:
        stride >>= 1
        i >>= 1
    p[at] = bias
    p[at + 1] = bias
    turn = stride
    low = at + 2
    high = at + m + m - 2
    while low <= high:
        a = int(p[low]) - bias
        b = int(p[low + 1]) - bias
        c = int(p[high]) - bias
        d = int(p[high + 1]) - bias
        er = a + c
        ei = b - d
        r = b + d
        i = c - a
        c = int(t[q - turn])
        s = int(t[turn])
        e = r & 0x3FFF
        f = i & 0x3FFF
        r >>= 14
        i >>= 14
        x = (r * c + i * s + ((e * c + f * s) >> 14) + 1) >> 1
        y = (i * c - r * s + ((f * c - e * s) >> 14) + 1) >> 1
        p[low] = ((er + x + 2) >> 2) + bias
        p[low + 1] = ((ei + y + 2) >> 2) + bias
        p[high] = ((er - x + 2) >> 2) + bias
        p[high + 1] = ((y - ei + 2) >> 2) + bias
        turn += stride
        low += 2
        high -= 2


@micropython.viper
def hann(z, at: int, m: int):
    """Window the samples behind the m bins from z[at] on by sin^2(pi i / n): X[k] / 2 - (X[k-1] + X[k+1]) / 4.

    Bins 1..m-2; 0 and m-1 become 0.
    """
    p = ptr32(z)
    bias = 0x20000000
    a0 = int(p[at]) - bias
    b0 = int(p[at + 1]) - bias
    a1 = int(p[at + 2]) - bias
    b1 = int(p[at + 3]) - bias
    p[at] = bias
    p[at + 1] = bias
    end = at + m + m - 2
    at += 2
    while at < end:
        a = int(p[at + 2]) - bias
        b = int(p[at + 3]) - bias
        p[at] = ((a1 + a1 - a0 - a + 2) >> 2) + bias
        p[at + 1] = ((b1 + b1 - b0 - b + 2) >> 2) + bias
        a0 = a1
        b0 = b1
        a1 = a
        b1 = b
        at += 2
    p[at] = bias
    p[at + 1] = bias


@micropython.viper
def magnitudes(z, at: int, m: int):
    """Replace the m complex values from z[at] on by their magnitudes, z[at:at+m], to 14 bits, rounded."""
    p = ptr32(z)
    end = at + m
    k = at
    while at < end:
        a = int(p[k]) - 0x20000000
        b = int(p[k + 1]) - 0x20000000
        k += 2
        if a < 0:
            a = 0 - a
        if b < 0:
            b = 0 - b
        if a < b:
            v = a
            a = b
            b = v
        # a >= b >= 0; scale them to 13..14 bits.
        down = 0
        if a >= 0x1000000:
            down = 11
        elif a >= 0x80000:
            down = 6
        while a >> down >= 0x4000:
            down += 1
        up = 0
        if down:
            v = 1 << (down - 1)
            a = (a + v) >> down
            b = (b + v) >> down
        elif a:
            while a << up < 0x2000:
                up += 1
            a <<= up
            b <<= up
        if b:
            # a + 3/8 b is within 7 % of the root, two steps of Newton within 3e-6.
            v = a * a + b * b
            a += (b * 3) >> 3
            a = (a + v // a) >> 1
            a = (a + v // a + 1) >> 1
        if up:
            a = (a + ((1 << up) >> 1)) >> up
        p[at] = a << down
        at += 1
