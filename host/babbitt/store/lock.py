"""One host a store: a lock that the system gives back when the process ends, however it ends."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import IO

from babbitt.errors import StoreError

FILE = "host.lock"
KEEPER = "keeper.lock"
BACKUP = "backup.lock"
ANALYSIS = "analysis.lock"


class StoreLock:
    """Held from its making to `close`.

    The folder is made if it is not there. Raises StoreError if another process holds its lock, or if it cannot
    be made or written.
    """

    def __init__(self, folder: Path, name: str = FILE) -> None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._file: IO[bytes] = (folder / name).open("a+b")
        except OSError as error:
            raise StoreError(f"the store in {folder} cannot be opened: {error.strerror}") from error
        try:
            _lock(self._file)
        except OSError as error:
            self._file.close()
            what = {FILE: "host", KEEPER: "keeper", BACKUP: "backup", ANALYSIS: "analysis"}[name]
            raise StoreError(
                f"another {what} works on the store in {folder}: end it first, or give this one another --store"
            ) from error

    def close(self) -> None:
        """Let the next one have it."""
        self._file.close()


def held(folder: Path, name: str) -> bool:
    """Whether another process holds a lock of the store."""
    try:
        StoreLock(folder, name).close()
    except StoreError:
        return True
    return False


if sys.platform == "win32":
    import msvcrt

    def _lock(file: IO[bytes]) -> None:
        file.seek(0)
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def _lock(file: IO[bytes]) -> None:
        fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
