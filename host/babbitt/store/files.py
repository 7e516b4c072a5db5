"""Files beside the database that are replaced as a whole."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

UNFINISHED = ".new"
"""What the name of a file ends with while it is written; after a power cut one may be left over."""


@contextmanager
def appearing(path: Path) -> Iterator[Path]:
    """Write a file under another name, which this gives; afterwards it is flushed and renamed. A reader, and who comes after a power
    cut, sees the old one or the new one whole; it is on disk when this ends. After an error nothing is left. Raises OSError.
    """
    new = path.with_name(path.name + UNFINISHED)
    try:
        yield new
        _sync(new)
        new.replace(path)
        _sync(path.parent)
    except BaseException:
        with suppress(OSError):
            new.unlink()
        raise


def write_whole(path: Path, raw: bytes) -> None:
    """Write bytes as `appearing` has it. Raises OSError."""
    with appearing(path) as new:
        new.write_bytes(raw)


def _sync(path: Path) -> None:
    """Have a file, or the names in a folder, on disk."""
    if os.name == "nt" and path.is_dir():  # there a folder cannot be opened
        return
    handle = os.open(path, os.O_RDWR if os.name == "nt" else os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
