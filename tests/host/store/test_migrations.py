"""Stores of every version that was ever released are brought up to date, with all that was in them."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest
from feeding import T0, Feed, birth, rows

from babbitt.errors import StoreVersionError
from babbitt.store import log
from babbitt.store.migrations import MIGRATIONS, VERSION
from babbitt.store.reader import StoreReader
from babbitt.store.schema import FILE
from babbitt.store.writer import StoreWriter


def old_store(folder: Path, version: int) -> None:
    """A store as the program of that version wrote it: six rows, one of them missing, and an event."""
    folder.mkdir()
    said = birth()
    asset = said["asset"] | {"interval": 10, "hold": 0}
    with sqlite3.connect(folder / FILE) as conn:
        for step in MIGRATIONS[: min(version, 2)]:
            assert isinstance(step, str)
            conn.executescript(step)
        conn.execute(f"PRAGMA user_version={version}")
        conn.execute(
            "INSERT INTO nodes (id, site, node, install_id, boot, birth) VALUES (1, 'hall', 'pump-7', 1, 1, ?)",
            (json.dumps(said),),
        )
        conn.execute("INSERT INTO installs VALUES (1, 1, '9f3a01bc', 1, 3, 1, 2, 0)")
        conn.execute("INSERT INTO boots (install_id, boot, received, duplicates) VALUES (1, 1, 6, 2)")
        conn.executemany(
            "INSERT INTO channels VALUES (?, 1, ?, ?, ?)", [(1, "a.x", "g", -6), (2, "b.y", "degC", -3)]
        )
        conn.execute(
            "INSERT INTO tables VALUES (1, 1, 1, 0, ?, ?, ?)",
            tuple(json.dumps(part) for part in (asset, said["channels"], said["checks"])),
        )
        for key, seq in enumerate((0, 1, 2, 4, 5, 6), 1):
            kind, body = (1, None) if seq == 4 else (0, json.dumps([seq, None if seq == 5 else -seq]))
            u, t, recipe = seq * 10_000, T0 + seq * 10_000, None if kind else 3
            conn.execute(
                "INSERT INTO records VALUES (?, 1, 1, ?, ?, ?, ?, 0, NULL, ?, ?)",
                (key, seq, kind, u, t, recipe, body),
            )
        conn.execute(
            "INSERT INTO events (node_id, record_id, origin, t, name, channel, came_from, came_to, sev, value, bound,"
            " unit, exp) VALUES (1, 4, 'node', ?, 'h', 'a.x', 'normal', 'high', 1, 1600000, 1500000, 'g', -6)",
            (T0 + 40_000,),
        )
        conn.execute("INSERT INTO analysers (node_id, cursor, last_t) VALUES (1, 2, ?)", (T0 + 10_000,))
        conn.execute(
            "INSERT INTO rejected (t, topic, reason, head) VALUES (?, 'x', 'nonsense', x'00')", (T0,)
        )
        conn.execute("INSERT INTO meta VALUES ('rejected', '7')")
        conn.execute(
            "INSERT INTO assessments (node_id, t, level, drivers, outlook) VALUES (1, ?, 'alarm', '[]', 'stable')",
            (T0,),
        )
        for number, step in enumerate(MIGRATIONS[2:version], 3):
            step(conn) if callable(step) else conn.executescript(step)
            conn.execute(f"PRAGMA user_version={number}")
    conn.close()


@pytest.mark.parametrize("version", range(1, VERSION))
def test_a_store_of_an_older_version_is_brought_up_to_date_by_the_host_alone(
    tmp_path: Path, version: int
) -> None:
    folder = tmp_path / "store"
    old_store(folder, version)
    with pytest.raises(StoreVersionError, match=f"version {version}, .* brings it up to date"):
        StoreReader(folder)
    feed = Feed(folder)
    (account,) = feed.reader.ledger()
    assert (account.received, account.duplicates, account.missing, account.next) == (6, 2, 1, 7)
    (event,) = feed.reader.events()
    assert (event.check, event.value, event.t) == ("h", 1.6, T0 + 40_000)
    assert [node.last_t for node in feed.reader.nodes()] == [T0 + 60_000]
    assert [one.level for node in feed.reader.nodes() if (one := node.assessment)] == ["alarm"]
    assert (feed.reader.quarantine_total(), len(feed.reader.quarantine())) == (7, 1)
    found = {
        int(one["seq"]): (int(one["t"]) - T0, int(one["recipe"]), log.values(one))
        for (body,) in feed.writer.conn.execute("SELECT body FROM log ORDER BY id")
        for section in log.decode(body)
        for one in section
    }
    assert found == {
        seq: (seq * 10_000, 0 if seq == 4 else 3, [] if seq == 4 else [seq, None if seq == 5 else -seq])
        for seq in (0, 1, 2, 4, 5, 6)
    }
    # What was stored is known as stored, and the gap can still be filled.
    feed.put(("birth", birth()), ("data", rows(2, [[2, -2], [3, -3]])))
    (account,) = feed.reader.ledger()
    assert (account.received, account.duplicates, account.missing) == (7, 3, 0)
    said = feed.writer.conn.execute("SELECT what, detail FROM audit").fetchall()
    assert ("migration", json.dumps({"from": VERSION - 1, "to": VERSION})) in said
    # What came with later versions works on what was there before.
    with feed.writer.transaction():
        feed.writer.acknowledge(event.id, T0 + 90_000, "Ann")
    assert [(one.event, one.t, one.who) for one in feed.reader.acknowledged()] == [(event.id, event.t, "Ann")]
    feed.close()


def test_a_migration_that_fails_leaves_the_store_as_it_was(tmp_path: Path) -> None:
    folder = tmp_path / "store"
    old_store(folder, 2)
    with sqlite3.connect(folder / FILE) as conn:
        conn.execute("UPDATE records SET body='no list' WHERE seq=6")
    conn.close()
    with pytest.raises(Exception, match="JSON"):
        StoreWriter(folder)
    with sqlite3.connect(folder / FILE) as conn:
        assert conn.execute("PRAGMA user_version").fetchone() == (2,)
        assert conn.execute("SELECT count(*) FROM records").fetchone() == (6,)
    conn.close()
