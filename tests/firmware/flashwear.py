"""What a day of records costs a flash chip. Only for MicroPython; see bench/spool_wear.py."""

import vfs
from flashdisk import BLOCK, Flash, mount

from babbitt_node import spool as spools
from babbitt_node.segment import MAX_PAYLOAD, ROW, kind_of


class _Time:
    """The spool's clock: a record after another, however fast the test runs."""

    def __init__(self):
        self.ms = 0

    def ticks_ms(self):
        return self.ms

    def ticks_add(self, ticks, delta):
        return ticks + delta

    def ticks_diff(self, end, start):
        return end - start


def day(blocks, limit, records, size, every_s, hold_s, there, firmware):
    """`records` rows of `size` bytes, one every `every_s`, on a partition of `blocks` with `firmware` bytes that
    never change. there: the host commits whatever is on flash.

    Returns plain JSON types: `erases`, `programs`, `bytes`, `most_held` rows and `evenness`: mean by most erases
    of the blocks that hold no firmware.
    """
    flash = Flash(blocks)
    mount(flash, "/flash", make=True)
    with open("/flash/firmware", "wb") as file:
        for _ in range(firmware // 1024):
            file.write(b"F" * 1024)
    port, spools.port = spools.port, _Time()
    spool = spools.Spool("/flash/spool", limit, "9f3a01bc", 1, hold_s)
    row = bytes(size)
    buf = bytearray(MAX_PAYLOAD)
    erases, programs, programmed, worn = flash.erases, flash.programs, flash.programmed, list(flash.worn)
    cursor = spool.cursor()
    most = 0
    for seq in range(records):
        spools.port.ms += every_s * 1000
        spool.append(kind_of(ROW, 2), 1, seq, row)
        most = max(most, spool.held)
        if there and spool.records:
            while spool.read(cursor, buf) >= 0:
                pass
            spool.commit(1, cursor.seq)
    used = [flash.worn[i] - worn[i] for i in range(blocks)]
    found = {
        "erases": flash.erases - erases,
        "programs": flash.programs - programs,
        "bytes": flash.programmed - programmed,
        "most_held": most,
        "evenness": round(sum(used) / (len(used) - firmware // BLOCK) / max(used), 3),
    }
    spools.port = port
    spool.close_files()
    vfs.umount("/flash")
    return found
