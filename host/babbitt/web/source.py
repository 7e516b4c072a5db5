"""The page's only way to data: a store reader that is opened when it can be and reopened when it fails.

Reads run in threads of their own, off the event loop: a quick lane for the looks of every second and a slow
one for charts, so that one viewer's years of records do not hold up the others. However many viewers there
are, at most two reads run at a time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar, cast

from babbitt.errors import BabbittError, StoreError, StoreMissing
from babbitt.store.reader import StoreReader
from babbitt.web.words import sentence

T = TypeVar("T")

QUICK_S = 5.0
SLOW_S = 60.0
"""Seconds to wait for a look and for charts before the store counts as not answering."""


class PageError(BabbittError):
    """The page cannot be served: its address is taken, or the server did not start."""


@dataclass(frozen=True, slots=True)
class Unavailable:
    """Why the store cannot be read now, in a sentence for the viewer."""

    reason: str


class _Lane:
    """One thread with one reader; the reader lives and dies in that thread."""

    def __init__(self, path: Path, patience_s: float) -> None:
        self.path = path
        self.patience_s = patience_s
        self._reader: StoreReader | None = None
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="babbitt-page-read")
        self._late: asyncio.Future[object] | None = None

    async def read(self, query: Callable[[StoreReader], T]) -> T | Unavailable:
        late = Unavailable(f"The store in {self.path} does not answer: another program may have locked it.")
        if self._late is not None and not self._late.done():
            return late
        work = asyncio.get_running_loop().run_in_executor(self._thread, self._query, query)
        await asyncio.wait({work}, timeout=self.patience_s)
        if work.done():
            return work.result()
        self._late = cast("asyncio.Future[object]", work)
        return late

    def close(self) -> None:
        self._thread.submit(self._drop)
        self._thread.shutdown(wait=True)

    def _query(self, query: Callable[[StoreReader], T]) -> T | Unavailable:
        try:
            if self._reader is None:
                self._reader = StoreReader(self.path)
            return query(self._reader)
        except StoreMissing:
            self._drop()
            return Unavailable(
                f"There is no store in {self.path} yet: start `babbitt host`, or `babbitt demo` for a look."
            )
        except StoreError as error:
            self._drop()
            return Unavailable(f"{sentence(str(error))}.")

    def _drop(self) -> None:
        reader, self._reader = self._reader, None
        if reader is not None:
            reader.close()


class StoreSource:
    """Reads the store in the folder ``path``; one that is missing or locked is an answer, not an error."""

    def __init__(self, path: Path, quick_s: float = QUICK_S, slow_s: float = SLOW_S) -> None:
        self.path = path
        self._quick = _Lane(path, quick_s)
        self._slow = _Lane(path, slow_s)

    async def read(self, query: Callable[[StoreReader], T], *, slow: bool = False) -> T | Unavailable:
        """Run ``query`` with the reader in a thread; ``slow`` for what may take more than a moment.

        Gives Unavailable where the store cannot be read or does not answer in time. Raises UnknownNode and
        UnknownChannel as the query does.
        """
        return await (self._slow if slow else self._quick).read(query)

    def close(self) -> None:
        """Wait for reads under way, then close the readers."""
        self._quick.close()
        self._slow.close()
