"""What is read off the bins of a spectrum or the samples of an envelope, compiled by viper.

All work on z[at:at+count], non-negative and below 2^29, of an array('i').
"""

from babbitt_node.hal.compile import micropython, ptr32


@micropython.viper
def root(z: ptr32, at: int, count: int, pair: ptr32):
    """The root of the sum of squares: pair[0] x 2^(pair[1] - 4096), so that neither is negative."""
    # Scale the values to 15 bits.
    top = 0
    end = at + count
    count = at
    while count < end:
        v = int(z[count])
        if v > top:
            top = v
        count += 1
    down = 0
    up = 0
    while top >> down >= 0x7FFF:
        down += 1
    if top > 0:
        while top << (up + 1) <= 0x7FFF:
            up += 1
    high = 0
    low = 0
    half = (1 << down) >> 1
    while at < end:
        v = ((int(z[at]) + half) >> down) << up
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
    r = 0
    bit = 0x10000000
    while bit:
        trial = r + bit
        r >>= 1
        if v >= trial:
            v -= trial
            r += bit
        bit >>= 2
    shift = (shift >> 1) + down - up
    if r > 0:
        r = (r << 12) + (v << 11) // r  # 12 more bits: sqrt(r^2 + rest) = r + rest / 2r
        shift -= 12
    pair[0] = r
    pair[1] = shift + 0x1000


@micropython.viper
def integrated(z: ptr32, first: int, last: int, to: int) -> int:
    """z[to + k - first] = z[k] x 2^up / sqrt(k^2 + 1) for k = first..last <= 2047; first >= 2. Returns up, 0..11."""
    top = 0
    k = first
    while k <= last:
        v = int(z[k])
        if v > top:
            top = v
        k += 1
    up = 11
    while up > 0 and (top >> 9) << up >= 0x10000000:
        up -= 1
    to -= first
    while first <= last:
        # 2^8 sqrt(k^2 + 1) within 0.02 % from k = 2 on: k + 1/2k - 1/8k^3
        d = (first << 8) + 128 // first
        if first < 4:
            d -= 32 // (first * first * first)
        v = int(z[first])
        q = v // d
        z[to + first] = (q << up) + (((v - q * d) << up) + (d >> 1)) // d
        first += 1
    return up


@micropython.viper
def summits(z: ptr32, at: int, first: int, last: int, wanted: int, out: ptr32):
    """out[0:wanted]: the bins of the largest local maxima of bins first..last, largest first, the lower of two
    equal ones first; 0: no more. The neighbours of first and last are read.
    """
    j = 0
    while j < wanted:
        out[j] = 0
        j += 1
    first += at
    last += at
    while first <= last:
        v = int(z[first])
        if v > int(z[first - 1]) and v >= int(z[first + 1]):
            j = wanted
            while j > 0 and (int(out[j - 1]) == 0 or int(z[at + int(out[j - 1])]) < v):
                if j < wanted:
                    out[j] = int(out[j - 1])
                j -= 1
            if j < wanted:
                out[j] = first - at
        first += 1


@micropython.viper
def tone(z: ptr32, at: int, k: int, out: ptr32):
    """Interpolate a line of a Hann spectrum at bin k from its larger neighbour (Grandke 1983).

    out[0] = 2^15 x (frequency in bins), out[1] = 2^14 x (its magnitude over that of bin k).
    """
    a = int(z[at + k])
    b = int(z[at + k + 1])
    left = int(z[at + k - 1])
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
    out[0] = (k << 15) + side * delta
    # pi d (1 - d^2) / sin(pi d) by its power series, d^2 <= 1/4.
    s = (delta * delta) >> 15
    out[1] = 16384 + (((10567 + ((4082 + ((1262 + ((351 * s) >> 15)) * s >> 15)) * s >> 15)) * s) >> 15)


@micropython.viper
def baseband(z: ptr32, first: int, count: int, m: int) -> int:
    """The complex values first..first+count-1 of z (see `fft`) become values 0..count-1, conjugated, then zeros up to m;
    scaled so that the sum of all magnitudes stays below 2^28: down - up, having been shifted >> down << up.
    """
    total = 0  # at least 2^-12 of the sum
    f = first + first
    k = f
    end = k + count + count
    while k < end:
        v = int(z[k]) - 0x20000000
        if v < 0:
            v = 0 - v
        total += (v >> 12) + 1
        k += 1
    down = 0
    up = 0
    while total >> down >= 0x10000:
        down += 1
    while total << (up + 1) < 0x10000:
        up += 1
    k = 0
    end = count + count
    while k < end:
        z[k] = (((int(z[f + k]) - 0x20000000) >> down) << up) + 0x20000000
        z[k + 1] = 0x20000000 - (((int(z[f + k + 1]) - 0x20000000) >> down) << up)
        k += 2
    end = m + m
    while k < end:
        z[k] = 0x20000000
        k += 1
    return down - up


@micropython.viper
def lift(z: ptr32, count: int, limit: int) -> int:
    """z[count:2 count] = z[0:count] less its mean, as `fft` has it, scaled so that none is above `limit` <= 2^28:
    down - up, having been shifted >> down << up. count 1..2048.
    """
    high = 0
    low = 0
    top = 0
    i = 0
    while i < count:
        v = int(z[i])
        high += v >> 12
        low += v & 0xFFF
        if v > top:
            top = v
        i += 1
    high += low >> 12
    low &= 0xFFF
    v = high // count
    level = (v << 12) + (((high - v * count) << 12) + low) // count
    top -= level
    if top < level:
        top = level
    down = 0
    up = 0
    while top >> down > limit:
        down += 1
    if top > 0:
        while top << (up + 1) <= limit:
            up += 1
    i = 0
    while i < count:
        z[count + i] = (((int(z[i]) - level) >> down) << up) + 0x20000000
        i += 1
    return down - up
