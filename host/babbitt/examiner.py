"""The host's examiner: looks for waveforms that were not examined yet, and has them examined one at a time, in a process of its own
(:mod:`babbitt.examination`) that is there only while there is something to examine.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path

import msgspec

from babbitt.errors import StoreError
from babbitt.settings import FactsPart
from babbitt.store.diagnoses import DiagnosisShelf
from babbitt.store.reader import StoreReader
from babbitt.store.worker import Worker, in_a_child

log = logging.getLogger(__name__)

LOOK_S = 1.0
PAUSE_S = 5.0
"""After a process that ended by something else than its own word."""
AT_ONCE = 20
"""Waveforms a process examines before the next one is begun."""


class Examiner(Worker):
    """Works in a thread of its own. Of a host that starts, what an earlier one did not get to is examined, and what could not be
    told with what was known of the machine then (no speed). ``done`` and ``failed`` count; ``pid`` is the process now, or None."""

    def __init__(self, folder: Path, machines: Mapping[str, FactsPart], look_s: float = LOOK_S) -> None:
        super().__init__("examiner")
        self._folder, self._machines, self._look_s = folder, dict(machines), look_s
        self._kept = DiagnosisShelf(folder)
        self.done = self.failed = 0
        self.pid: int | None = None

    def _run(self) -> None:
        reader = StoreReader(self._folder)
        again = [one.wave for one in self._kept.known() if self._unsettled(one.wave)]
        seen = -1
        while not self._stop.wait(self._look_s):
            try:
                newest = reader.newest_event()  # a waveform that came is one
                if newest == seen and not again:
                    continue
                waiting = [*again, *self._kept.missing()]
                again, whole = self._examine(waiting[:AT_ONCE]) if waiting else ([], True)
                seen = newest if whole and len(waiting) <= AT_ONCE else -1
            except (StoreError, OSError) as error:
                log.error("waveforms are not examined for now: %s", error)
        reader.close()

    def _unsettled(self, wave: str) -> bool:
        """Whether one that was looked at is to be looked at again."""
        one = self._kept.load(wave)
        if one is None or one.state == "begun":
            return True
        known = self._machines.get(f"{one.site}/{one.node}", FactsPart())
        return one.state == "not examined" and one.facts != known

    def _examine(self, waves: list[str]) -> tuple[list[str], bool]:
        """Have these examined; gives those that are to be begun again, and whether the process came to its end."""
        said = msgspec.json.encode(self._machines).decode()
        code = in_a_child("babbitt.examination", (str(self._folder), said, *waves), self._stop, self._began)
        if code and not self._stop.is_set():
            log.error("the examination of waveforms ended with code %d and is begun again", code)
            self._stop.wait(PAUSE_S)
        return self._counted(waves), code == 0

    def _began(self, pid: int | None) -> None:
        self.pid = pid

    def _counted(self, waves: list[str]) -> list[str]:
        again = []
        for wave in waves:
            one = self._kept.load(wave)
            if one is None:
                continue  # gone, or not begun: it is missing still
            if one.state == "begun":
                again.append(wave)
            else:
                self.done += 1
                self.failed += one.state == "failed"
        return again
