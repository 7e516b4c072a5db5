"""Waveforms that are kept on flash: asked for, found at the start, handed out in parts, dropped. (Taken: `taking.py`.)
Reached by `port.once`, never while a window is open. At most KEPT of them and a quarter of `spool_bytes`, and never
the room that the spool may still ask for; the oldest goes first, counted. The file `wave/<boot>-<number>.wave`:

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
from babbitt_node.hal.port import ticks_ms
from babbitt_node.mqtt.packets import PUBLISH_HEAD

FOLDER = "wave"
KEPT = 8
WINDOWS = 64
SAMPLES = 16384
USUAL = 4  # windows, where nobody says how many samples
CHUNK = 3072  # bytes of samples in a part
HEAD = 24  # bytes in front of them
FOOT = "<4sIHHI"
FOOT_SIZE = 16

_SPARE = 32768  # bytes of the flash that stay free


def path_of(entry):
    """Path of the file of an entry of `kept`."""
    return "%s/%d-%d.wave" % (FOLDER, entry[0], entry[1])


def load(install):
    """Entries [boot, number, parts, next part to send], oldest first, at most KEPT. What was not finished, is damaged
    or of another installation than `install` is removed.
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
            if path_of(entry) != FOLDER + "/" + name or entry[0] > 0x7FFFFFFF or entry[1] > 0xFFFF:
                raise ValueError("no name of a waveform")
            with open(path_of(entry), "rb") as file:
                size, _ = _foot(file)
                file.seek(size)
                if file.read(14) != ('{"i":"%s' % install).encode():
                    raise ValueError("of another installation")
            entry[2] = parts_of(size)
            found.append(entry)
        except (OSError, ValueError) as error:
            print("waves: %s is removed: %s" % (name, error))
            unlink(FOLDER + "/" + name)
    found.sort()
    while len(found) > KEPT:
        remove(found.pop(0))
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
    unlink(path_of(entry))


def unlink(path):
    """Delete a file. Raises nothing."""
    try:
        os.remove(path)
    except OSError as error:
        print("waves: %s: %s" % (path, error))


def ask(node, sensor, axes, samples, by, of):
    """Have a waveform taken of `sensor` (None: the only one there is). axes: "xyz" or some of it. samples: of each
    axis, None for USUAL windows. by, of: `command` or `check`, and which.

    Raises NodeError busy, not_available, too_large, no_room.
    """
    waves = node.waves
    if waves.job is not None:
        raise NodeError("busy", "a waveform is being taken for %s" % waves.job["of"])
    fitting = [s for s in node.station.samplers if hasattr(s, "held") and sensor in (None, s.id)]
    if len(fitting) != 1:
        if sensor is not None:
            raise NodeError("not_available", "sensor: there is no accelerometer %s" % sensor)
        if not fitting:
            raise NodeError("not_available", "sensor: this node has no accelerometer")
        raise NodeError("not_available", "sensor: which of %d accelerometers?" % len(fitting))
    window = fitting[0].spec["window"]
    samples = min(SAMPLES, USUAL * window) if samples is None else samples
    if samples > WINDOWS * window:
        raise NodeError("too_large", "samples: at most %d windows of %d" % (WINDOWS, window))
    _make_room(node, samples * len(axes) * 2 + CHUNK)
    waves.job = {
        "sensor": fitting[0].id,
        "axes": axes,
        "samples": samples,
        "by": by,
        "of": of,
        "got": 0,
        "pre": 0,
        "crc": 0,
        "bytes": 0,
        "windows": [],
        "file": None,
        "misses": 0,
        "asked": ticks_ms(),
        "last": None,
    }


def _make_room(node, need):
    """Throw the oldest away until `need` bytes fit. Raises NodeError too_large, no_room."""
    kept = node.waves.kept
    limit = node.settings["spool_bytes"] // 4
    if need > limit:
        raise NodeError("too_large", "samples: %d bytes, this node keeps %d" % (need, limit))
    spare = _SPARE + max(0, node.settings["spool_bytes"] - node.spool.size)
    if _free() + sum([entry[2] * CHUNK for entry in kept]) < need + spare:
        raise NodeError("no_room", "%d bytes are free, the spool may need %d" % (_free(), spare))
    while kept:
        held = sum([entry[2] * CHUNK for entry in kept])
        if len(kept) < KEPT and held + need <= limit and _free() >= need + spare:
            return
        remove(kept[0])
        kept.pop(0)
        node.waves.dropped += 1
    if _free() < need + spare:
        raise NodeError("no_room", "%d bytes are free, the spool may need %d" % (_free(), spare))


def _free():
    """Bytes that the file system has left."""
    if not hasattr(os, "statvfs"):
        return 1 << 30  # a PC whose Python cannot tell
    said = os.statvfs(".")
    return said[1] * said[4]


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
