"""Memory-mapped flash for a board that is a process: finds an image that was loaded as machine code and mounts it.

MicroPython's Unix runtime puts the machine code of a module into pages of their own, outside the heap, and never
moves or frees them. `babbitt_tools.romfs.carrier` appends a ROMFS image to the code of the function `image`; the
function object says where it is. Field offsets: MicroPython, py/objfun.h (type, context, child table, code).
"""

import struct
import sys

import uctypes
import vfs

_HEADER = b"\xd2\xcd\x31"
_LONGEST_CODE = 512  # bytes of machine code in front of the image


def mount(carrier, path):
    """Mount the image in the module `carrier` at `path`."""
    function = __import__(carrier).image
    del sys.modules[carrier]
    word = struct.calcsize("P")
    code = struct.unpack("P", uctypes.bytes_at(id(function) + 3 * word, word))[0]
    start = code + uctypes.bytes_at(code, _LONGEST_CODE).index(_HEADER)
    head = uctypes.bytes_at(start + len(_HEADER), 8)
    size = at = 0
    while True:  # the length, seven bits a byte, high bits first
        size = size << 7 | head[at] & 0x7F
        at += 1
        if head[at - 1] < 0x80:
            break
    vfs.mount(vfs.VfsRom(uctypes.bytearray_at(start, len(_HEADER) + at + size)), path)


def start(read_fd, write_fd, flash, firmware, *how):
    """Mount shim and firmware (a carrier, or "" where the firmware lies in the flash folder), start the board; `how` are
    further arguments of `vboot.run`.
    """
    mount("shim_rom", "/shim")
    if firmware:
        mount(firmware, "/rom")
    sys.path[:] = ["/shim", ".frozen"]
    import vboot

    vboot.run(read_fd, write_fd, flash, *how)
