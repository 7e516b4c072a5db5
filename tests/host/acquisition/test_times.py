"""The times of records without a clock stay within what a calendar can say, whatever a node claims."""

from __future__ import annotations

import json
import time
from pathlib import Path

from nodesim import birth, data, row

from babbitt.acquisition.batch import Batch
from babbitt.acquisition.ingest import Ingest
from babbitt.protocol.limits import T_MAX, U_MAX
from babbitt.store import log
from babbitt.store.reader import StoreReader
from babbitt.store.times import retimed
from babbitt.store.writer import StoreWriter

NOW = int(time.time() * 1000)


class Nobody:
    """A source from which nothing comes."""

    def take(self, timeout_s: float) -> Batch | None:
        return None

    def ack(self, batch: Batch) -> None:
        raise AssertionError("there was nothing")


def stored_times(folder: Path, *payloads: tuple[str, object]) -> list[int]:
    """What the host made of the times of all records, in the order of their seqs."""
    writer = StoreWriter(folder)
    ingest = Ingest(writer, Nobody(), lambda *_: None)
    for kind, payload in payloads:
        ingest.store([(f"babbitt/1/hall/n1/{kind}".encode(), json.dumps(payload).encode(), 0)])
    rows = []
    for (body,) in writer.conn.execute("SELECT body FROM log").fetchall():
        for section in log.decode(body):
            rows += [
                (int(one["boot"]), int(one["seq"]), int(one["t"])) for one in retimed(writer.conn, section)
            ]
    writer.close()
    return [t for _, _, t in sorted(rows)]


def test_an_age_of_ages_after_a_clock_reading(tmp_path: Path) -> None:
    told = stored_times(
        tmp_path,
        ("birth", birth()),
        ("data", data(0, [row(0, NOW)])),
        ("data", data(1, [[U_MAX, None, 0, 1, 2, 3]])),
    )
    assert told == [NOW, T_MAX]
    reader = StoreReader(tmp_path)
    assert reader.nodes()[0].last_t == T_MAX
    reader.close()


def test_an_age_of_ages_before_a_clock_reading(tmp_path: Path) -> None:
    told = stored_times(
        tmp_path,
        ("birth", birth()),
        ("data", data(0, [row(0, None)])),
        ("data", data(1, [[U_MAX, None, 0, 1, 2, 3]])),
        ("data", data(2, [row(2, NOW)])),  # fills in the times of the two before it
    )
    assert told == [NOW - 2000, T_MAX, NOW]
