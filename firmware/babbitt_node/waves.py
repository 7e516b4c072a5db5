"""Waveforms on flash: taken down window by window, kept whole or not at all, handed out in parts. Reached by
`port.once`, never while a window is open.

A waveform is written to `wave/new` and renamed to `wave/<boot>-<number>.wave` when it is complete, so a power cut
leaves none or a whole one. At most KEPT of them and a quarter of `spool_bytes`, and never the room that the
spool may still ask for; the oldest goes first, counted. The file:

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
from babbitt_node.wire import Writer

FOLDER = "wave"
KEPT = 8
CHUNK = 3072  # bytes of samples in a part
HEAD = 24  # bytes in front of them
WINDOWS = 64
SAMPLES = 16384
USUAL = 4  # windows, where nobody says how many samples

_FOOT = "<4sIHHI"
_FOOT_SIZE = 16
_NEW = FOLDER + "/new"
_SPARE = 32768  # bytes of the flash that stay free


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
            entry[2] = _parts(size)
            found.append(entry)
        except (OSError, ValueError) as error:
            print("waves: %s is removed: %s" % (name, error))
            os.remove(FOLDER + "/" + name)
    found.sort()
    return found


def _parts(size):
    return 1 + (size + CHUNK - 1) // CHUNK


def _foot(file):
    """(bytes of samples, bytes of description) of an open file. Raises ValueError."""
    end = file.seek(0, 2)
    foot = b""
    if end > _FOOT_SIZE:
        file.seek(end - _FOOT_SIZE)
        foot = file.read(_FOOT_SIZE)
    if len(foot) != _FOOT_SIZE or foot[:4] != b"BWF1":
        raise ValueError("no waveform")
    _, size, length, _, check = struct.unpack(_FOOT, foot)
    if size + length + _FOOT_SIZE != end or length > CHUNK:
        raise ValueError("its lengths contradict each other")
    file.seek(size)
    if crc32(foot[:12], crc32(file.read(length))) != check:
        raise ValueError("its CRC is wrong")
    return size, length


# ---- taking one


def ask(node, sensor, axes, samples, by, of):
    """Have a waveform taken of `sensor` (None: the only one there is). axes: "xyz" or some of it. samples: of each
    axis, None for USUAL windows. by, of: `command` or `check`, and which.

    Raises NodeError busy, not_available, too_large, no_room.
    """
    waves = node.waves
    if waves.job is not None:
        raise NodeError("busy", "a waveform is being taken for %s" % waves.job["of"])
    fitting = [s for s in node.station.samplers if hasattr(s, "wave") and sensor in (None, s.id)]
    if len(fitting) != 1:
        if sensor is not None:
            raise NodeError("not_available", "sensor: there is no accelerometer %s" % sensor)
        raise NodeError("not_available", "sensor: which of %d accelerometers?" % len(fitting))
    window = fitting[0].wave()[0]
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
    }


def _make_room(node, need):
    """Throw the oldest away until `need` bytes fit. Raises NodeError too_large, no_room."""
    kept = node.waves.kept
    limit = node.settings["spool_bytes"] // 4
    if need > limit:
        raise NodeError("too_large", "samples: %d bytes, this node keeps %d" % (need, limit))
    spare = _SPARE + max(0, node.settings["spool_bytes"] - node.spool.size)
    while kept:
        held = sum([entry[2] * CHUNK for entry in kept])
        if len(kept) < KEPT and held + need <= limit and _free() >= need + spare:
            return
        _remove(kept[0])
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


def _remove(entry):
    try:
        os.remove(path_of(entry))
    except OSError as error:
        print("waves: %s: %s" % (path_of(entry), error))


def add(node, axes, n, window, before):
    """Write a window down. axes: three array('h') of at least `n` samples. window: (u, rate in mHz, overruns,
    clipped samples). before: whether it was taken before what asked for it.

    Returns whether the waveform is complete. Raises NodeError no_room.
    """
    job = node.waves.job
    n = min(n, job["samples"] - job["got"])
    try:
        if job["file"] is None:
            if not _is_there(FOLDER):
                os.mkdir(FOLDER)
            job["file"] = open(_NEW, "wb")  # noqa: SIM115
        if not job["windows"]:
            job["t"], job["q"] = node.clock.t(), node.clock.q
            if job["t"] is not None:
                job["t"] -= node.clock.u() - window[0]
        for axis in job["axes"]:
            data = memoryview(axes["xyz".find(axis)])[:n]
            job["crc"] = crc32(data, job["crc"])
            if job["file"].write(data) != 2 * n:
                raise OSError(28)  # ENOSPC: a short write is a full flash
            job["bytes"] += 2 * n
        job["file"].flush()
    except OSError as error:
        raise NodeError("no_room", "the flash does not take it: %s" % error)
    job["windows"].append((window[0], n, window[1], window[2], window[3]))
    job["got"] += n
    if before:
        job["pre"] += n
    return job["got"] >= job["samples"] or len(job["windows"]) == WINDOWS


def _is_there(path):
    try:
        os.stat(path)
    except OSError:
        return False
    return True


def finish(node, num, den):
    """Keep what was taken, under its own name; returns its entry. num, den: micro-g a count. Raises NodeError
    no_room.
    """
    waves = node.waves
    job = waves.job
    boot = node.identity.boot
    entry = [boot, waves.taken, _parts(job["bytes"]), 0]
    out = Writer(bytearray(CHUNK))
    out.raw(b'{"i":"').raw(node.identity.install.encode()).raw(b'","id":')
    out.str("%d-%d" % (boot, waves.taken)).raw(b',"sensor":').str(job["sensor"])
    out.raw(b',"axes":').str(job["axes"]).raw(b',"unit":"g","exp":-6,"num":').int(num).raw(b',"den":').int(
        den
    )
    out.raw(b',"t":').value(job["t"]).raw(b',"q":').int(job["q"])
    out.raw(b',"by":').str(job["by"]).raw(b',"of":').str(job["of"]).raw(b',"pre":').int(job["pre"])
    out.raw(b',"windows":[')
    for at, window in enumerate(job["windows"]):
        out.raw(b",[" if at else b"[")
        for k, number in enumerate(window):
            out.raw(b"," if k else b"").int(number)
        out.raw(b"]")
    out.raw(b'],"bytes":').int(job["bytes"]).raw(b',"crc":').int(job["crc"]).raw(b"}")
    foot = struct.pack("<4sIHH", b"BWF1", job["bytes"], out.length, 0)
    check = crc32(foot, crc32(out.view()))
    try:
        for data in (out.view(), foot, struct.pack("<I", check)):
            if job["file"].write(data) != len(data):
                raise OSError(28)
        file, job["file"] = job["file"], None
        file.close()
        os.rename(_NEW, path_of(entry))
    except OSError as error:
        raise NodeError("no_room", "the flash does not take it: %s" % error)
    waves.taken += 1
    waves.job = None
    waves.kept.append(entry)
    return entry


def abandon(node):
    """Forget what is being taken."""
    job, node.waves.job = node.waves.job, None
    try:
        if job["file"] is not None:
            job["file"].close()
    except OSError as error:
        print("waves: %s: %s" % (_NEW, error))
    if _is_there(_NEW):
        os.remove(_NEW)


# ---- handing it out


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
            _remove(entry)
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
    _remove(entry)
    node.waves.kept.remove(entry)


def _named(node, name):
    for entry in node.waves.kept:
        if name == "%d-%d" % (entry[0], entry[1]):
            return entry
    raise NodeError("not_available", "wave: there is none of that name")
