"""The configuration the node runs, where it is kept, and what the node says about it.

`config.json` holds either the bare document (flashed) or the payload of `desired` exactly as it came, so that
its hash is known after a restart. The one before it stays in `config.good.json` and is used when
`config.json` is bad or missing. Without either the node runs with no sensors, says why, and can be given a
new one.
"""

import json
import os
from binascii import hexlify
from hashlib import sha256

from babbitt_node.config import validate
from babbitt_node.errors import ConfigError

CURRENT = "config.json"
GOOD = "config.good.json"
LARGEST = 8192
BORROWS = ("config", "rules")
TOO_MUCH = "takes more memory than the node has, or is nested too deeply"


def digest(payload):
    """The first 16 hexadecimal digits of SHA-256 over the payload."""
    return hexlify(sha256(payload).digest()[:8]).decode()


def parse(payload, wrapped):
    """(version, document) of a payload. wrapped: it must be `{"version","config"}`. Raises ConfigError."""
    try:
        text = bytes(payload).decode()
        doc = json.loads(text)
    except (ValueError, UnicodeError):
        raise ConfigError("", "not valid JSON in UTF-8")
    if type(doc) is not dict:
        raise ConfigError("", "expected an object {...}")
    if not wrapped and "config" not in doc:
        return 0, doc
    version = doc.get("version")
    if type(version) is not int or not 0 <= version <= 0x7FFFFFFF:
        raise ConfigError("version", "expected an integer 0..2147483647")
    if "config" not in doc:
        raise ConfigError("config", "missing, and there is no default")
    return version, doc["config"]


def sayable(text):
    """`text` as `reported` can carry it: a name out of a hostile document may have no UTF-8 form, and is of any
    length.
    """
    return "".join([c if " " <= c <= "~" else "?" for c in text[:128]])


def load(buses):
    """What `Settings.load` finds, as `kept()` gives it: for `port.once`."""
    settings = Settings(buses)
    settings.load()
    return settings.kept()


def offer(buses, kept, payload, try_out):
    """(whether a `desired` is new and in force, what is kept from now on): for `port.once`."""
    settings = Settings(buses, kept)
    taken = settings.offer(payload, try_out)
    return taken, settings.kept()


class Settings:
    """The configuration in force: `config` (validated, or None), `version`, `hash`; `report` is what
    `reported` says. They come from `kept` and leave as `kept()`, a tuple in this order.
    """

    def __init__(self, buses=None, kept=(None, 0, "0" * 16, None)):
        self._buses = buses
        self.config, self.version, self.hash, self.report = kept

    def kept(self):
        """What is to be kept between two uses of this module."""
        return self.config, self.version, self.hash, self.report

    def load(self):
        """Take config.json, else config.good.json, else none. Raises nothing."""
        if self._take(CURRENT):
            self._applied()
            return
        rejected = self.report
        self._take(GOOD)
        self.report = rejected

    def _take(self, path):
        payload = b""
        version = 0
        try:
            try:
                size = os.stat(path)[6]  # a read reserves what it is asked for
                with open(path, "rb") as file:
                    payload = file.read(min(size, LARGEST + 1))
            except OSError:
                raise ConfigError("", "%s is missing" % path)
            if len(payload) > LARGEST:
                raise ConfigError("", "larger than %d bytes" % LARGEST)
            version, doc = parse(payload, False)
            self.config = validate(doc, self._buses)
        except ConfigError as error:
            return self._refuse(path, version, payload, error)
        except (MemoryError, RuntimeError):  # RuntimeError: brackets without end
            return self._refuse(path, version, payload, ConfigError("", TOO_MUCH))
        self.version, self.hash = version, digest(payload)
        return True

    def _refuse(self, path, version, payload, error):
        print("config: %s: %s" % (path, sayable(error.detail)))
        self.rejected(version, digest(payload), error)
        return False

    def _applied(self):
        self.report = {"version": self.version, "hash": self.hash, "state": "applied"}

    def rejected(self, version, hashed, error):
        """Report that a document was refused, and why."""
        self.report = {
            "version": version,
            "hash": hashed,
            "state": "rejected",
            "path": sayable(error.path),
            "reason": sayable(error.reason),
        }

    def offer(self, payload, try_out):
        """A `desired` arrived. Returns whether it is new and now in force; `report` says what became of it.

        payload: bytes. try_out: function(config, version, hash) that builds what is needed to run it and
        raises ConfigError if the node cannot; it is called before anything is written.
        """
        hashed = digest(payload)
        if hashed == self.hash and self.config is not None:
            self._applied()
            return False
        version = 0
        try:
            if len(payload) > LARGEST:
                raise ConfigError("", "larger than %d bytes" % LARGEST)
            version, doc = parse(payload, True)
            config = validate(doc, self._buses)
            try_out(config, version, hashed)
        except ConfigError as error:
            self.rejected(version, hashed, error)
            return False
        except (MemoryError, RuntimeError):
            self.rejected(version, hashed, ConfigError("", TOO_MUCH))
            return False
        try:
            self._store(payload)
        except OSError as error:
            # A retained one comes again with every connection: were it not answered, no record got out any more.
            self.rejected(version, hashed, ConfigError("", "the flash does not take it: %s" % error))
            return False
        self.config, self.version, self.hash = config, version, hashed
        self._applied()
        return True

    def _store(self, payload):
        """The new one beside the old one, the old one out of the way, the new one in its place: at every
        cut one of them is there.
        """
        with open("config.new", "wb") as file:
            file.write(payload)
            file.flush()
        if self.config is not None and self._is_current_good():
            os.rename(CURRENT, GOOD)
        os.rename("config.new", CURRENT)

    def _is_current_good(self):
        try:
            hashed = sha256()
            with open(CURRENT, "rb") as file:
                while part := file.read(256):  # no room for a whole one is needed
                    hashed.update(part)
            return hexlify(hashed.digest()[:8]).decode() == self.hash
        except OSError:
            return False
