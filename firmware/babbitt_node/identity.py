"""Which installation and which boot this is: the numbers that make every record unique for ever.

`boot.json` holds `{"i","boot","clean"}` and is replaced as a whole. When it is damaged, the newest segments
of the spool say which installation this is and which boots were used; only if they cannot be read either, a
new installation begins, so that no number is ever given twice.
"""

import json

from babbitt_node import segment
from babbitt_node.hal import port
from babbitt_node.hal.compile import const

_MARGIN = const(100)  # boots that may have left no record in the spool


class Identity:
    """This start. `install` 8 hexadecimal digits; `boot` from 1; `before` (boot, clean) of the boot before,
    or None.
    """

    def __init__(self, path="boot.json", spool_folder="spool"):
        self._path = path
        known = _read(path)
        if known is None:
            known = _recover(spool_folder)
        if known is None:
            self.install = "".join("%02x" % b for b in port.unique_bytes(4))
            self.boot = 1
            self.before = None
        else:
            self.install, last, clean = known
            self.boot = last + 1
            self.before = (last, clean)
        self._write(False)

    def _write(self, clean):
        document = {"i": self.install, "boot": self.boot, "clean": clean}
        segment.write_whole(self._path, json.dumps(document).encode())

    def ended(self):
        """This boot ends by intention."""
        self._write(True)


def _read(path):
    try:
        with open(path) as file:
            document = json.load(file)
        install, boot, clean = document["i"], document["boot"], document["clean"]
        int(install, 16)
        if len(install) == 8 and type(boot) is int and 1 <= boot < 0x7FFFFFFF and type(clean) is bool:
            return install, boot, clean
        print("identity: boot.json holds no identity")
    except OSError:
        pass  # the first start, or a lost file: the spool knows which
    except (ValueError, KeyError, TypeError) as error:
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
