"""What the checks have learnt, on flash: one file a recipe, and one that says where the node stands. Needed seldom,
so it is reached by `port.once`.

    baselines/now      the recipe of now, seconds the machine has run, files written in all
    baselines/r7       what was learnt with recipe 7: an entry for each check

Every file is replaced as a whole, so that a power cut leaves the old or the new one; every entry has a CRC-32 over
itself and the recipe. An entry belongs to a check by id, type, channel and those settings that decide what is learnt;
one that is damaged, of another check or no state of its type is left out with a word, and the check learns again. At
most KEPT recipes: the one that was written longest ago goes first.

Bytes: header `4s B 3x I` (b"BBL1", recipe, number of the write); entry `B` length of the id, id, `I` key, `I` seconds
run when it was learnt, `H` items, items as 32 bits each, `I` CRC; little-endian. `now`: `4s B 3x I I I` (b"BBN1",
recipe, seconds, writes, CRC).
"""

import os
import struct
from array import array
from binascii import crc32

from babbitt_node.errors import NodeError
from babbitt_node.segment import replace, write_whole

FOLDER = "baselines"
KEPT = 8
_HEAD = "<4sBxxxI"
_NOW = "<4sBxxxII"
_ITEMS_MAX = 512
_NOT_LEARNT = (
    "id",
    "type",
    "channel",
    "latch",
    "when",
    "level",
    "on_delay_s",
    "off_delay_s",
)  # settings without influence on what is learnt


def where():
    """(recipe, seconds run, files written) as they were kept; (0, 0, 0) if nothing is known."""
    try:
        with open(FOLDER + "/now", "rb") as file:
            found = file.read(64)
    except OSError:
        return 0, 0, 0
    size = struct.calcsize(_NOW)
    now = found[:size]
    if len(found) == size + 4 and now[:4] == b"BBN1" and found[size:] == struct.pack("<I", crc32(now)):
        _, recipe, run_s, writes = struct.unpack(_NOW, now)
        return recipe, run_s, writes
    print("baselines: %s/now is damaged: recipe 0 is assumed" % FOLDER)
    return 0, 0, max([0] + [_written(recipe) for recipe in _recipes()])


def load(checks, recipe, run_s, run_in_s, learnt):
    """Give what is kept for `recipe` to those of `checks` that learn.

    run_s: seconds the machine has run. run_in_s: what was learnt before it had run so long is not taken
    afterwards. learnt: {id: seconds run when it was learnt} gets an item for each check that has a baseline now.
    """
    try:
        with open(_path(recipe), "rb") as file:
            head = file.read(struct.calcsize(_HEAD))
            if head[:5] != b"BBL1" + bytes((recipe,)):
                print("baselines: %s is no file of recipe %d" % (_path(recipe), recipe))
                return
            while True:
                entry = _entry(file, head)
                if entry is None:
                    return
                if entry[2] < run_in_s <= run_s:
                    print("baselines: %s was learnt before the run-in" % entry[0])
                elif _give(checks, *entry):
                    learnt[entry[0]] = entry[2]
    except OSError:
        return  # nothing was learnt with this recipe


def _give(checks, name, key, at_s, state):
    """Let the check that an entry belongs to go on with it; whether it could."""
    for check in checks:
        if check.id == name and check.learns and _key(check) == key and len(state) == check.SIZE:
            try:
                check.resume(state)
            except NodeError as error:
                print("baselines:", error)
                return False
            return True
    print("baselines: %s is left out: there is no such check now" % name)
    return False


def save(checks, recipe, writes, learnt):
    """Keep what `checks` have learnt with `recipe`; returns the files written in all. Raises OSError.

    With nothing learnt the file of the recipe goes. learnt: {id: seconds run when it was learnt}.
    """
    _folder()
    path = _path(recipe)
    there = _recipes()
    ready = [check for check in checks if check.id in learnt]
    if not ready:
        if recipe in there:
            os.remove(path)
        return writes
    if recipe not in there and len(there) >= KEPT:
        os.remove(_path(sorted(there, key=_written)[0]))
    head = struct.pack(_HEAD, b"BBL1", recipe, writes + 1)
    with open(path + ".new", "wb") as file:
        file.write(head)
        for check in ready:
            _write(file, head, check, learnt[check.id])
        file.flush()
    replace(path + ".new", path)
    return writes + 1


def mark(recipe, run_s, writes):
    """Keep the recipe of now and how long the machine has run; returns the files written in all. Raises OSError."""
    _folder()
    now = struct.pack(_NOW, b"BBN1", recipe, run_s, writes + 1)
    write_whole(FOLDER + "/now", now + struct.pack("<I", crc32(now)))
    return writes + 1


def _folder():
    if FOLDER not in os.listdir("."):
        os.mkdir(FOLDER)


def _write(file, head, check, at_s):
    state = array("i", [0] * check.SIZE)
    if not check.baseline(state):
        return
    name = check.id.encode()
    front = struct.pack("<B", len(name)) + name + struct.pack("<IIH", _key(check), at_s, len(state))
    file.write(front)
    file.write(state)
    file.write(struct.pack("<I", crc32(state, crc32(front, crc32(head[:5])))))


def _entry(file, head):
    """(id, key, seconds, state) of the next entry, or None at the end or at damage."""
    front = file.read(1)
    if not front:
        return None
    front += file.read(front[0] + 10)
    at = 1 + front[0]
    if len(front) == at + 10:
        key, at_s, n = struct.unpack("<IIH", front[at:])
        if n <= _ITEMS_MAX:
            state = array("i", [0] * n)
            if file.readinto(state) == 4 * n:
                crc = file.read(4)
                good = crc32(state, crc32(front, crc32(head[:5])))
                if len(crc) == 4 and struct.unpack("<I", crc)[0] == good:
                    return front[1:at].decode(), key, at_s, state
    print("baselines: the file of recipe %d is damaged, the rest is learnt again" % head[4])
    return None


def _key(check):
    """What must be the same for a baseline to fit."""
    settings = [(k, check.settings[k]) for k in sorted(check.settings) if k not in _NOT_LEARNT]
    return crc32(("%s %s %r" % (check.TYPE, check.channel, settings)).encode())


def _path(recipe):
    return "%s/r%d" % (FOLDER, recipe)


def _recipes():
    """The recipes of which there is a file; what has another name is none."""
    try:
        names = os.listdir(FOLDER)
    except OSError:
        return []
    return [recipe for recipe in range(256) if "r%d" % recipe in names]


def _written(recipe):
    """The number of the write that made the file of a recipe; 0 if it cannot be read."""
    try:
        with open(_path(recipe), "rb") as file:
            return struct.unpack(_HEAD, file.read(struct.calcsize(_HEAD)))[2]
    except (OSError, ValueError, IndexError):
        return 0
