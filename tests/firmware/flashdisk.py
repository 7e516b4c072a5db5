"""A flash chip in RAM, for LittleFS of MicroPython: it counts what wears it out and shows itself before every change.

    flash = Flash(64)                      # 64 erase blocks of 4096 bytes, erased
    mount(flash, "/flash", make=True)      # VfsLfs2, with the settings that MicroPython uses on an ESP32

NOR flash: erasing sets all bits of a block, programming only clears bits. Only for MicroPython.
"""

import vfs

BLOCK = 4096


class Flash:
    """A chip of `blocks` erase blocks.

    `before(kind, block, offset, data)` is called before every change, kind being "erase" (data None) or "program".
    `erases`, `programs` (calls), `programmed` (bytes), `worn` (erases of each block), `dirty` (programs of a place that was not
    erased, whose bits came out wrong).
    """

    def __init__(self, blocks):
        self.blocks = blocks
        self.data = bytearray(b"\xff" * (blocks * BLOCK))
        self.before = None
        self.worn = [0] * blocks
        self.erases = self.programs = self.programmed = self.dirty = 0

    # ---- the interface of a block device (extended: with offsets)

    def readblocks(self, block, buf, offset=0):
        """Read into `buf`."""
        at = block * BLOCK + offset
        buf[:] = memoryview(self.data)[at : at + len(buf)]

    def writeblocks(self, block, buf, offset=0):
        """Program `buf`."""
        if self.before is not None:
            self.before("program", block, offset, buf)
        self.programs += 1
        self.programmed += len(buf)
        self.program(block, offset, buf, len(buf))

    def ioctl(self, op, arg):
        """4: blocks; 5: bytes of a block; 6: erase block `arg`."""
        if op == 4:
            return self.blocks
        if op == 5:
            return BLOCK
        if op == 6:
            if self.before is not None:
                self.before("erase", arg, 0, None)
            self.erases += 1
            self.worn[arg] += 1
            self.erase(arg, BLOCK)
        return 0

    # ---- what happens to the bits

    def erase(self, block, count):
        """Erase the first `count` bytes of a block."""
        at = block * BLOCK
        self.data[at : at + count] = b"\xff" * count

    def program(self, block, offset, buf, count):
        """Program the first `count` bytes of `buf`."""
        at = block * BLOCK + offset
        new = bytes(memoryview(buf)[:count])
        if self.data[at : at + count] == b"\xff" * count:
            self.data[at : at + count] = new
            return
        for i in range(count):
            self.data[at + i] &= new[i]
            self.dirty += self.data[at + i] != new[i]

    def take(self, other):
        """Hold what another chip of the same size holds."""
        self.data[:] = other.data


def mount(flash, where, make=False):
    """Mount a chip. make: format it first. Raises OSError when there is no sound file system on it."""
    if make:
        vfs.VfsLfs2.mkfs(flash)
    vfs.mount(vfs.VfsLfs2(flash), where)


def tear(image, kind, block, offset, data, how):
    """Do to a copy of a chip what a change does that loses power half-way.

    how: 0 nothing was done; 1 half of it; 2 half of it, and the byte where it stopped has some of its bits.
    """
    if how == 0:
        return
    half = (BLOCK if kind == "erase" else len(data)) // 2
    if kind == "erase":
        image.erase(block, half)
    else:
        image.program(block, offset, data, half)
    if how == 2:
        at = block * BLOCK + offset + half
        if kind == "erase":
            image.data[at] |= 0x5A
        else:
            image.data[at] &= data[half] | 0x5A
