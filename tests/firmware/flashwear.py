"""What a day of records costs a flash chip. Only for MicroPython. See bench/spool_wear.py."""

import vfs
from flashdisk import Flash, mount

from babbitt_node.segment import MAX_PAYLOAD, ROW, kind_of
from babbitt_node.spool import Spool


def figures(flash, before, payload_bytes, records):
    """Plain JSON types."""
    erases, programs, programmed, worn = before
    by_block = sorted(now - then for now, then in zip(flash.worn, worn))
    return {
        "records": records,
        "payload_bytes": payload_bytes,
        "erases": flash.erases - erases,
        "programs": flash.programs - programs,
        "bytes": flash.programmed - programmed,
        "most_worn": by_block[-1],
        "least_worn": by_block[0],
    }


def count(flash):
    """What has happened to a chip so far."""
    return flash.erases, flash.programs, flash.programmed, list(flash.worn)


def fill_up(used):
    """The firmware and its settings: `used` bytes that never change."""
    with open("/flash/firmware", "wb") as file:
        for _ in range(used // 1024):
            file.write(b"F" * 1024)


def spool_day(blocks, limit, records, size, commit_every, used=131072):
    """`records` rows of `size` bytes; every `commit_every` rows the host has all (0: it is away)."""
    flash = Flash(blocks)
    mount(flash, "/flash", make=True)
    fill_up(used)
    spool = Spool("/flash/spool", limit, "9f3a01bc", 1)
    row = bytes(size)
    before = count(flash)
    cursor = spool.cursor()
    buf = bytearray(MAX_PAYLOAD)
    for seq in range(records):
        spool.append(kind_of(ROW, 2), 1, seq, row)
        if commit_every and seq % commit_every == commit_every - 1:
            while spool.read(cursor, buf) >= 0:
                pass
            spool.commit(1, seq)
    found = figures(flash, before, records * size, records)
    spool.close()
    vfs.umount("/flash")
    return found
