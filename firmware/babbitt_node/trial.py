"""The second slot: a `desired` that is not confirmed yet, or was rolled back. Needed at the start and when a `desired` comes;
reached through `settings.py`.

    begin(payload, "config", 7, digest, good)     # before it is run
    state = read()                          # at a start: {"state": "trial", "kind", "version", "hash", "boots", "reason", "good"}
    count(state)                            # False: it has had its BOOTS starts
    roll_back(state, "did not reach the broker within 300 s")

`trial.json` holds the payload exactly as it came, `trial.state.json` what is known of it, with a CRC. The state is written last
and only holds together with the payload it names: at every power cut there is either a whole trial or none. A state
`rolled_back` stays until another `desired` comes, so that the retained one is not tried again with every connection.
"""

import json
import os
from binascii import crc32

from babbitt_node import segment
from babbitt_node.errors import ConfigError
from babbitt_node.rules import sayable

PAYLOAD = "trial.json"
STATE = "trial.state.json"
_STATE_MAX = 512  # bytes of trial.state.json
BOOTS = 2  # starts that a trial may take: one to get it going, one for a power cut that is not its fault


def read():
    """The state, or None if there is none or it cannot be read."""
    try:
        with open(STATE) as file:
            state, check = json.loads(file.read(_STATE_MAX))
    except OSError:
        return None
    except (ValueError, TypeError, RuntimeError):  # RuntimeError: brackets without end
        return _damaged()
    return state if type(state) is dict and check == _crc(state) else _damaged()


def _damaged():
    print("config: trial.state.json is damaged: there is no trial")
    return


def _crc(state):
    names = ("state", "kind", "version", "hash", "boots", "reason", "good")
    return crc32("|".join([str(state.get(name)) for name in names]).encode())


def _write(state):
    segment.write_whole(STATE, json.dumps([state, _crc(state)]).encode())


def content(path, limit):
    """The bytes of a file. Raises OSError if it is missing, ConfigError if it is longer than `limit`."""
    size = os.stat(path)[6]
    if size > limit:
        raise ConfigError("", "larger than %d bytes" % limit)
    with open(path, "rb") as file:
        return file.read(size)  # and no more: reading takes as much of the heap as it asks for


def begin(payload, kind, version, hashed, good):
    """Keep a `desired` as one on trial. kind: "config" or "network". good: hash of the configuration to go back to. Raises OSError
    when the flash does not take it.
    """
    segment.write_whole(PAYLOAD, payload)
    _write(
        {
            "state": "trial",
            "kind": kind,
            "version": version,
            "hash": hashed,
            "boots": 0,
            "reason": "",
            "good": good,
        }
    )


def count(state):
    """Count one more start of a trial, before anything of it is touched. False if it has had them all."""
    if state["boots"] >= BOOTS:
        return False
    state["boots"] += 1
    _write(state)
    return True


def roll_back(state, reason):
    """Give a trial up, for good. reason: for people. A flash that does not take it gets it told again at the next start."""
    state["state"], state["reason"] = "rolled_back", sayable(reason)
    try:
        _write(state)
        _remove(PAYLOAD)
    except OSError as error:
        print("config: the flash does not take that a trial is rolled back:", error)


def forget():
    """There is no trial and none was rolled back."""
    _remove(STATE)
    _remove(PAYLOAD)


def _remove(path):
    try:
        os.remove(path)
    except OSError:
        pass  # it is not there
