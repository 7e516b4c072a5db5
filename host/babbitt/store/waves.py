"""Waveforms on disk, as files beside the database: ``waves/<site>/<node>/<installation>-<id>.wave``.

A file is a line that says what it is, a line of JSON (site, node, when it came, the description of
docs/protocol.md), and the samples, int16: first the low bytes of all, then the high bytes, deflated (zlib); those of the
first version of the format as they came. A power cut leaves a whole one or none.

At most NODE_MAX of a node and TOTAL_MAX bytes of all: the oldest go, and those older than the settings say.
"""

from __future__ import annotations

import logging
import math
import re
import zlib
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from babbitt.errors import ProtocolError, StoreError, UnknownWave
from babbitt.protocol.messages import WaveInfo, decode_kind, encode
from babbitt.store.files import write_whole

log = logging.getLogger(__name__)

FOLDER = "waves"
WAVE, CAUSE = ".wave", ".cause"
"""Suffixes of a waveform and of what it told (:mod:`babbitt.store.diagnoses`)."""
NODE_MAX = 200
TOTAL_MAX = 1_000_000_000

_PLAIN = b"BABBITT-WAVE 1\n"
_MAGIC = b"BABBITT-WAVE 2\n"
_ID = re.compile(r"([a-z0-9-]{1,32})/([a-z0-9-]{1,32})/([0-9a-f]{8})-([0-9]{1,10}-[0-9]{1,5})")
_LINE_MAX = 16_384


@dataclass(frozen=True, slots=True)
class WaveView:
    """A waveform on disk. ``id`` names it in the whole store. ``t`` is the time of its first sample in ms, None if
    the node had no clock; ``received`` the host's. ``rate_hz`` is the measured rate of its first window; ``pre`` of
    the ``samples`` of each axis were taken before the trigger, which was a command or a check (``by``), ``of``
    which one."""

    id: str
    site: str
    node: str
    sensor: str
    axes: str
    t: int | None
    received: int
    by: str
    of: str
    samples: int
    pre: int
    windows: int
    rate_hz: float
    overflow: int
    clip: int


@dataclass(frozen=True, slots=True)
class Wave:
    """A waveform to work with. ``g`` has a column for each axis, in ``view.axes``' order; ``time_s`` of every
    sample since the first one; ``window`` counts the windows, between which there are gaps; ``rates_hz`` are
    measured, one a window."""

    view: WaveView
    unit: str
    time_s: NDArray[np.float64]
    window: NDArray[np.int32]
    g: NDArray[np.float64]
    rates_hz: NDArray[np.float64]


class _Head(msgspec.Struct):
    site: str
    node: str
    received: int
    info: msgspec.Raw


class WaveShelf:
    """The waveforms in the folder of a store; the folder is made with the first one."""

    def __init__(self, store: Path | str) -> None:
        self._folder = Path(store) / FOLDER

    def has(self, site: str, node: str, install: str, wave: str) -> bool:
        """Whether a waveform is on disk."""
        return self._path(site, node, install, wave).exists()

    def save(self, site: str, node: str, info: WaveInfo, samples: bytes, now: int) -> WaveView:
        """Write a waveform; it is on disk when this returns. ``now`` is the host's time in ms. Raises StoreError."""
        head = _Head(site, node, now, msgspec.Raw(encode(info)))
        path = self._path(site, node, info.i, info.id)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_whole(path, _MAGIC + msgspec.json.encode(head) + b"\n" + _packed(samples))
        except OSError as error:
            raise StoreError(f"the waveform {path} cannot be written: {error.strerror}") from error
        return _view(head, info)

    def views(self, site: str | None = None, node: str | None = None) -> list[WaveView]:
        """All waveforms, newest first; those that cannot be read are named in the log and left out."""
        found = []
        for path in self._folder.glob(f"{site or '*'}/{node or '*'}/*.wave"):
            try:
                with path.open("rb") as file:
                    head, info = _head(file.read(len(_MAGIC)), file.readline(_LINE_MAX))
                found.append(_view(head, info))
            except (OSError, StoreError) as error:
                log.warning("%s is no waveform: %s", path, error)
        return sorted(found, key=lambda view: (view.received, view.id), reverse=True)

    def names(self) -> list[str]:
        """The ids of all waveforms by their files, whether they can be read or not."""
        found = []
        for path in self._folder.glob("*/*/*.wave"):
            name = path.relative_to(self._folder).with_suffix("").as_posix()
            if _ID.fullmatch(name):
                found.append(name)
        return found

    def load(self, wave: str) -> Wave:
        """A waveform by the id of its view. Raises UnknownWave, StoreError (it is damaged)."""
        path = self._named(wave)
        try:
            raw = path.read_bytes()
        except FileNotFoundError:
            raise UnknownWave(f"there is no waveform {wave}: `babbitt waves` lists those there are") from None
        except OSError as error:
            raise StoreError(f"{path} cannot be read: {error.strerror}") from error
        line, _, samples = raw[len(_MAGIC) :].partition(b"\n")
        head, info = _head(raw[: len(_MAGIC)], line + b"\n")
        if raw.startswith(_MAGIC):
            samples = _unpacked(samples, info.bytes)
        if len(samples) != info.bytes or zlib.crc32(samples) != info.crc:
            raise StoreError(f"{path} is damaged: its samples are not those that came")
        return _wave(_view(head, info), info, samples)

    def view(self, wave: str) -> WaveView:
        """What a waveform is, without its samples. Raises UnknownWave, StoreError."""
        path = self._named(wave)
        try:
            with path.open("rb") as file:
                return _view(*_head(file.read(len(_MAGIC)), file.readline(_LINE_MAX)))
        except FileNotFoundError:
            raise UnknownWave(f"there is no waveform {wave}: `babbitt waves` lists those there are") from None
        except OSError as error:
            raise StoreError(f"{path} cannot be read: {error.strerror}") from error

    def prune(self, now: int, days: int | None = None) -> int:
        """Delete what is beyond the limits or older than ``days`` (None: as old as it may be), oldest first; how many.
        ``now`` is the host's time in ms."""
        oldest = -math.inf if days is None else now / 1000 - days * 86_400
        by_node: dict[Path, list[tuple[float, int, Path]]] = {}
        for path in self._folder.glob("*/*/*.wave"):
            with suppress(OSError):
                stat = path.stat()
                by_node.setdefault(path.parent, []).append((stat.st_mtime, stat.st_size, path))
        doomed = [one for ones in by_node.values() for one in sorted(ones, reverse=True)[NODE_MAX:]]
        left = sorted({one for ones in by_node.values() for one in ones} - set(doomed), reverse=True)
        total = 0
        for one in left:
            total += one[1]
            if total > TOTAL_MAX or one[0] < oldest:
                doomed.append(one)
        for _, _, path in doomed:
            with suppress(OSError):
                path.with_suffix(CAUSE).unlink(missing_ok=True)
                path.unlink()
        return len(doomed)

    def _named(self, wave: str) -> Path:
        parts = _ID.fullmatch(wave)
        if parts is None:
            raise UnknownWave(f"{wave[:100]} is no id of a waveform: `babbitt waves` lists them")
        return self._path(*parts.groups())

    def _path(self, site: str, node: str, install: str, wave: str) -> Path:
        return self._folder / site / node / f"{install}-{wave}.wave"


def _packed(samples: bytes) -> bytes:
    """The high bytes of a vibration are few and much alike: apart from the low ones they nearly vanish."""
    return zlib.compress(samples[::2] + samples[1::2], 6)


def _unpacked(packed: bytes, size: int) -> bytes:
    """The samples again; something else if ``packed`` is damaged, which their checksum tells. Never more than ``size``
    and a byte, whatever is in it."""
    try:
        planes = zlib.decompressobj().decompress(packed, size + 1)
    except zlib.error:
        return b""
    samples = bytearray(len(planes))
    half = (len(planes) + 1) // 2
    samples[::2], samples[1::2] = planes[:half], planes[half:]
    return bytes(samples)


def _head(magic: bytes, line: bytes) -> tuple[_Head, WaveInfo]:
    try:
        if magic not in (_MAGIC, _PLAIN) or not line.endswith(b"\n"):
            raise StoreError("its first lines are not those of a waveform")
        head = msgspec.json.decode(line, type=_Head)
        info = decode_kind("wave", bytes(head.info))
    except (msgspec.DecodeError, ProtocolError) as error:
        raise StoreError(f"its description is damaged: {error}") from None
    assert isinstance(info, WaveInfo)
    return head, info


def _view(head: _Head, info: WaveInfo) -> WaveView:
    return WaveView(
        id=f"{head.site}/{head.node}/{info.i}-{info.id}",
        site=head.site,
        node=head.node,
        sensor=info.sensor,
        axes=info.axes,
        t=info.t,
        received=head.received,
        by=info.by,
        of=info.of,
        samples=sum(window[1] for window in info.windows),
        pre=info.pre,
        windows=len(info.windows),
        rate_hz=info.windows[0][2] / 1000,
        overflow=sum(window[3] for window in info.windows),
        clip=sum(window[4] for window in info.windows),
    )


def _wave(view: WaveView, info: WaveInfo, samples: bytes) -> Wave:
    raw = np.frombuffer(samples, "<i2")
    scale = info.num / info.den * 10.0**info.exp
    axes, at = len(info.axes), 0
    values, times, windows = [], [], []
    for n, (u, count, rate, _, _) in enumerate(info.windows):
        values.append(raw[at : at + axes * count].reshape(axes, count).T * scale)
        times.append((u - info.windows[0][0]) / 1000 + np.arange(count) / (rate / 1000))
        windows.append(np.full(count, n, np.int32))
        at += axes * count
    rates = np.array([window[2] / 1000 for window in info.windows])
    return Wave(
        view, info.unit, np.concatenate(times), np.concatenate(windows), np.concatenate(values), rates
    )


def plain(wave: Wave) -> dict[str, Any]:
    """The arrays of a waveform by name, for NumPy's ``.npz``."""
    axes = {axis: wave.g[:, n] for n, axis in enumerate(wave.view.axes)}
    return {"time_s": wave.time_s, "window": wave.window, "rates_hz": wave.rates_hz, **axes}
