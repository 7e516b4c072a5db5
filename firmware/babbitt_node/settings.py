"""The configuration the node runs, where it is kept, and what the node says about it.

`config.json` holds either the bare document (flashed) or the payload of `desired` exactly as it came, so that
its hash is known after a restart. The one before it stays in `config.good.json` and is used when
`config.json` is bad or missing. Without either the node runs with no sensors, says why, and can be given a
new one.

A `desired` brings a `config` or a `network` (parts of node.json). It is checked as a whole (`offers.py`), kept in the second
slot (`trial.py`) and run on trial: a `config` at once, a `network` after a restart. `confirm` puts it in the place of the
good one; `give_up`, BOOTS starts without confirmation, or a document that cannot be run roll it back.
"""

import json
import os
from binascii import hexlify
from hashlib import sha256

from babbitt_node import segment, trial
from babbitt_node.errors import ConfigError
from babbitt_node.hal.port import once
from babbitt_node.rules import sayable

CURRENT = "config.json"
GOOD = "config.good.json"
NODE = "node.json"
LARGEST = 8192
BORROWS = ("trial", "rules")
TOO_MUCH = "takes more memory than the node has, or is nested too deeply"


def digest(payload):
    """The first 16 hexadecimal digits of SHA-256 over the payload."""
    return hexlify(sha256(payload).digest()[:8]).decode()


def _digest_of(path):
    """The same of a file, without room for a whole one; empty without a file."""
    hashed = sha256()
    try:
        with open(path, "rb") as file:
            part = file.read(256)
            while part:
                hashed.update(part)
                part = file.read(256)
    except OSError:
        return ""
    return hexlify(hashed.digest()[:8]).decode()


def parse(payload, wrapped):
    """(version, kind, document) of a payload. wrapped: it must be `{"version","config"}` or `{"version","network"}`. Raises
    ConfigError.
    """
    try:
        doc = json.loads(str(payload, "utf-8"))
    except (ValueError, UnicodeError):
        raise ConfigError("", "not valid JSON in UTF-8")
    if type(doc) is not dict:
        raise ConfigError("", "expected an object {...}")
    if not wrapped and "config" not in doc:
        return 0, "config", doc
    version = doc.get("version")
    if type(version) is not int or not 0 <= version <= 0x7FFFFFFF:
        raise ConfigError("version", "expected an integer 0..2147483647")
    if "network" in doc:
        if "config" in doc:
            raise ConfigError("network", "a document brings a config or a network, not both")
        return version, "network", doc["network"]
    if "config" not in doc:
        raise ConfigError("config", "missing, and there is no default")
    return version, "config", doc["config"]


def node_json():
    """The document of node.json as it is. Raises ConfigError when there is none."""
    try:
        with open(NODE) as file:
            doc = json.load(file)
    except (OSError, ValueError) as error:
        raise ConfigError("", "node.json: %s; provision the board again" % error)
    if type(doc) is not dict:
        raise ConfigError("", "node.json: expected an object {...}")
    return doc


def load(buses, wifi):
    """(what is kept, node settings) at a start: for `port.once`. Raises ConfigError when node.json cannot be used."""
    settings = Settings(buses, wifi)
    settings.load()
    return settings.kept(), settings.node


def ask(wifi, kept, payload):
    """(see `Settings.ask`, what is kept from now on): for `port.once`."""
    settings = Settings(None, wifi, kept)
    return settings.ask(payload), settings.kept()


def refuse(kept, version, hashed, error=None):
    """What is kept once a document was refused, by a ConfigError or for the memory it takes: for `port.once`."""
    settings = Settings(kept=kept)
    settings.rejected(version, hashed, error or ConfigError("", TOO_MUCH))
    return settings.kept()


def keep(kept, payload, config, version, hashed):
    """(see `Settings.keep`, what is kept from now on): for `port.once`."""
    settings = Settings(kept=kept)
    return settings.keep(payload, config, version, hashed), settings.kept()


def confirm(wifi, kept):
    """What is kept once a trial has proved itself: for `port.once`."""
    settings = Settings(None, wifi, kept)
    settings.confirm()
    return settings.kept()


def give_up(reason):
    """Roll a trial back, on flash: for `port.once`. The node has to restart."""
    state = trial.read()
    if state is not None and state["state"] == "trial":
        trial.roll_back(state, reason)


class Settings:
    """The configuration in force: `config` (validated, or None), `version`, `hash`; `report` is what
    `reported` says; `trial` None or the kind of what is on trial. They come from `kept` and leave as `kept()`, a tuple in this
    order. `node` are the node settings, after `load`.
    """

    def __init__(self, buses=None, wifi=False, kept=(None, 0, "0" * 16, None, None)):
        self._buses = buses
        self._wifi = wifi
        self.config, self.version, self.hash, self.report, self.trial = kept
        self.node = None

    def kept(self):
        """What is to be kept between two uses of this module."""
        return self.config, self.version, self.hash, self.report, self.trial

    def load(self):
        """Take what is on trial if it may start once more, else config.json, else config.good.json, else none. Raises
        ConfigError only for node.json.
        """
        node = node_json()
        state = trial.read()
        if state is not None and state["state"] == "trial":
            self._resume(state, node)
        if self.node is None:
            try:
                self.node = once("config", "validate_node", node, self._wifi)
            except ConfigError as error:
                raise ConfigError("", "node.json: " + error.detail)
        if self.trial != "config":
            self._load_good()
        if state is not None and (self.trial == "network" or state["state"] == "rolled_back"):
            self._say(state["state"], state["version"], state["hash"], state["reason"])

    def _resume(self, state, node):
        """Go on with a trial, or end it."""
        try:
            payload = trial.content(trial.PAYLOAD, LARGEST)
        except (OSError, ConfigError):
            payload = b""
        if digest(payload) != state["hash"]:
            trial.forget()  # confirmed, or never begun: the cut came between two files
            state["state"] = "ended"
            return
        try:
            if not trial.count(state):
                trial.roll_back(state, "not confirmed in %d starts" % trial.BOOTS)
                return
            self._run_trial(state, payload, node)
        except ConfigError as error:
            trial.roll_back(state, "%s: %s" % (error.path, error.reason))
        except (MemoryError, RuntimeError):
            trial.roll_back(state, TOO_MUCH)
        except OSError as error:  # a start that is not counted is none: a full flash must not try for ever
            print("config: no trial, the flash does not take its count:", error)
            state["state"] = "ended"

    def _run_trial(self, state, payload, node):
        version, kind, doc = parse(payload, True)
        if kind == "network":
            whole, valid = once("config", "merged", node, doc, self._wifi)
            if whole == node:  # confirmed: the cut came before the trial was cleared away
                trial.forget()
                state["state"] = "ended"
                return
            self.node = valid
        else:
            self.config = once("config", "validate", doc, self._buses)
            self.version, self.hash = version, state["hash"]
            self._say("trial", version, self.hash)
        self.trial = kind

    def _load_good(self):
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
                payload = trial.content(path, LARGEST)
            except OSError:
                raise ConfigError("", "%s is missing" % path)
            version, _, doc = parse(payload, False)
            self.config = once("config", "validate", doc, self._buses)
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
        self._say("applied", self.version, self.hash)

    def _say(self, state, version, hashed, reason=""):
        self.report = {"version": version, "hash": hashed, "state": state}
        if reason:
            self.report["reason"] = sayable(reason)

    def rejected(self, version, hashed, error):
        """Report that a document was refused, and why."""
        self.report = {
            "version": version,
            "hash": hashed,
            "state": "rejected",
            "path": sayable(error.path),
            "reason": sayable(error.reason),
        }

    def ask(self, payload):
        """A `desired` arrived (bytes). Returns (version, hash, document) of a new configuration, or None: `report` says what became
        of it. A new network waits for the next start (`trial` is "network").
        """
        hashed = digest(payload)
        state = trial.read()
        if state is not None and state["hash"] == hashed and (self.trial or state["state"] == "rolled_back"):
            self._say(state["state"], state["version"], hashed, state["reason"])
            return None
        if hashed == self.hash and self.config is not None:
            if state is not None and not self.trial:
                trial.forget()
            self._applied()
            return None
        version = 0
        try:
            if len(payload) > LARGEST:
                raise ConfigError("", "larger than %d bytes" % LARGEST)
            version, kind, doc = parse(payload, True)
            if kind == "config":
                return version, hashed, doc
            self._offer_network(payload, version, hashed, doc)
        except ConfigError as error:
            self.rejected(version, hashed, error)
        except (MemoryError, RuntimeError):
            self.rejected(version, hashed, ConfigError("", TOO_MUCH))
        return None

    def keep(self, payload, config, version, hashed):
        """A new configuration can be run: it is kept, and on trial from now on. False: the flash does not take it."""
        if not self._store(payload, "config", version, hashed):
            return False
        self.config, self.version, self.hash = config, version, hashed
        return True

    def _offer_network(self, payload, version, hashed, doc):
        node = node_json()
        if once("config", "merged", node, doc, self._wifi)[0] == node:
            self._say("applied", version, hashed)
        elif self.trial == "config":
            raise ConfigError("", "a configuration is on trial: send this again when that is over")
        else:
            self._store(payload, "network", version, hashed)

    def _store(self, payload, kind, version, hashed):
        before = trial.read()
        good = self.hash
        if self.trial == "config" and before is not None:
            good = before["good"]
        try:
            trial.begin(payload, kind, version, hashed, good)
        except OSError as error:
            # A retained one comes again with every connection: were it not answered, no record got out any more.
            self.rejected(version, hashed, ConfigError("", "the flash does not take it: %s" % error))
            return False
        self.trial = kind
        self._say("trial", version, hashed)
        return True

    def confirm(self):
        """What is on trial becomes the good one: the old one out of the way, the new one in its place, the state away. At every
        cut one of them is there, and the state without its payload means that it was confirmed.

        Raises OSError, ConfigError: then it stays on trial.
        """
        state = trial.read()
        if state is None or state["state"] != "trial":
            return
        if self.trial == "network":
            payload = trial.content(trial.PAYLOAD, LARGEST)
            whole, _ = once("config", "merged", node_json(), parse(payload, True)[2], self._wifi)
            segment.write_whole(NODE, json.dumps(whole).encode())
        else:
            if _digest_of(CURRENT) == state["good"]:  # what could not be run is nothing to fall back to
                os.rename(CURRENT, GOOD)
            os.rename(trial.PAYLOAD, CURRENT)
        trial.forget()
        self.trial = None
        self._say("applied", state["version"], state["hash"])
