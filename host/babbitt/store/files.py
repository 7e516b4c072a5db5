"""Files beside the database that are replaced as a whole."""

from __future__ import annotations

import os
from pathlib import Path


def write_whole(path: Path, raw: bytes) -> None:
    """Write under another name, flush and rename: a reader, and who comes after a power cut, sees the old or the new. Raises
    OSError."""
    new = path.with_name(path.name + ".new")
    with new.open("wb") as file:
        file.write(raw)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)
