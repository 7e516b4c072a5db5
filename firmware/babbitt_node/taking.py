"""Taking a waveform down, window by window, kept whole or not at all. On the heap only while there is one to take.

The window that lies in the buffers is written down first (what was before the trigger), then window after window
back to back as long as there is time; those of the records are taken as well. Nothing is written while a window
is open. It is written to `wave/new` and renamed when it is complete, so a power cut leaves none or a whole one.
`node.waves` (`capture.Captures`) is what stays in memory.
"""

import os
import struct
from binascii import crc32

from babbitt_node.errors import NodeError
from babbitt_node.hal.port import ticks_diff, ticks_ms
from babbitt_node.waves import FOLDER, FOOT, WINDOWS, ask, parts_of, path_of, unlink
from babbitt_node.wire import Writer

BORROWS = ("waves",)
ALARM_EVERY_MS = 3600000  # a check that chatters must not wear out the flash

_MISSES = 3  # windows that may fail one after another
_MARGIN_MS = 200  # for the features and the flash
_PIECE = 320  # bytes of the description written at once
_NEW = FOLDER + "/new"


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
    entry = [boot, waves.taken & 0xFFFF, parts_of(job["bytes"]), 0]  # its number has 16 bits on the wire
    out = Writer(bytearray(_PIECE))
    out.raw(b'{"i":"').raw(node.identity.install.encode()).raw(b'","id":')
    out.str("%d-%d" % (boot, entry[1])).raw(b',"sensor":').str(job["sensor"])
    out.raw(b',"axes":').str(job["axes"]).raw(b',"unit":"g","exp":-6,"num":').int(num)
    out.raw(b',"den":').int(den).raw(b',"t":').value(job["t"]).raw(b',"q":').int(job["q"])
    out.raw(b',"by":').str(job["by"]).raw(b',"of":').str(job["of"]).raw(b',"pre":').int(job["pre"])
    out.raw(b',"windows":[')
    size = check = 0
    try:
        for at, window in enumerate(
            job["windows"]
        ):  # piece by piece: a heap in use has no room for the whole
            out.raw(b",[" if at else b"[")
            for k, number in enumerate(window):
                out.raw(b"," if k else b"").int(number)
            out.raw(b"]")
            size, check = _put(job, out.view(), size, check)
            out.reset()
        out.raw(b'],"bytes":').int(job["bytes"]).raw(b',"crc":').int(job["crc"]).raw(b"}")
        size, check = _put(job, out.view(), size, check)
        foot = struct.pack(FOOT, b"BWF1", job["bytes"], size, 0, 0)[:12]
        _, check = _put(job, foot, size, check)
        _put(job, struct.pack("<I", check), size, 0)
        file, job["file"] = job["file"], None
        file.close()
        os.rename(_NEW, path_of(entry))
    except OSError as error:
        raise NodeError("no_room", "the flash does not take it: %s" % error)
    waves.taken += 1
    waves.job = None
    waves.kept.append(entry)
    return entry


def _put(job, data, size, check):
    """Write bytes of the description; returns its size and CRC so far."""
    if job["file"].write(data) != len(data):
        raise OSError(28)
    return size + len(data), crc32(data, check)


def abandon(node):
    """Forget what is being taken."""
    job, node.waves.job = node.waves.job, None
    try:
        if job["file"] is not None:
            job["file"].close()
    except OSError as error:
        print("waves: %s: %s" % (_NEW, error))
    if _is_there(_NEW):
        unlink(_NEW)


# ---- in the sampler's task


def alarm(node, check):
    """Take a waveform for a check that has become an alarm, if its sensor's `capture` says so; at most one an hour
    for each check. Raises nothing.
    """
    sensor = (check.channel or "").split(".")[0]
    samples = [s.spec.get("capture", 0) for s in node.station.samplers if s.id == sensor]
    if not samples or not samples[0]:
        return
    alarms = node.waves.alarms
    now = node.clock.u()
    if check.id in alarms and now - alarms[check.id] < ALARM_EVERY_MS:
        return
    try:
        ask(node, sensor, "xyz", samples[0], "check", check.id)
        alarms[check.id] = now
    except NodeError as error:
        print("capture for %s: %s" % (check.id, error))


async def step(node, left_ms):
    """See `capture.Captures.step`."""
    try:
        return _take(node) or await _window(node, left_ms)
    except NodeError as error:
        job = node.waves.job
        print("capture for %s: %s" % (job["of"], error))
        abandon(node)
        _answer(node, job, {"state": "failed", "error": error.name, "reason": error.detail[:128]})
        return True


def _sampler(node):
    name = node.waves.job["sensor"]
    for sampler in node.station.samplers:
        if sampler.id == name and hasattr(sampler, "held"):
            return sampler
    raise NodeError("not_available", "the configuration has no %s any more" % name)


def _take(node):
    """Write down the window in the buffers, if it is a new one; whether it was."""
    job = node.waves.job
    sampler = _sampler(node)
    found = sampler.held()
    if found is None or found[1] == job["last"]:
        return False
    axes, opened, first, span, overflow, clip, num, den = found
    job["last"] = opened
    job["misses"] = 0
    job["scale"] = (num, den)
    rate_hz = sampler.spec["rate_hz"]
    rate = span[0] * 1000000000 // span[1] if span[1] > 0 else rate_hz * 1000
    ago = ticks_diff(ticks_ms(), opened) + first * 1000 // rate_hz
    before = ticks_diff(opened, job["asked"]) < 0
    if add(node, axes, sampler.spec["window"], (node.clock.u() - ago, rate, overflow, clip), before):
        _complete(node)
    return True


async def _window(node, left_ms):
    """Take one more window if there is time for it; whether there was."""
    job = node.waves.job
    sampler = _sampler(node)
    busy_ms = sampler.spec["window"] * 1000 // sampler.spec["rate_hz"]
    if left_ms < 2 * busy_ms + _MARGIN_MS:
        return False
    try:
        await sampler.again()
    except NodeError:
        job["misses"] += 1
        if job["misses"] >= _MISSES:
            if not job["windows"]:
                raise
            _complete(node)  # what there is of it
    return True


def _complete(node):
    job = node.waves.job
    entry = finish(node, job["scale"][0], job["scale"][1])
    _answer(node, job, {"state": "done", "wave": "%d-%d" % (entry[0], entry[1])})


def _answer(node, job, answer):
    publisher = node.publisher
    if job["by"] == "command":
        answer["id"] = job["of"]
        answer["cmd"] = "capture"
        publisher.answer(answer)
    publisher.state_due = True
    publisher.wake()
