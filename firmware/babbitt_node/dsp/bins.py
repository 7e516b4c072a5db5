"""What is read off the bins of a spectrum or the samples of an envelope, compiled by viper.

All work on z[at:at+count], non-negative and below 2^29, of an array('i').
"""

from babbitt_node.hal.compile import micropython, ptr32


@micropython.viper
def tallest(z, at: int, count: int) -> int:
    """The largest value; 0 of none."""
    p = ptr32(z)
    top = 0
    end = at + count
    while at < end:
        v = int(p[at])
        if v > top:
            top = v
        at += 1
    return top


@micropython.viper
def mean(z, at: int, count: int) -> int:
    """The mean, rounded down; count 1..4096."""
    p = ptr32(z)
    high = 0
    low = 0
    i = 0
    while i < count:
        v = int(p[at + i])
        high += v >> 12
        low += v & 0xFFF
        i += 1
    high += low >> 12
    low &= 0xFFF
    whole = high // count
    return (whole << 12) + (((high - whole * count) << 12) + low) // count


@micropython.viper
def energy(z, at: int, count: int, down: int, up: int, pair):
    """pair (see `scaling`) = the root of the sum of (v >> down << up)^2; the caller makes these at most 2^15."""
    p = ptr32(z)
    o = ptr32(pair)
    high = 0
    low = 0
    half = (1 << down) >> 1
    end = at + count
    while at < end:
        v = ((int(p[at]) + half) >> down) << up
        v *= v
        high += v >> 16
        low += v & 0xFFFF
        at += 1
    high += low >> 16
    low &= 0xFFFF
    # (high x 2^16 + low) as v x 2^shift, v in 2^28..2^30, shift even.
    shift = 16
    v = high
    if high < 0x4000:
        shift = 0
        v = (high << 16) + low
    else:
        while v < 0x10000000 and shift > 0:
            shift -= 2
            v = (v << 2) + ((low >> shift) & 3)
    if v > 0:
        while v < 0x10000000:
            v <<= 2
            shift -= 2
    # Root digit by digit (Woo, 'abacus' method), to 15 bits.
    root = 0
    bit = 0x10000000
    while bit:
        trial = root + bit
        root >>= 1
        if v >= trial:
            v -= trial
            root += bit
        bit >>= 2
    shift = (shift >> 1) + down - up
    if root > 0:
        root = (root << 12) + (v << 11) // root  # 12 more bits: sqrt(r^2 + rest) = r + rest / 2r
        shift -= 12
        while root < 0x10000000:
            root <<= 1
            shift -= 1
    o[0] = root
    o[1] = shift + 0x1000


@micropython.viper
def integrated(z, at: int, first: int, last: int, up: int, to: int):
    """z[to + k - first] = z[at + k] x 2^up / sqrt(k^2 + 1) for k = first..last <= 2047; first >= 1, up 0..11."""
    p = ptr32(z)
    k = first
    while k <= last:
        # 2^8 sqrt(k^2 + 1) within 0.02 % from k = 2 on: k + 1/2k - 1/8k^3
        d = (k << 8) + 128 // k
        if k < 4:
            d -= 32 // (k * k * k)
        v = int(p[at + k])
        q = v // d
        p[to + k - first] = (q << up) + (((v - q * d) << up) + (d >> 1)) // d
        k += 1


@micropython.viper
def summits(z, at: int, first: int, last: int, wanted: int, out):
    """out[0:wanted]: the bins of the largest local maxima of bins first..last, largest first, the lower of two
    equal ones first; 0: no more. The neighbours of first and last are read.
    """
    p = ptr32(z)
    o = ptr32(out)
    j = 0
    while j < wanted:
        o[j] = 0
        j += 1
    k = first
    while k <= last:
        v = int(p[at + k])
        if v > int(p[at + k - 1]) and v >= int(p[at + k + 1]):
            j = wanted
            while j > 0 and (int(o[j - 1]) == 0 or int(p[at + int(o[j - 1])]) < v):
                if j < wanted:
                    o[j] = int(o[j - 1])
                j -= 1
            if j < wanted:
                o[j] = k
        k += 1


@micropython.viper
def tone(z, at: int, k: int, out):
    """Interpolate a line of a Hann spectrum at bin k from its larger neighbour (Grandke 1983).

    out[0] = 2^15 x (frequency in bins), out[1] = 2^14 x (its magnitude over that of bin k).
    """
    p = ptr32(z)
    o = ptr32(out)
    a = int(p[at + k])
    b = int(p[at + k + 1])
    left = int(p[at + k - 1])
    side = 1
    if left > b:
        b = left
        side = -1
    while a >= 0x8000:
        a >>= 1
        b >>= 1
    if b > a:
        b = a
    delta = 0
    if a > 0:
        delta = ((b + b - a) << 15) // (a + b)
        if delta < 0:
            delta = 0
    o[0] = (k << 15) + side * delta
    # pi d (1 - d^2) / sin(pi d) by its power series, d^2 <= 1/4.
    s = (delta * delta) >> 15
    o[1] = 16384 + (((10567 + ((4082 + ((1262 + ((351 * s) >> 15)) * s >> 15)) * s >> 15)) * s) >> 15)


@micropython.viper
def weight(z, first: int, count: int) -> int:
    """At least 2^-12 of the sum of the magnitudes of the complex values first..first+count-1 of z (see `fft`)."""
    p = ptr32(z)
    total = 0
    k = first + first
    end = k + count + count
    while k < end:
        v = int(p[k]) - 0x20000000
        if v < 0:
            v = 0 - v
        total += (v >> 12) + 1
        k += 1
    return total


@micropython.viper
def baseband(z, first: int, count: int, m: int, down: int, up: int):
    """The complex values of z become value >> down << up of first..first+count-1, conjugated, then zeros up to m."""
    p = ptr32(z)
    k = 0
    f = first + first
    end = count + count
    while k < end:
        p[k] = (((int(p[f + k]) - 0x20000000) >> down) << up) + 0x20000000
        p[k + 1] = 0x20000000 - (((int(p[f + k + 1]) - 0x20000000) >> down) << up)
        k += 2
    end = m + m
    while k < end:
        p[k] = 0x20000000
        k += 1


@micropython.viper
def lift(z, count: int, level: int, down: int, up: int):
    """z[count:2 count] = (z[i] - level) >> down << up, as `fft` has it."""
    p = ptr32(z)
    i = 0
    while i < count:
        p[count + i] = (((int(p[i]) - level) >> down) << up) + 0x20000000
        i += 1
