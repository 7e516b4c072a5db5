"""Recordings as worlds of a virtual board, by name.

open_recording(data_dir, "pronostia/Bearing1_1")
open_recording(data_dir, "cold_storage/freezer_1", start="2021-10-10", end="2021-10-20")
open_recording(data_dir, "nab/ambient_temperature_system_failure")
"""

from __future__ import annotations

from pathlib import Path

from babbitt_tools.errors import RecordingError
from babbitt_tools.replay.nab import nab
from babbitt_tools.replay.pronostia import pronostia
from babbitt_tools.replay.recording import Recording, TruthEvent
from babbitt_tools.replay.warehouse import cold_storage

__all__ = ["Recording", "TruthEvent", "cold_storage", "nab", "open_recording", "pronostia"]

SETS = ("pronostia", "cold_storage", "nab")


def open_recording(
    data_dir: Path, name: str, start: str | None = None, end: str | None = None, limit_c: float | None = None
) -> Recording:
    """The recording `<set>/<name>`; `start`, `end` cut a piece out of `cold_storage`, `limit_c` is its limit.

    Raises:
        RecordingError: no such set or recording, no folder of recordings, or a cut where none can be made.
    """
    if not Path(data_dir).is_dir():
        raise RecordingError(f"no folder of recordings {data_dir}; set BABBITT_DATA or give --data")
    kind, _, rest = name.partition("/")
    if kind not in SETS or not rest:
        raise RecordingError(
            f"no recording {name!r}; write it as one of {', '.join(f'{s}/NAME' for s in SETS)}"
        )
    if kind == "cold_storage":
        return cold_storage(data_dir, rest, start, end, limit_c)
    if start is not None or end is not None or limit_c is not None:
        raise RecordingError(
            f"{name} is played whole and as it is; start, end and limit go with cold_storage"
        )
    return pronostia(data_dir, rest) if kind == "pronostia" else nab(data_dir, rest)
