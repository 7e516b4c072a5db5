"""Whether a store is whole: its databases, every blob of its logs, every file of its history and of
its waveforms, and its account."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from babbitt.errors import StoreError, UnknownWave
from babbitt.store import log, schema
from babbitt.store.keeper import base
from babbitt.store.reader import StoreReader
from babbitt.store.waves import WaveShelf


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that is wrong: where, what, and what to do about it."""

    where: str
    what: str
    do: str


def check(
    folder: Path, progress: Callable[[str, int, int], None] = lambda what, done, of: None
) -> list[Fault]:
    """All faults that are found. Raises StoreMissing, StoreVersionError, StoreError if it cannot even be opened."""
    reader = StoreReader(folder)
    faults: list[Fault] = []
    try:
        for name, tables in ((schema.FILE, ("log",)), (base.FILE, ("recent", "held"))):
            if (folder / name).is_file():
                faults += _database(folder / name, tables)
                progress(name, 1, 1)
        faults += _files(folder, progress)
        faults += _waves(folder, progress)
        proof = reader.prove(lambda done, of: progress("account", done, of))
        faults += [
            Fault(
                "the account",
                said,
                "records that are not there are asked for if a node still has them; see the ledger",
            )
            for said in proof.errors
            if "history file" not in said
        ]
    except StoreError as error:
        faults.append(Fault(str(folder), str(error), _RESTORE))
    finally:
        reader.close()
    return faults


_RESTORE = (
    "end the host, restore the newest backup into a new folder (`babbitt restore`), and start the host on it"
)


def _database(path: Path, tables: tuple[str, ...]) -> Iterator[Fault]:
    conn = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=30)
    try:
        for (said,) in conn.execute("PRAGMA quick_check(20)"):
            if said != "ok":
                yield Fault(path.name, said, _RESTORE)
        for table in tables:
            bad = []
            for key, body in conn.execute(f"SELECT id, body FROM {table}"):
                try:
                    log.decode(body)
                except (StoreError, ValueError) as error:
                    bad.append(f"row {key}: {error}")
            if bad:
                yield Fault(f"{path.name}, table {table}", "; ".join(bad[:5]), _RESTORE)
    except sqlite3.Error as error:
        yield Fault(path.name, str(error), _RESTORE)
    finally:
        conn.close()


def _waves(folder: Path, progress: Callable[[str, int, int], None]) -> Iterator[Fault]:
    shelf = WaveShelf(folder)
    names = sorted(shelf.names())
    for n, name in enumerate(names):
        try:
            shelf.load(name)
        except UnknownWave:  # it was too old just now
            pass
        except StoreError as error:
            yield Fault(f"the waveform {name}", str(error), "delete the file, or put it back from a backup")
        progress("waveforms", n + 1, len(names))


def _files(folder: Path, progress: Callable[[str, int, int], None]) -> Iterator[Fault]:
    conn = base.open_for_reading(folder)
    if conn is None:
        return
    from babbitt.store.keeper import files

    try:
        listed = conn.execute("SELECT name, records FROM files WHERE gone IS NULL ORDER BY name").fetchall()
    finally:
        conn.close()
    do = f"put it back from a backup; or move it away and accept the loss: {_RESTORE}"
    for n, (name, records) in enumerate(listed):
        try:
            found = len(files.read(folder / name, ["k", "raw", "t"], [("k", "==", 0)]))
            if found != records:
                yield Fault(name, f"{found} records, the catalogue has {records}", do)
        except FileNotFoundError:
            yield Fault(name, "the catalogue has it, the folder has not", do)
        except StoreError as error:
            yield Fault(name, str(error), do)
        progress("history", n + 1, len(listed))
