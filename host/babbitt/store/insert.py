"""Values of before into the store: as an installation of a node of its own, in the record log like all others.

The same values again are the same records: they are stored once.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from babbitt.errors import ImportFailed
from babbitt.protocol.limits import VALUE_MAX
from babbitt.store import log
from babbitt.store.ranges import Ranges
from babbitt.store.writer import StoreWriter

BOOT = 1


@dataclass(frozen=True, slots=True)
class Meaning:
    """What the values are of: a channel, its unit, the exponent they are kept with, least and greatest."""

    id: str
    unit: str
    exp: int
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Source:
    """A node, what it watches, and the name its installation gets (8 hex digits, the same for the same values)."""

    site: str
    node: str
    install: str
    asset: str
    kind: str
    interval_s: int
    channels: tuple[Meaning, ...]


def insert(
    writer: StoreWriter,
    source: Source,
    pieces: Iterable[tuple[NDArray[np.int64], NDArray[np.float64]]],
    now: int,
) -> tuple[int, int]:
    """Store times (ms, ascending) and values, shape (n, channels), NaN for 'not measured'. Gives how many records were
    stored and how many were there already. A piece is one transaction. Raises StoreError."""
    with writer.transaction():
        node, install = _enter(writer, source)
        stored = Ranges()
        for first, last in writer.conn.execute(
            "SELECT first, last FROM runs WHERE install_id=? AND boot=?", (install, BOOT)
        ):
            stored.add(first, last)
    seq = new = there = 0
    begin: int | None = None
    for times, values in pieces:
        begin = int(times[0]) if begin is None else begin
        section = _records(install, seq, begin, times, values, source)
        fresh = np.array([number not in stored for number in section["seq"].tolist()], bool)
        seq += len(times)
        there += int((~fresh).sum())
        new += int(fresh.sum())
        if not fresh.any():
            continue
        stored.add(int(section["seq"][0]), int(section["seq"][-1]))
        with writer.transaction():
            writer.log([(len(source.channels), section[fresh].tobytes())])
            writer.runs(install, BOOT, stored)
            writer.latest(node, int(times[-1]))
    with writer.transaction():
        writer.audit(now, "import", f"{source.site}/{source.node}", install=source.install, records=new)
    return new, there


def _enter(writer: StoreWriter, source: Source) -> tuple[int, int]:
    """The node and its installation; a node that is known stays what its own birth says it is."""
    conn = writer.conn
    node = writer.node(source.site, source.node)
    install = writer.install(node, source.install)
    writer.boot(install, BOOT)
    said = conn.execute("SELECT birth FROM nodes WHERE id=?", (node,)).fetchone()[0]
    asset = {"name": source.asset, "kind": source.kind}
    if said is not None:
        asset = json.loads(said)["asset"]
        if source.kind and asset["kind"] != source.kind:
            raise ImportFailed(
                f"{source.site}/{source.node} is a {asset['kind']} by its own word, not a {source.kind}: leave out --kind"
            )
    elif not source.kind:
        raise ImportFailed(
            f"what does {source.site}/{source.node} watch? say --kind machine or --kind cold_room"
        )
    channels = [
        {
            "id": one.id,
            "unit": one.unit,
            "exp": one.exp,
            "lo": _raw(one.low, one.exp),
            "hi": _raw(one.high, one.exp),
        }
        for one in source.channels
    ]
    for one in source.channels:
        conn.execute(
            "INSERT OR IGNORE INTO channels (node_id, name, unit, exp) VALUES (?,?,?,?)",
            (node, one.id, one.unit, one.exp),
        )
    about = {**asset, "interval": source.interval_s, "hold": 0, "running": None}
    writer.table(install, BOOT, 0, about, channels, [])
    if said is None:
        birth = {
            "i": source.install, "fw": "imported", "board": "none", "boot": BOOT, "reset": "unknown", "prev": None,
            "oldest": {"boot": BOOT, "seq": 0}, "discards": [], "q": 3, "asset": asset, "interval": source.interval_s,
            "channels": channels, "sensors": [], "checks": [], "config": {"version": 0, "hash": "0" * 16},
        }  # fmt: skip
        writer.set("nodes", node, birth=json.dumps(birth), install_id=install, boot=BOOT)
    return node, install


def _records(
    install: int, seq: int, begin: int, times: NDArray[np.int64], values: NDArray[np.float64], source: Source
) -> log.Section:
    section = np.zeros(len(times), log.record_type(len(source.channels)))
    section["install"], section["boot"], section["t_err"] = install, BOOT, -1
    section["seq"] = np.arange(seq, seq + len(times))
    section["t"], section["u"] = times, times - begin
    for n, one in enumerate(source.channels):
        scaled = np.round(values[:, n] * 10.0**-one.exp)
        known = np.isfinite(scaled) & (np.abs(scaled) <= VALUE_MAX)
        section["v"][:, n] = np.where(known, np.where(known, scaled, 0).astype(np.int64), log.NULL)
    return section


def _raw(value: float, exp: int) -> int:
    return max(-VALUE_MAX, min(VALUE_MAX, round(value * 10.0**-exp)))
