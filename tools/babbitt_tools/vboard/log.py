"""What a board prints, kept in a file that does not grow for ever."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import BinaryIO

LIMIT = 1 << 20  # bytes; then the older half goes


class BoundedLog:
    """A text file of at most about `LIMIT` bytes. Thread-safe."""

    def __init__(self, path: Path, limit: int = LIMIT) -> None:
        self.path = path
        self._limit = limit
        self._lock = threading.Lock()
        path.touch()

    def follow(self, stream: BinaryIO, name: str) -> threading.Thread:
        """Append what comes from `stream` until it ends, in a thread of its own; closes it."""
        thread = threading.Thread(target=self._follow, args=(stream,), name=f"log-{name}", daemon=True)
        thread.start()
        return thread

    def append(self, data: bytes) -> None:
        """Append; when the file is full its older half goes, at the end of a line."""
        with self._lock:
            with self.path.open("ab") as file:
                file.write(data)
                full = file.tell() > self._limit
            if full:
                kept = self.path.read_bytes()[-self._limit // 2 :]
                self.path.write_bytes(kept[kept.find(b"\n") + 1 :])

    def tail(self, lines: int) -> str:
        """The last lines."""
        with self._lock, self.path.open("rb") as file:
            file.seek(max(0, self.path.stat().st_size - 400 * lines))
            text = file.read().decode("utf-8", "replace")
        return "\n".join(text.splitlines()[-lines:])

    def _follow(self, stream: BinaryIO) -> None:
        with stream:
            while data := stream.read1(4096):  # type: ignore[attr-defined]
                self.append(data)
