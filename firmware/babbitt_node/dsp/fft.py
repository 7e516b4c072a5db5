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
def sines(table: ptr16, q: int, angles: ptr32):
    """Fill table[0:q+1] by rotations of 2^-j (CORDIC: Volder 1959), 24 for each item."""
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
                left -= int(angles[j])
            else:
                x += dx
                y -= dy
                left += int(angles[j])
            j += 1
        table[i] = (y + 8192) >> 14
        i += 1


@micropython.viper
def widen(axis: ptr16, n: int, mean: int, span: int, z: ptr32) -> int:
    """z[0:n] = (axis[i] - mean) << up, with BIAS. axis: array('h'); span >= |axis[i] - mean|. Returns up, the largest
    with span << up <= 2^29 / n; 0 if span is 0.
    """
    up = 0
    limit = 0x20000000 // n
    if span > 0:
        while span << (up + 1) <= limit:
            up += 1
    while n > 0:
        n -= 1
        z[n] = (((int(axis[n]) ^ 0x8000) - 0x8000 - mean) << up) + 0x20000000
    return up


@micropython.viper
def reverse(z: ptr32, at: int, m: int):
    """Put the m complex values from z[at] on in bit-reversed order."""
    begin = at
    end = at + m + m
    top = m
    m = 0  # twice the reversed number
    while at < end:
        h = begin + m
        if h > at:
            t = int(z[at])
            z[at] = int(z[h])
            z[h] = t
            t = int(z[at + 1])
            z[at + 1] = int(z[h + 1])
            z[h + 1] = t
        # The next one: add one to its upper end.
        bit = top
        while m & bit:
            m ^= bit
            bit >>= 1
        m |= bit
        at += 2


@micropython.viper
def transform(z: ptr32, at: int, m: int, table: ptr16, n: int):
    """Discrete Fourier transform in place of the m complex values from z[at] on, given in bit-reversed order.

    |sum of all magnitudes| <= 2^29. n: what `table` was made for, a multiple of m.
    """
    bias = 0x20000000
    q = n >> 2
    begin = at
    end = at + m + m
    stride = n >> 1
    size = 2
    while size < end - begin:
        hop = size + size
        # The pair of a butterfly is at `at` and `m`.
        at = begin
        while at < end:
            m = at + size
            a = int(z[m]) - bias
            b = int(z[m + 1]) - bias
            c = int(z[at])
            d = int(z[at + 1])
            z[m] = c - a
            z[m + 1] = d - b
            z[at] = c + a
            z[at + 1] = d + b
            at += hop
        if size > 2:
            # Half a way round: times -j, without a multiplication.
            at = begin + (size >> 1)
            while at < end:
                m = at + size
                a = int(z[m]) - bias
                b = int(z[m + 1]) - bias
                c = int(z[at])
                d = int(z[at + 1])
                z[m] = c - b
                z[m + 1] = d + a
                z[at] = c + b
                z[at + 1] = d - a
                at += hop
        turn = stride
        first = begin + 2
        while first < begin + size:
            at = first
            if turn < q:
                c = int(table[q - turn])
                s = int(table[turn])
            elif turn > q:
                c = 0 - int(table[turn - q])
                s = int(table[q + q - turn])
            else:
                at = end
            while at < end:
                m = at + size
                a = int(z[m]) - bias
                b = int(z[m + 1]) - bias
                e = a & 0x3FFF
                f = b & 0x3FFF
                a >>= 14
                b >>= 14
                x = (a * c + b * s + ((e * c + f * s) >> 14) + 1) >> 1
                y = (b * c - a * s + ((f * c - e * s) >> 14) + 1) >> 1
                a = int(z[at])
                b = int(z[at + 1])
                z[m] = a - x
                z[m + 1] = b - y
                z[at] = a + x
                z[at + 1] = b + y
                at += hop
            first += 2
            turn += stride
        stride >>= 1
        size = hop


@micropython.viper
def split(z: ptr32, at: int, m: int, table: ptr16, n: int):
    """Turn the transform of m packed pairs into bins 1..m-1 of that of the 2m real values, halved; bin 0 becomes 0."""
    bias = 0x20000000
    q = n >> 2
    stride = n >> 1
    i = m
    while i > 1:
        stride >>= 1
        i >>= 1
    z[at] = bias
    z[at + 1] = bias
    turn = stride
    # The pair of bins is at `at` and `m`.
    m = at + m + m - 2
    at += 2
    while at <= m:
        a = int(z[at]) - bias
        b = int(z[at + 1]) - bias
        c = int(z[m]) - bias
        d = int(z[m + 1]) - bias
        er = a + c
        ei = b - d
        r = b + d
        i = c - a
        c = int(table[q - turn])
        s = int(table[turn])
        e = r & 0x3FFF
        f = i & 0x3FFF
        r >>= 14
        i >>= 14
        x = (r * c + i * s + ((e * c + f * s) >> 14) + 1) >> 1
        y = (i * c - r * s + ((f * c - e * s) >> 14) + 1) >> 1
        z[at] = ((er + x + 2) >> 2) + bias
        z[at + 1] = ((ei + y + 2) >> 2) + bias
        z[m] = ((er - x + 2) >> 2) + bias
        z[m + 1] = ((y - ei + 2) >> 2) + bias
        turn += stride
        at += 2
        m -= 2


@micropython.viper
def hann(z: ptr32, at: int, m: int):
    """Window the samples behind the m bins from z[at] on by sin^2(pi i / n): X[k] / 2 - (X[k-1] + X[k+1]) / 4.

    Bins 1..m-2; 0 and m-1 become 0.
    """
    bias = 0x20000000
    a0 = int(z[at]) - bias
    b0 = int(z[at + 1]) - bias
    a1 = int(z[at + 2]) - bias
    b1 = int(z[at + 3]) - bias
    z[at] = bias
    z[at + 1] = bias
    m = at + m + m - 2
    at += 2
    while at < m:
        a = int(z[at + 2]) - bias
        b = int(z[at + 3]) - bias
        z[at] = ((a1 + a1 - a0 - a + 2) >> 2) + bias
        z[at + 1] = ((b1 + b1 - b0 - b + 2) >> 2) + bias
        a0 = a1
        b0 = b1
        a1 = a
        b1 = b
        at += 2
    z[at] = bias
    z[at + 1] = bias


@micropython.viper
def magnitudes(z: ptr32, at: int, m: int):
    """Replace the m complex values from z[at] on by their magnitudes, z[at:at+m], to 14 bits, rounded."""
    end = at + m
    m = at
    while at < end:
        a = int(z[m]) - 0x20000000
        b = int(z[m + 1]) - 0x20000000
        m += 2
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
        z[at] = a << down
        at += 1
