"""Waveforms that are kept on flash: found at the start, handed out in parts, dropped. (Taken: `taking.py`.)
Reached by `port.once`, never while a window is open. The file `wave/<boot>-<number>.wave`:

    samples      int16 little-endian, window after window, in each one axis after axis
    description  JSON, as docs/protocol.md says for `wave/<id>`
    foot         16 bytes  "BWF1", bytes of samples u32, bytes of description u16, 0 u16, CRC-32 u32 over the
                 description and the 12 bytes before

`node.waves` (`capture.Captures`) is what stays in memory.
"""

import os
import struct
from binascii import crc32, unhexlify

from babbitt_node.errors import NodeError
from babbitt_node.mqtt.packets import PUBLISH_HEAD

FOLDER = "wave"
CHUNK = 3072  # bytes of samples in a part
HEAD = 24  # bytes in front of them
FOOT = "<4sIHHI"
FOOT_SIZE = 16


def path_of(entry):
    """Path of the file of an entry of `kept`."""
    return "%s/%d-%d.wave" % (FOLDER, entry[0], entry[1])


def load():
    """Entries [boot, number, parts, next part to send], oldest first. What was not finished or is damaged is
    removed.
    """
    found = []
    try:
        names = os.listdir(FOLDER)
    except OSError:
        return found
    for name in names:
        try:
            if not name.endswith(".wave"):
                raise ValueError("not finished")
            boot, number = name[:-5].split("-")
            entry = [int(boot), int(number), 0, 0]
            with open(path_of(entry), "rb") as file:
                size, _ = _foot(file)
            entry[2] = parts_of(size)
            found.append(entry)
        except (OSError, ValueError) as error:
            print("waves: %s is removed: %s" % (name, error))
            os.remove(FOLDER + "/" + name)
    found.sort()
    return found


def parts_of(size):
    """Parts of a waveform with so many bytes of samples: the description, and those."""
    return 1 + (size + CHUNK - 1) // CHUNK


def _foot(file):
    """(bytes of samples, bytes of description) of an open file. Raises ValueError."""
    end = file.seek(0, 2)
    foot = b""
    if end > FOOT_SIZE:
        file.seek(end - FOOT_SIZE)
        foot = file.read(FOOT_SIZE)
    if len(foot) != FOOT_SIZE or foot[:4] != b"BWF1":
        raise ValueError("no waveform")
    _, size, length, _, check = struct.unpack(FOOT, foot)
    if size + length + FOOT_SIZE != end or length > CHUNK:
        raise ValueError("its lengths contradict each other")
    file.seek(size)
    if crc32(foot[:12], crc32(file.read(length))) != check:
        raise ValueError("its CRC is wrong")
    return size, length


def remove(entry):
    """Delete the file of an entry."""
    try:
        os.remove(path_of(entry))
    except OSError as error:
        print("waves: %s: %s" % (path_of(entry), error))


def chunk(node, room):
    """Build the next part to send in `room` from PUBLISH_HEAD on. Returns (entry, part, bytes), or None when there
    is nothing to send. What cannot be read is thrown away.
    """
    kept = node.waves.kept
    for entry in list(kept):
        part = entry[3]
        if part >= entry[2]:
            continue
        try:
            return entry, part, _read(node, entry, part, room[PUBLISH_HEAD:])
        except (OSError, ValueError) as error:
            print("waves: %s is thrown away: %s" % (path_of(entry), error))
            remove(entry)
            kept.remove(entry)
            node.waves.dropped += 1
    return None


def _read(node, entry, part, out):
    with open(path_of(entry), "rb") as file:
        size, length = _foot(file)
        at = size
        if part:
            at = (part - 1) * CHUNK
            length = min(CHUNK, size - at)
        file.seek(at)
        body = out[HEAD : HEAD + length]
        if file.readinto(body) != length:
            raise ValueError("it ends too early")
    install = unhexlify(node.identity.install)
    struct.pack_into("<4s4sIHHHH", out, 0, b"BWV1", install, entry[0], entry[1], part, entry[2], length)
    struct.pack_into("<I", out, HEAD - 4, crc32(body, crc32(out[: HEAD - 4])))
    return HEAD + length


def again(node, name, part):
    """Send a waveform once more, from `part` on. Raises NodeError not_available, bad_message."""
    entry = _named(node, name)
    if part >= entry[2]:
        raise NodeError("bad_message", "part: it has %d" % entry[2])
    entry[3] = part


def drop(node, name, _):
    """Forget a waveform: the host has it. Raises NodeError not_available."""
    entry = _named(node, name)
    remove(entry)
    node.waves.kept.remove(entry)


def _named(node, name):
    for entry in node.waves.kept:
        if name == "%d-%d" % (entry[0], entry[1]):
            return entry
    raise NodeError("not_available", "wave: there is none of that name")
