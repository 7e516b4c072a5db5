"""What every store must do, seen through its narrow interface alone: writer, reader, state.

The suite knows no tables and no files. It runs on every store of ``backends.BACKENDS``, before its background work and
after.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from backends import BACKENDS, Backend
from feeding import T0, Pipe, birth, raw, rows

import babbitt
from babbitt.acquisition.ingest import Ingest
from babbitt.errors import StoreError, StoreMissing, UnknownChannel, UnknownNode
from babbitt.protocol.assessment import Assessment, Interval
from babbitt.store.readings import by_install

DAY = 86_400_000
NOW = T0 / 1000 + 86_400


class Store:
    """A store under test, fed by the real ingest; ``reopen`` ends the process that wrote it, as far as one can."""

    def __init__(self, backend: Backend, folder: Path, settle: bool) -> None:
        self.backend, self.folder, self._settle = backend, folder, settle
        self._open()

    def _open(self) -> None:
        self.writer = self.backend.writer(self.folder)
        self.ingest = Ingest(self.writer, Pipe(), lambda *_: None, clock=lambda: NOW)
        self.reader = self.backend.reader(self.folder)

    def put(self, *messages: tuple[str, Any], node: str = "pump-7") -> None:
        """Commit messages as one group."""
        self.ingest.store([raw(kind, body, node) for kind, body in messages])
        if self._settle:
            self.backend.settle(self.folder, NOW)

    def reopen(self) -> None:
        self.close()
        self._open()

    def close(self) -> None:
        self.reader.close()
        self.writer.close()

    def values(
        self, channel: str = "a.x", start: int = 0, end: int = 2 * T0, points: int = 10_000
    ) -> list[tuple[int, float]]:
        t, v = self.reader.series("hall", "pump-7", channel, start, end, points)
        return list(zip((t - T0).tolist(), v.tolist(), strict=True))


@pytest.fixture(
    params=[(name, settle) for name in BACKENDS for settle in (False, True)], ids=lambda p: f"{p[0]}-{p[1]}"
)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    name, settle = request.param
    one = Store(BACKENDS[name], tmp_path / "store", settle)
    yield one
    one.close()


def test_what_is_committed_is_there_after_a_restart(store: Store) -> None:
    store.put(("birth", birth()), ("data", rows(0, [[1000, 5], [None, 6]])))
    store.reopen()
    assert store.values() == [(0, 0.001)]
    assert store.values("b.y") == [(0, 0.005), (10_000, 0.006)]
    assert [record.seq for record in store.reader.records("hall", "pump-7")] == [0, 1]


def test_a_record_is_stored_once_however_often_it_comes(store: Store) -> None:
    store.put(("birth", birth()), ("data", rows(0, [[1, 1]] * 3)), ("data", rows(1, [[1, 1]] * 3)))
    store.reopen()
    store.put(("data", rows(0, [[1, 1]] * 4)))
    (account,) = store.reader.ledger()
    assert (account.received, account.duplicates, account.missing) == (4, 6, 0)
    assert len(store.values()) == 4
    proof = store.reader.prove()
    assert (proof.sound, proof.records) == (True, 4)


def test_late_records_are_found_where_they_belong(store: Store) -> None:
    store.put(("birth", birth()), ("data", rows(4, [[5, 1]] * 2)))
    store.put(("data", rows(0, [[1, 1]] * 4, t=T0 - DAY)))
    store.put(("data", rows(6, [[9, 1]])))
    assert [v for _, v in store.values()] == [1e-6] * 4 + [5e-6] * 2 + [9e-6]
    assert [t for t, _ in store.values(start=T0)] == [40_000, 50_000, 60_000]


def test_a_thinned_series_keeps_least_and_greatest(store: Store) -> None:
    store.put(("birth", birth()))
    for first in range(0, 960, 32):
        store.put(("data", rows(first, [[1000 + n % 7, 1] for n in range(first, first + 32)])))
    store.put(("data", rows(960, [[-5_000, 1], [7_000, 1]])))
    few = store.values(points=40)
    assert len(few) <= 42
    assert (min(v for _, v in few), max(v for _, v in few)) == (-0.005, 0.007)
    assert [t for t, _ in few] == sorted(t for t, _ in few)


def _fail(store: Store) -> None:
    with store.writer.transaction():
        store.writer.host_event(1, T0, "clock", "ok", "bad", 1, "never")
        raise RuntimeError


def test_a_failed_transaction_leaves_nothing(store: Store) -> None:
    store.put(("birth", birth()))
    with pytest.raises(RuntimeError):
        _fail(store)
    assert store.reader.events() == []


def test_events_newest_first_by_place_and_severity(store: Store) -> None:
    store.put(("birth", birth()), ("data", rows(0, [[1, 1]])))
    with store.writer.transaction():
        for n in range(6):
            store.writer.host_event(1, T0 + n % 3, "clock", "ok", str(n), n % 3, "said")
    found = store.reader.events()
    assert [(e.t - T0, e.to) for e in found] == [(2, "5"), (2, "2"), (1, "4"), (1, "1"), (0, "3"), (0, "0")]
    assert store.reader.events(before=(found[1].t, found[1].id)) == found[2:]
    assert [e.to for e in store.reader.events(severity=2)] == ["5", "2"]
    assert store.reader.events(after=found[0].id) == []
    assert store.reader.events(site="nowhere") == []


def test_assessments_and_the_newest_of_each_node(store: Store) -> None:
    store.put(("birth", birth()))
    last = Assessment(T0 + 600_000, "alarm", 3.5, 20.0, ("a.x",), "trend", Interval(1, 2, 3))
    with store.writer.transaction():
        for n in range(10):
            store.writer.assessment(1, Assessment(T0 + n * 60_000, "normal", 0.5, 90.0, (), "stable", None))
        store.writer.assessment(1, last)
    assert len(store.reader.assessments("hall", "pump-7", T0, T0 + 600_000, 1000)) == 11
    assert [a.level for a in store.reader.assessments("hall", "pump-7", T0, T0 + 600_000, 1)] == ["alarm"]
    assert store.reader.node("hall", "pump-7").assessment == last
    assert store.reader.glance()[0].assessment == last


def test_nodes_in_order_and_in_pages(store: Store) -> None:
    for node in ("c", "a", "b"):
        store.put(("birth", birth()), node=node)
    assert [view.node for view in store.reader.nodes()] == ["a", "b", "c"]
    assert [view.node for view in store.reader.nodes("hall", ("hall", "a"), 1)] == ["b"]
    assert store.reader.counts()[:2] == (3, 0)


def test_refused_messages_are_kept_and_counted(store: Store) -> None:
    store.put(("data", b"nonsense"), ("birth", b"[]"))
    assert store.reader.quarantine_total() == 2
    assert [one.topic.rpartition("/")[2] for one in store.reader.quarantine()] == ["birth", "data"]


def test_who_follows_sees_each_record_once_and_goes_on_after_a_restart(store: Store) -> None:
    store.put(("birth", birth()), ("data", rows(0, [[1, 1]] * 3)))
    state = store.backend.state(store.folder)
    at, sections = state.scan(0, 1000)
    assert sum(len(one) for one in by_install(sections)) == 3
    assert state.scan(at, 1000) == (at, [])
    with store.writer.transaction():
        store.writer.meta("analysed", str(at))
        store.writer.analyser(1, {"last_t": 7, "state": '{"a": 1}', "place": "[1, 1, 2]"})
    store.put(("data", rows(3, [[2, 2]])))
    state.close()
    state = store.backend.state(store.folder)
    assert state.analysed() == at
    found = state.analyser(1)
    assert found is not None
    assert (found["last_t"], found["state"], found["place"]) == (7, '{"a": 1}', (1, 1, 2))
    _, sections = state.scan(at, 1000)
    (fresh,) = by_install(sections)
    assert state.whose(fresh.install_id)[1:3] == ("hall", "pump-7")
    assert state.meanings(fresh.install_id).find(1, 3, 2) is not None
    state.close()


def test_what_is_not_there_is_said_by_name(store: Store, tmp_path: Path) -> None:
    store.put(("birth", birth()))
    asked: list[tuple[type[Exception], Callable[[], object]]] = [
        (UnknownNode, lambda: store.reader.node("hall", "x")),
        (UnknownNode, lambda: store.reader.series("hall", "x", "a.x", 0, 1, 10)),
        (UnknownChannel, lambda: store.reader.series("hall", "pump-7", "no.such", 0, 1, 10)),
        (StoreMissing, lambda: store.backend.reader(tmp_path / "nothing")),
        (StoreError, lambda: store.backend.state(tmp_path / "nothing")),
    ]
    for error, ask in asked:
        with pytest.raises(error):
            ask()


def test_all_values_are_one_table_for_sql(store: Store) -> None:
    store.put(("birth", birth()), ("data", rows(0, [[1000, 5], [3000, None]])))
    with store.reader.table() as conn:
        found = conn.execute(
            "SELECT channel, count(value), max(value) FROM history GROUP BY 1 ORDER BY 1"
        ).fetchall()
    assert found == [("a.x", 2, 0.003), ("b.y", 1, 0.005)]


def test_no_sql_is_written_outside_the_store() -> None:
    host = Path(babbitt.__file__).parent
    # The doctor looks whether SQLite itself finds damage; files of before are read with DuckDB.
    spared = {"doctor/place.py", "acquisition/past.py"}
    found = []
    for path in host.rglob("*.py"):
        name = path.relative_to(host).as_posix()
        if name.startswith("store/") or name in spared:
            continue
        found += [
            f"{name}:{node.lineno}"
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.Attribute)
            and node.attr in ("execute", "executemany", "executescript", "conn")
        ]
    assert found == []
