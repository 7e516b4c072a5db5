"""The page's only way to data: a store reader that is opened when it can be and reopened when it fails.

Reads run in a few threads of their own, so that a slow disk stalls neither the event loop nor, with
many viewers, the machine.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar, cast

from babbitt.errors import BabbittError, StoreError, StoreMissing
from babbitt.store.reader import StoreReader
from babbitt.web.words import sentence

T = TypeVar("T")
_THREADS = 3


@dataclass(frozen=True, slots=True)
class Unavailable:
    """Why the store cannot be read now, in a sentence for the viewer; ``missing`` if there is none yet."""

    reason: str
    missing: bool = False


class StoreSource:
    """Reads the store at ``path`` off the event loop; a store that is missing or locked is a result,
    not an error.
    """

    def __init__(self, path: Path, patience_s: float = 5.0) -> None:
        self.path = path
        self.patience_s = patience_s
        self._reader: StoreReader | None = None
        self._lock = threading.Lock()
        self._pool = ThreadPoolExecutor(max_workers=_THREADS, thread_name_prefix="babbitt-page-read")
        self._late: set[asyncio.Future[object]] = set()

    async def read(
        self, query: Callable[[StoreReader], T], patience_s: float | None = None
    ) -> T | Unavailable:
        """Run ``query`` with the reader in a thread; Unavailable where the store cannot be read.

        A query that takes longer than ``patience_s`` seconds (None: the source's own) counts as
        unavailable. Raises BabbittError as the query does where it is not about the store as a whole
        (an unknown node).
        """
        patience = self.patience_s if patience_s is None else patience_s
        late = Unavailable(f"The store in {self.path} does not answer: another program may have locked it.")
        if len(self._late) >= _THREADS:
            return late
        work = asyncio.get_running_loop().run_in_executor(self._pool, self.read_now, query)
        await asyncio.wait({work}, timeout=patience)
        if work.done():
            return work.result()
        self._late.add(cast("asyncio.Future[object]", work))
        work.add_done_callback(self._late.discard)
        return late

    def read_now(self, query: Callable[[StoreReader], T]) -> T | Unavailable:
        """As :meth:`read`, in the caller's own thread."""
        try:
            return query(self._open())
        except StoreMissing:
            self._drop()
            return Unavailable(f"There is no store in {self.path} yet.", missing=True)
        except StoreError as error:
            self._drop()
            return Unavailable(sentence(str(error)))

    def close(self) -> None:
        """Wait for reads under way, then close the reader. May be called twice."""
        self._pool.shutdown(wait=True, cancel_futures=True)
        self._drop()

    def _open(self) -> StoreReader:
        with self._lock:
            if self._reader is None:
                self._reader = StoreReader(self.path)
            return self._reader

    def _drop(self) -> None:
        with self._lock:
            reader, self._reader = self._reader, None
        if reader is not None:
            reader.close()


class PageError(BabbittError):
    """The page cannot be served: its address is taken, or the server did not start."""
