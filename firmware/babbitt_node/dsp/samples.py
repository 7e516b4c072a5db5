"""Passes over samples of an accelerometer, compiled by viper: bytes of a FIFO become three axes, an axis is surveyed.

Every intermediate stays inside signed 32 bits for any bytes and n <= 4096.
"""

from babbitt_node.hal.compile import micropython, ptr8, ptr16, ptr32

# Layout of an entry: bytes of it, of which x, y, z are the last six; 256 for the high byte first; 4096 times the bits a
# value is shifted right.


@micropython.viper
def unpack(data, layout: int, count: int, x, y, z, at: int):
    """Write `count` entries, which begin at data[1], to x, y, z (array('h')) from index `at` on."""
    p = ptr8(data)
    px = ptr16(x)
    py = ptr16(y)
    pz = ptr16(z)
    size = layout & 255
    high = 1 - (layout >> 8 & 1)
    low = 1 - high
    shift = layout >> 12
    at_byte = 1 + size - 6
    end = at + count
    while at < end:
        px[at] = (((int(p[at_byte + low]) | int(p[at_byte + high]) << 8) ^ 0x8000) - 0x8000) >> shift
        py[at] = (((int(p[at_byte + 2 + low]) | int(p[at_byte + 2 + high]) << 8) ^ 0x8000) - 0x8000) >> shift
        pz[at] = (((int(p[at_byte + 4 + low]) | int(p[at_byte + 4 + high]) << 8) ^ 0x8000) - 0x8000) >> shift
        at_byte += size
        at += 1


@micropython.viper
def strange(data, size: int, count: int, tag: int) -> int:
    """How many of `count` entries of `size` bytes, from data[1] on, do not begin with `tag` in bits 3 to 7 and even parity."""
    p = ptr8(data)
    found = 0
    at = 1
    end = 1 + size * count
    while at < end:
        v = int(p[at])
        parity = v ^ v >> 4
        parity ^= parity >> 2
        parity ^= parity >> 1
        if v >> 3 != tag or parity & 1:
            found += 1
        at += size
    return found


@micropython.viper
def survey(axis, n: int, top: int, out):
    """Write sum, minimum, maximum, samples at or beyond +-top, and samples that differ from the one before them of
    axis[0:n] (array('h')) to out[0:5] (array('i')).
    """
    p = ptr16(axis)
    o = ptr32(out)
    total = 0
    low = 32767
    high = -32768
    clipped = 0
    moved = 0
    before = (int(p[0]) ^ 0x8000) - 0x8000
    i = 0
    while i < n:
        v = (int(p[i]) ^ 0x8000) - 0x8000
        total += v
        if v < low:
            low = v
        if v > high:
            high = v
        if v >= top or v <= 0 - top:
            clipped += 1
        if v != before:
            moved += 1
        before = v
        i += 1
    o[0] = total
    o[1] = low
    o[2] = high
    o[3] = clipped
    o[4] = moved
