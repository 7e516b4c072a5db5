"""The file `boot.json`: read, recovered from the spool, written. Needed at the start and at the end of a boot, so
it is reached by `port.once`.
"""

import json
from binascii import crc32

from babbitt_node import segment
from babbitt_node.hal import port
from babbitt_node.hal.compile import const

_LARGEST = const(128)  # bytes of the file
_MARGIN = const(100)  # boots that may have left no record in the spool


def begin(path, spool_folder):
    """Begin a boot: (installation, number of this boot, (number of the boot before, clean) or None)."""
    known = read(path) or _recover(spool_folder)
    if known is None:
        install, boot, before = "".join("%02x" % b for b in port.unique_bytes(4)), 1, None
    else:
        install, last, clean = known
        boot, before = last + 1, (last, clean)
    write(path, install, boot, False)
    return install, boot, before


def write(path, install, boot, clean):
    """Replace the file."""
    document = {"i": install, "boot": boot, "clean": clean, "crc": _crc(install, boot, clean)}
    segment.write_whole(path, json.dumps(document).encode())


def _crc(install, boot, clean):
    """CRC-32 over what the file says: one wrong digit of a boot would give numbers out twice."""
    return crc32(("%s %d %d" % (install, boot, clean)).encode())


def read(path):
    """(installation, boot, clean) of the file, or None."""
    try:
        with open(path) as file:
            document = json.loads(file.read(_LARGEST))
        install, boot, clean = document["i"], document["boot"], document["clean"]
        int(install, 16)
        sound = len(install) == 8 and type(boot) is int and 1 <= boot < 0x7FFFFFFF and type(clean) is bool
        if sound and document["crc"] == _crc(install, boot, clean):
            return install, boot, clean
        print("identity: boot.json holds no identity")
    except OSError:
        pass  # the first start, or a lost file: the spool knows which
    except (ValueError, KeyError, TypeError, RuntimeError) as error:
        print("identity: boot.json is damaged:", error)
    return None


def _recover(folder):
    """(installation, highest boot, False) from the segments of the spool, or None without a readable one."""
    install = None
    boot = 0
    buf = bytearray(segment.MAX_PAYLOAD)
    reader = segment.FrameReader()
    for number in reversed(segment.names(folder)):
        path = segment.path_of(folder, number)
        header = segment.read_header(path)
        if header is None or (install is not None and header[0] != install):
            continue
        install = header[0]
        boot = max(boot, header[1])
        with open(path, "rb") as file:
            for _ in reader.each(file, segment.HEADER, file.seek(0, 2), buf):
                boot = max(boot, reader.boot)
    if install is None:
        return None
    print("identity: recovered installation %s from the spool, boot %d at least" % (install, boot))
    return install, boot + _MARGIN, False
