"""A backup is made while the host goes on, and a store of it is whole; a damaged one is not used; faults are found."""

from __future__ import annotations

import json
import sqlite3
import threading
from pathlib import Path

import pytest
from feeding import T0, Feed, birth, rows

from babbitt.errors import BackupError, StoreMissing
from babbitt.store.backup import MANIFEST, backup, restore
from babbitt.store.check import check
from babbitt.store.keeper import base
from babbitt.store.keeper.keeper import Keeper, Limits
from babbitt.store.lock import BACKUP, held
from babbitt.store.reader import StoreReader
from babbitt.store.schema import FILE


def keep(folder: Path, records: int = 100) -> None:
    """Let the keeper write small files."""
    keeper = Keeper(folder, Limits(records=records, files=4), clock=lambda: T0 / 1000)
    keeper.run_until_idle()
    keeper.close()


def filled(feed: Feed, count: int = 1000) -> None:
    feed.put(("birth", birth()))
    for first in range(0, count, 25):
        feed.put(("data", rows(first, [[n, -n] for n in range(25)])))


def test_a_backup_while_records_come_in_is_whole(feed: Feed, tmp_path: Path) -> None:
    filled(feed)
    keep(feed.folder)
    going = threading.Event()

    def go_on() -> None:
        first = 1000
        while not going.is_set():
            feed.put(("data", rows(first, [[n, -n] for n in range(25)])))
            first += 25
            if first % 500 == 0:
                keep(feed.folder)
            if not held(feed.folder, BACKUP):
                with feed.writer.transaction():
                    feed.writer.trim(min(feed.reader.keeper_position(), feed.ingest._applier.accounted))

    thread = threading.Thread(target=go_on)
    thread.start()
    try:
        made = backup(feed.folder, tmp_path / "copies")
    finally:
        going.set()
        thread.join()
    again = restore(made.path, tmp_path / "new")
    assert check(again.path) == []
    reader = StoreReader(again.path)
    found = [record.seq for record in reader.records("hall", "pump-7")]
    assert found == list(range(len(found)))
    assert len(found) >= 1000
    reader.close()
    # What the nodes send again and what is new is taken by the restored store, once each.
    other = Feed(again.path)
    other.put(("birth", birth()), ("data", rows(len(found) - 5, [[7, 7]] * 10)))
    keep(other.folder)
    assert [r.seq for r in other.reader.records("hall", "pump-7")] == list(range(len(found) + 5))
    assert other.reader.prove().sound
    assert other.writer.conn.execute("SELECT who, what FROM audit").fetchall() == [("restore", "restored")]
    other.close()


def test_models_are_copied_with_the_one_in_use_and_half_a_file_is_not(feed: Feed, tmp_path: Path) -> None:
    filled(feed, 25)
    place = feed.folder / "models" / "fleet"
    place.mkdir(parents=True)
    for name in ("1.json", "1.skops", "current", "2.skops.new"):
        (place / name).write_text(name)
    (place.parent / "foretold.json").write_text("{}")
    again = restore(backup(feed.folder, tmp_path / "copies").path, tmp_path / "new").path / "models"
    found = sorted(p.relative_to(again).as_posix() for p in again.rglob("*") if p.is_file())
    assert found == ["fleet/1.json", "fleet/1.skops", "fleet/current", "foretold.json"]
    assert (again / "fleet" / "current").read_text() == "current"


def test_a_damaged_backup_is_not_used_and_says_why(feed: Feed, tmp_path: Path) -> None:
    filled(feed)
    keep(feed.folder)
    made = backup(feed.folder, tmp_path / "copies").path
    with pytest.raises(BackupError, match="not empty"):
        restore(made, feed.folder)
    victim = made / FILE
    victim.write_bytes(victim.read_bytes()[:-1])
    with pytest.raises(BackupError, match=f"{FILE} is missing or not what it was"):
        restore(made, tmp_path / "new")
    assert not (tmp_path / "new").exists()
    said = json.loads((made / MANIFEST).read_text())
    said["files"][0]["name"] = "../../outside"
    (made / MANIFEST).write_text(json.dumps(said))
    with pytest.raises(BackupError, match="outside of the backup"):
        restore(made, tmp_path / "new")
    with pytest.raises(BackupError, match="is no backup"):
        restore(tmp_path, tmp_path / "new")
    with pytest.raises(StoreMissing):
        backup(tmp_path / "nowhere", tmp_path / "copies")


def test_faults_of_a_store_are_found_and_named(feed: Feed) -> None:
    filled(feed)
    keep(feed.folder)
    feed.put(("data", rows(1000, [[1, 1]])))
    assert check(feed.folder) == []
    with sqlite3.connect(feed.folder / base.FILE) as conn:
        (name,) = conn.execute("SELECT name FROM files WHERE gone IS NULL ORDER BY id LIMIT 1").fetchone()
    first = feed.folder / name
    whole = first.read_bytes()
    first.write_bytes(whole[: len(whole) // 2])
    fault, account, *_ = check(feed.folder)
    assert (fault.where, "damaged" in fault.what, account.where) == (name, True, "the account")
    first.unlink()
    assert name in {fault.where for fault in check(feed.folder)}
    first.write_bytes(whole)
    with sqlite3.connect(feed.folder / FILE) as conn:
        conn.execute(
            "UPDATE log SET body=CAST(substr(body, 1, 20) AS BLOB) WHERE id=(SELECT max(id) FROM log)"
        )
    assert [fault.where for fault in check(feed.folder)] == [f"{FILE}, table log", "the account"]
    with sqlite3.connect(feed.folder / base.FILE) as conn:
        conn.execute("UPDATE files SET records=records+1 WHERE id=(SELECT max(id) FROM files)")
    assert any("the catalogue has" in fault.what for fault in check(feed.folder))
