"""What is exported is what was measured, wherever it lies, in physical units."""

from __future__ import annotations

import csv
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from feeding import T0, Feed, birth, rows

from babbitt.errors import ExportError
from babbitt.store.export import Wanted, export
from babbitt.store.keeper.keeper import Keeper, Limits


@pytest.fixture
def spread(feed: Feed) -> Feed:
    """Records in a Parquet file, some that wait for one, and some in the log."""
    feed.put(("birth", birth()), ("data", rows(0, [[n, -n] for n in range(20)])))
    keeper = Keeper(feed.folder, Limits(records=20), clock=lambda: T0 / 1000)
    keeper.run_until_idle()
    feed.put(("data", rows(20, [[n, None] for n in range(20, 25)])))
    keeper.run_until_idle()
    keeper.close()
    feed.put(("data", rows(25, [[n, -n] for n in range(25, 30)])))
    return feed


def read(path: Path) -> list[dict[str, object]]:
    if path.suffix == ".csv":
        with path.open() as file:
            return list(csv.DictReader(file))
    if path.suffix == ".arrow":
        with pa.memory_map(str(path)) as source:
            return pa.ipc.open_file(source).read_all().to_pylist()
    return pq.read_table(path).to_pylist()


@pytest.mark.parametrize("suffix", [".parquet", ".csv", ".arrow"])
def test_everything_is_there_once_in_every_format(spread: Feed, tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"all{suffix}"
    assert export(spread.reader, path, Wanted()) == 60
    found = read(path)
    assert [int(str(one["seq"])) for one in found] == [*range(30), *range(30)]
    x = [float(str(one["value"])) for one in found[:30]]
    assert x == [n / 10**6 for n in range(30)]
    assert {(one["node"], one["channel"], one["unit"]) for one in found} == {
        ("pump-7", "a.x", "g"),
        ("pump-7", "b.y", "degC"),
    }
    assert [one["value"] in (None, "") for one in found[30:]] == [20 <= n < 25 for n in range(30)]


def test_a_part_of_it(spread: Feed, tmp_path: Path) -> None:
    wanted = Wanted(node="pump-7", channel="a.x", start=T0 + 100_000, end=T0 + 270_000)
    assert export(spread.reader, tmp_path / "some.parquet", wanted) == 18
    assert export(spread.reader, tmp_path / "none.csv", Wanted(site="nowhere")) == 0


def test_what_cannot_be_written_is_said(spread: Feed, tmp_path: Path) -> None:
    (tmp_path / "there.csv").touch()
    for name, said in (
        ("x.xls", "suffix"),
        ("there.csv", "there already"),
        ("no/such/x.csv", "cannot be written"),
    ):
        with pytest.raises(ExportError, match=said):
            export(spread.reader, tmp_path / name, Wanted())
    assert sorted(p.name for p in tmp_path.iterdir() if p.is_file()) == ["there.csv"]
