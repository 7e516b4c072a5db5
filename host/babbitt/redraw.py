"""One drawing of what a waveform told: ``python -m babbitt.redraw FOLDER WAVE`` writes it (SVG) to its standard output."""

from __future__ import annotations

import sys

from babbitt.errors import BabbittError, UnknownWave
from babbitt.health.examined import redrawn
from babbitt.store.child import give_way
from babbitt.store.diagnoses import DiagnosisShelf
from babbitt.store.reader import StoreReader

NICE = 5


def main() -> None:
    """Write the drawing; what cannot be drawn is said in one line on the standard error, with exit status 1."""
    give_way(NICE)
    folder, wave = sys.argv[1:3]
    reader = StoreReader(folder)
    try:
        one = DiagnosisShelf(folder).load(wave)
        if one is None:
            raise UnknownWave(f"{wave} was not examined")
        sys.stdout.write(redrawn(reader, one))
    except BabbittError as error:
        print(error, file=sys.stderr)
        sys.exit(1)
    finally:
        reader.close()


if __name__ == "__main__":
    main()
