"""The settings, the store and the disk, and whether the host runs."""

from __future__ import annotations

import os
import shutil
import socket
import sqlite3
import tempfile
from collections.abc import Iterator
from pathlib import Path

from babbitt.acquisition.address import split_address
from babbitt.doctor.finding import Finding, finding
from babbitt.errors import BrokerError, StoreError, StoreMissing, StoreVersionError
from babbitt.service import DISK_LOW
from babbitt.settings import HostPart
from babbitt.store import schema
from babbitt.store.keeper import base
from babbitt.store.lock import FILE as HOST_LOCK
from babbitt.store.lock import held
from babbitt.store.reader import StoreReader
from babbitt.store.views import HostView


def store(folder: Path) -> Iterator[Finding]:
    """The store in a folder: there, ours, whole, writable, with room."""
    if folder.is_dir() and not os.access(
        folder, os.R_OK | os.X_OK, effective_ids=os.access in os.supports_effective_ids
    ):
        yield finding("store-unreadable", str(folder), "Permission denied")
        return
    try:
        StoreReader(folder).close()
    except StoreMissing as error:
        yield finding("store-missing", str(folder), str(error))
    except StoreVersionError as error:
        yield finding("store-version", str(folder), str(error))
    except StoreError as error:
        yield finding("store-damaged", str(folder), str(error))
    else:
        yield from _damage(folder)
    yield from _room(folder)


def _damage(folder: Path) -> Iterator[Finding]:
    for name in (schema.FILE, base.FILE):
        if not (folder / name).is_file():
            continue
        conn = sqlite3.connect(f"{(folder / name).absolute().as_uri()}?mode=ro", uri=True, timeout=5)
        try:
            said = [row[0] for row in conn.execute("PRAGMA quick_check(3)")]
        except sqlite3.Error as error:
            said = [str(error)]
        finally:
            conn.close()
        if said != ["ok"]:
            yield finding("store-damaged", name, "; ".join(said))


def _room(folder: Path) -> Iterator[Finding]:
    there = next((one for one in (folder, *folder.absolute().parents) if one.is_dir()), None)
    if there is None:
        return
    try:
        with tempfile.TemporaryFile(dir=there) as file:
            file.write(b"x")
    except OSError as error:
        yield finding("store-unwritable", str(there), f"no file can be written there: {error.strerror}")
        return
    free = shutil.disk_usage(there).free
    if free < 4 * DISK_LOW:
        yield finding("disk-low", str(there), f"only {free // 2**20} MB are left")


def runs(folder: Path) -> bool:
    """Whether a host works on the store now."""
    if not os.access(folder, os.X_OK):
        return False
    return folder.is_dir() and (folder / HOST_LOCK).exists() and held(folder, HOST_LOCK)


def last(folder: Path) -> HostView | None:
    """Where the host that works on the store has its broker; None if that cannot be told."""
    try:
        reader = StoreReader(folder)
        try:
            return reader.host()
        finally:
            reader.close()
    except StoreError:
        return None


def host(folder: Path, settings: HostPart) -> Iterator[Finding]:
    """Whether the host runs, or could, and whether nodes can reach it."""
    own, listen = not settings.broker, settings.listen
    if runs(folder):
        if (now := last(folder)) is not None:
            own, listen = now.own, now.listen
    else:
        yield finding("host-not-running", str(folder), "no host works on this store")
        for part, address in (
            ("the host's own broker", settings.listen if own else ""),
            ("the page", f"{settings.web_host}:{settings.web_port}" if settings.web else ""),
        ):
            if address and (why := _taken(address)):
                yield finding("port-taken", address, f"{part} cannot listen there: {why}")
    if own and listen.startswith(("127.", "localhost", "::1", "[::1]")):
        yield finding("listens-only-here", listen, "the host's own broker lets only this PC in")


def _taken(address: str) -> str:
    try:
        where = split_address(address)
        with socket.socket(socket.AF_INET6 if ":" in where[0] else socket.AF_INET, socket.SOCK_STREAM) as one:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            one.bind(where)
    except BrokerError as error:
        return str(error)
    except OSError as error:
        return error.strerror or str(error)
    return ""
