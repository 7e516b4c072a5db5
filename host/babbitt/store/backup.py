"""A copy of a store while it is in use, and a store from such a copy.

The order matters. A record goes from the log in babbitt.sqlite3 to history.sqlite3 and its files; the host deletes
what has passed. So the host is asked to delete nothing meanwhile (by a lock, which ends with us), then the history
is copied, then the store: whatever went over in between is in the copy of the log too, and behind the position of
the copied history, from which a keeper goes on. Parquet files, waveforms and models never change once they are there, or are
replaced as a whole; they are linked where the file system can, else copied.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from babbitt.errors import BackupError, StoreError
from babbitt.store import schema
from babbitt.store.keeper import base
from babbitt.store.lock import BACKUP, StoreLock
from babbitt.store.writer import StoreWriter

MANIFEST = "manifest.json"
FORMAT = 1
SETTLE_S = 1.0
"""So long after the lock the last deletion of the host is over."""
WAVES, MODELS = "waves", "models"
IN_USE = "current"
"""The file of a model that says which version is in use; it is written after that."""

Progress = Callable[[str, int, int], None]


def _quiet(what: str, done: int, of: int) -> None:
    """No progress is wanted."""


@dataclass(frozen=True, slots=True)
class Backup:
    """What was made: where, how many files, bytes in all."""

    path: Path
    files: int
    bytes: int


def backup(store: Path, target: Path, progress: Progress = _quiet) -> Backup:
    """Copy the store into a new folder in ``target``. Raises BackupError, StoreError, StoreMissing."""
    schema.open_for_reading(store).close()
    name = f"babbitt-{datetime.now():%Y%m%d-%H%M%S}"
    final, partial = target / name, target / (name + ".partial")
    if final.exists():
        raise BackupError(f"{final} is there already: wait a second, or choose another folder")
    try:
        partial.mkdir(parents=True)
        lock = StoreLock(store, BACKUP)
    except OSError as error:
        raise BackupError(f"{target} cannot be written: {error.strerror}") from error
    try:
        time.sleep(SETTLE_S)
        with _named(target):
            if (store / base.FILE).is_file():
                _copy_database(store / base.FILE, partial / base.FILE, progress)
            _copy_database(store / schema.FILE, partial / schema.FILE, progress)
            for used in (store / MODELS).glob(f"*/{IN_USE}"):  # first: the version it names is there already
                _link(used, partial / used.relative_to(store))
            names = _history(partial) + _below(store, WAVES) + _below(store, MODELS)
            for n, one in enumerate(names):
                _link(store / one, partial / one)
                progress("files", n + 1, len(names))
            found = _write_manifest(partial)
            partial.rename(final)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    finally:
        lock.close()
    return Backup(final, len(found), sum(int(one["bytes"]) for one in found))


def restore(source: Path, store: Path, progress: Progress = _quiet) -> Backup:
    """Make a store of a backup. ``store`` must not be there, or be an empty folder. Raises BackupError."""
    listed = verify(source, progress)
    if store.exists() and any(store.iterdir()):
        raise BackupError(f"{store} is not empty: a backup is restored into a new folder only")
    partial = store.with_name(store.name + ".partial")
    with _named(store.parent):
        shutil.rmtree(partial, ignore_errors=True)
        for n, one in enumerate(listed):
            into = partial / one["name"]
            into.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source / one["name"], into)
            progress("restoring", n + 1, len(listed))
        if store.exists():
            store.rmdir()
        partial.rename(store)
    writer = StoreWriter(store)
    with writer.transaction():
        writer.audit(int(time.time() * 1000), "restore", "restored", source=source.name)
    writer.close()
    return Backup(store, len(listed), sum(int(one["bytes"]) for one in listed))


def verify(source: Path, progress: Progress = _quiet) -> list[dict[str, Any]]:
    """Compare a backup with its manifest; gives its files. Raises BackupError that names the first that is wrong."""
    try:
        said = json.loads((source / MANIFEST).read_text("utf-8"))
        listed: list[dict[str, Any]] = said["files"]
        if said["format"] != FORMAT:
            raise BackupError(f"{source} has format {said['format']}, this program knows {FORMAT}")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BackupError(f"{source} is no backup: its {MANIFEST} cannot be read: {error}") from error
    for n, one in enumerate(listed):
        path = source / one["name"]
        if not path.resolve().is_relative_to(source.resolve()):
            raise BackupError(f"{source / MANIFEST} names a file outside of the backup: {one['name']}")
        if not path.is_file() or path.stat().st_size != one["bytes"] or _digest(path) != one["sha256"]:
            raise BackupError(f"{path} is missing or not what it was: this backup cannot be used")
        progress("checking", n + 1, len(listed))
    return listed


def _copy_database(source: Path, target: Path, progress: Progress) -> None:
    try:
        with (
            _closing(sqlite3.connect(f"{source.absolute().as_uri()}?mode=ro", uri=True, timeout=30)) as one,
            _closing(sqlite3.connect(target)) as other,
        ):
            # Everything in one step: a step at a time begins again whenever the host has written.
            one.backup(other, pages=-1)
            progress(source.name, 1, 1)
    except sqlite3.Error as error:
        raise StoreError(f"{source} cannot be copied: {error}") from error


@contextmanager
def _closing(conn: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    try:
        yield conn
    finally:
        conn.close()


def _history(copy: Path) -> list[str]:
    if not (copy / base.FILE).is_file():
        return []
    with _closing(sqlite3.connect(copy / base.FILE)) as conn:
        conn.execute("DELETE FROM files WHERE gone IS NOT NULL")
        conn.commit()
        return [name for (name,) in conn.execute("SELECT name FROM files ORDER BY name")]


def _below(store: Path, folder: str) -> list[str]:
    """The whole files in a folder of the store."""
    there = store / folder
    files = there.rglob("*") if there.is_dir() else ()
    return sorted(
        p.relative_to(store).as_posix()
        for p in files
        if p.is_file() and p.suffix not in (".tmp", ".new") and p.name != IN_USE
    )


def _link(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(source, target)
    except FileNotFoundError:
        if source.parts[-3:-2] == (base.FOLDER,):
            raise StoreError(
                f"{source} of the history is not there: `babbitt store verify` tells what is lost"
            ) from None
    except OSError:
        shutil.copyfile(source, target)


def _write_manifest(folder: Path) -> list[dict[str, Any]]:
    found = [
        {"name": path.relative_to(folder).as_posix(), "bytes": path.stat().st_size, "sha256": _digest(path)}
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    ]
    text = json.dumps({"format": FORMAT, "made": int(time.time() * 1000), "files": found}, indent=1)
    (folder / MANIFEST).write_text(text, "utf-8")
    return found


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def _named(folder: Path) -> Iterator[None]:
    """An error of the disk as one that names the folder."""
    try:
        yield
    except OSError as error:
        raise BackupError(f"{folder} cannot be written or read: {error.strerror or error}") from error
