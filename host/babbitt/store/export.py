"""Measured values to a file that others read: Parquet, CSV or Arrow, by its suffix."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from babbitt.errors import ExportError
from babbitt.store.reader import StoreReader

FORMATS = (".parquet", ".csv", ".arrow")
_COLUMNS = "site, node, channel, unit, t, value, boot, seq, recipe"
_PIECE = 100_000


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which values: None is all; times in ms, both ends included."""

    site: str | None = None
    node: str | None = None
    channel: str | None = None
    start: int | None = None
    end: int | None = None


def export(reader: StoreReader, path: Path, wanted: Wanted) -> int:
    """Write the values, sorted by site, node, channel and time; gives how many. The file appears when it is whole.

    Raises ExportError, StoreError.
    """
    import duckdb

    if path.suffix.lower() not in FORMATS:
        raise ExportError(f"{path}: the suffix says the format, one of {', '.join(FORMATS)}")
    if path.exists():
        raise ExportError(f"{path} is there already: choose another name")
    where, values = _where(wanted)
    partial = path.with_name(path.name + ".partial")
    query = f"SELECT {_COLUMNS} FROM history {where} ORDER BY site, node, channel, t, boot, seq"
    try:
        with reader.table() as conn:
            if path.suffix.lower() == ".arrow":
                count = _arrow(conn, query, values, partial)
            else:
                kind = "PARQUET, COMPRESSION ZSTD" if path.suffix.lower() == ".parquet" else "CSV, HEADER"
                target = str(partial).replace("'", "''")
                done = conn.execute(f"COPY ({query}) TO '{target}' (FORMAT {kind})", values).fetchone()
                count = int(done[0]) if done else 0
        partial.replace(path)
    except (OSError, duckdb.Error) as error:
        raise ExportError(f"{path} cannot be written: {error}") from error
    finally:
        partial.unlink(missing_ok=True)
    return count


def _where(wanted: Wanted) -> tuple[str, list[object]]:
    terms: list[str] = []
    values: list[object] = []
    for name in ("site", "node", "channel"):
        if (value := getattr(wanted, name)) is not None:
            terms.append(f"{name}=?")
            values.append(value)
    for sign, t in ((">=", wanted.start), ("<=", wanted.end)):
        if t is not None:
            terms.append(f"epoch_ms(t){sign}?")
            values.append(t)
    return ("WHERE " + " AND ".join(terms) if terms else ""), values


def _arrow(conn: object, query: str, values: list[object], path: Path) -> int:
    import pyarrow as pa

    pieces = conn.sql(query, params=values).to_arrow_reader(_PIECE)  # type: ignore[attr-defined]
    count = 0
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_file(file, pieces.schema) as writer:
        for piece in pieces:
            writer.write_batch(piece)
            count += len(piece)
    return count
