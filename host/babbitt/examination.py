"""Waveforms examined in a process of its own: ``python -m babbitt.examination FOLDER MACHINES WAVE...``, MACHINES as JSON.

One after the other; it ends when they are done, or at once when its standard input closes. It may be killed at any moment: what was
begun is begun again by the host's examiner (``babbitt.examiner``), and an event is told once.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import msgspec

from babbitt.errors import BabbittError, StoreError, UnknownWave
from babbitt.health.examined import begun, examined
from babbitt.protocol.cause import Examined
from babbitt.settings import FactsPart
from babbitt.store.child import give_way
from babbitt.store.diagnoses import DiagnosisShelf
from babbitt.store.reader import StoreReader
from babbitt.store.waves import WaveShelf
from babbitt.store.writer import StoreWriter

NICE = 15
TRIES = 3
"""So often an examination is begun whose process ended without a word: a power cut, too little memory."""

log = logging.getLogger("babbitt.examination")


class Examination:
    """Examines waveforms of the store in ``folder``."""

    def __init__(self, folder: Path, machines: dict[str, FactsPart]) -> None:
        self._machines = machines
        self._writer = StoreWriter(folder)
        self._reader = StoreReader(folder)
        self._waves = WaveShelf(folder)
        self._kept = DiagnosisShelf(folder)

    def close(self) -> None:
        """Close the store."""
        self._reader.close()
        self._writer.close()

    def examine(self, wave: str) -> None:
        """Examine one waveform and keep and tell what it told; whatever goes wrong is kept and told. Raises StoreError if nothing
        can be written."""
        try:
            view = self._waves.view(wave)
            if view.id != wave:
                raise StoreError(f"the file of {wave} says that it is {view.id}")
        except UnknownWave:
            return  # it was too old meanwhile
        except StoreError as error:
            self._damaged(wave, str(error))
            return
        facts = self._machines.get(f"{view.site}/{view.node}", FactsPart())
        last = self._kept.load(wave)
        tries = last.tries + 1 if last is not None and last.state == "begun" else 1
        one = begun(view, facts, int(time.time() * 1000), tries)
        if tries > TRIES:
            why = f"its process ended {TRIES} times without a word: see the host's log, and whether memory is enough"
            one = replace(one, state="failed", text=why)
        else:
            self._kept.save(one)
            try:
                one = examined(self._reader, one)
            except UnknownWave:
                return
            except BabbittError as error:
                one = replace(one, state="failed", text=str(error))
            except Exception as error:
                log.exception("%s could not be examined", wave)
                one = replace(
                    one, state="failed", text=f"a defect of the program ({type(error).__name__}: {error})"
                )
        self._tell(one)
        self._kept.save(one)

    def _damaged(self, wave: str, why: str) -> None:
        """One of which not even is known what it is."""
        site, node, _ = wave.split("/")
        now = int(time.time() * 1000)
        one = Examined(wave, site, node, "", None, now, "", "", now, "failed", text=why)
        self._tell(one)
        self._kept.save(one)

    def _tell(self, one: Examined) -> None:
        """An event of a cause that is not the last one named by that sensor, and of a failure. Before it is kept: after a
        crash between the two it is told again, which is once."""
        with self._writer.transaction():
            node = self._writer.node(one.site, one.node)
            if one.state == "failed":
                text = f"Waveform {one.wave} could not be examined: {one.text}"
                self._writer.host_event(node, one.received, "examination", "", "failed", 1, text, once=True)
            elif one.state == "named":
                last = self._last(one)
                if not set(one.named) <= set(last):
                    text = f"Cause, by waveform {one.wave} of {one.sensor}: {one.words}. {one.evidence}"
                    self._writer.host_event(
                        node, one.received, "cause", ", ".join(last), one.words, 1, text, once=True
                    )

    def _last(self, one: Examined) -> tuple[str, ...]:
        """The causes that an older waveform of the sensor named last."""
        for other in self._kept.newest(one.site, one.node, limit=-1, after=one.wave):
            if other.sensor == one.sensor and other.state == "named":
                return other.named
        return ()


def main() -> None:
    """Examine the waveforms that are named, until the parent goes."""
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s examination: %(message)s")
    give_way(NICE)
    threading.Thread(target=_listen, daemon=True).start()
    examination = Examination(Path(sys.argv[1]), msgspec.json.decode(sys.argv[2], type=dict[str, FactsPart]))
    for wave in sys.argv[3:]:
        examination.examine(wave)
    examination.close()
    os._exit(0)  # all is on the disk, and the thread that listens never ends


def _listen() -> None:
    while os.read(0, 1024):  # not of sys.stdin, whose lock this thread would hold when the process ends
        pass
    os._exit(0)


if __name__ == "__main__":
    main()
