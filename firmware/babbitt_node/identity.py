"""Which installation and which boot this is: the numbers that make every record unique for ever.

`boot.json` (`boots.py`) holds `{"i","boot","clean","crc"}` and is replaced as a whole. When it is damaged, the newest segments
of the spool say which installation this is and which boots were used; only if they cannot be read either, a
new installation begins, so that no number is ever given twice.
"""

from babbitt_node.hal.port import once


class Identity:
    """This start. `install` 8 hexadecimal digits; `boot` from 1; `before` (boot, clean) of the boot before,
    or None. kept: what `nap.recall` gave: this is no new boot, the one before went on through deep sleep.
    """

    def __init__(self, path="boot.json", spool_folder="spool", kept=None):
        self._path = path
        if kept is not None:
            self.install, self.boot, self.before = kept["i"], kept["boot"], None
            return
        self.install, self.boot, self.before = once("boots", "begin", path, spool_folder)

    def ended(self):
        """This boot ends by intention."""
        once("boots", "write", self._path, self.install, self.boot, True)
