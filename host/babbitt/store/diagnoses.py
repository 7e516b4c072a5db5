"""What waveforms told, as files beside them: ``waves/<site>/<node>/<installation>-<id>.cause``, JSON.

A file is replaced as a whole, and goes with its waveform (:meth:`babbitt.store.waves.WaveShelf.prune`).
"""

from __future__ import annotations

import logging
from contextlib import suppress
from pathlib import Path

import msgspec

from babbitt.errors import StoreError
from babbitt.protocol.cause import Examined
from babbitt.store.files import write_whole
from babbitt.store.waves import CAUSE, FOLDER, WAVE

log = logging.getLogger(__name__)
_DECODE = msgspec.json.Decoder(Examined)


class DiagnosisShelf:
    """What the waveforms in the folder of a store told."""

    def __init__(self, store: Path | str) -> None:
        self._folder = Path(store) / FOLDER

    def save(self, one: Examined) -> None:
        """Keep what a waveform told; on disk when this returns. One whose waveform is gone is not kept. Raises StoreError."""
        path = self._path(one.wave)
        if not path.with_suffix(WAVE).exists():
            return
        try:
            write_whole(path, msgspec.json.encode(one))
        except OSError as error:
            raise StoreError(f"{path} cannot be written: {error.strerror}") from error

    def load(self, wave: str) -> Examined | None:
        """What a waveform told; None if it was not examined, or what was kept cannot be read."""
        path = self._path(wave)
        try:
            return _DECODE.decode(path.read_bytes())
        except FileNotFoundError:
            return None
        except (OSError, msgspec.DecodeError) as error:
            log.warning("%s is no diagnosis: %s", path, error)
            return None

    def newest(self, site: str, node: str, limit: int = 1, after: str | None = None) -> list[Examined]:
        """What the waveforms of a node told, newest waveform first; ``after``: only those older than that one."""
        names = self._names(self._folder / site / node)
        if after is not None:
            names = names[names.index(after) + 1 :] if after in names else []
        found: list[Examined] = []
        for name in names:
            if len(found) == limit:
                break
            if (one := self.load(name)) is not None:
                found.append(one)
        return found

    def missing(self) -> list[str]:
        """The waveforms that were not examined, oldest first."""
        folders = sorted(path for path in self._folder.glob("*/*") if path.is_dir())
        return [
            name for one in folders for name in reversed(self._names(one)) if not self._path(name).exists()
        ]

    def known(self) -> list[Examined]:
        """All that is kept, oldest first, node by node."""
        folders = sorted(path for path in self._folder.glob("*/*") if path.is_dir())
        found = (self.load(name) for one in folders for name in reversed(self._names(one)))
        return [one for one in found if one is not None]

    def _names(self, folder: Path) -> list[str]:
        """The ids of the waveforms in a folder, newest first."""
        there = []
        for path in folder.glob(f"*{WAVE}"):
            with suppress(OSError):
                there.append(
                    (path.stat().st_mtime_ns, path.relative_to(self._folder).with_suffix("").as_posix())
                )
        return [name for _, name in sorted(there, reverse=True)]

    def _path(self, wave: str) -> Path:
        return self._folder / f"{wave}{CAUSE}"
