"""``babbitt import``: measured values of before into the store."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import Progress

from babbitt.acquisition.past import File, Past
from babbitt.cli.options import JsonOption, StoreOption, print_json, when
from babbitt.errors import ImportFailed
from babbitt.protocol.messages import parse_topic
from babbitt.store.insert import Meaning, Source, insert
from babbitt.store.lock import StoreLock
from babbitt.store.writer import StoreWriter


class Kind(StrEnum):
    """What a node watches."""

    MACHINE = "machine"
    COLD_ROOM = "cold_room"


def import_(
    file: Annotated[Path, typer.Argument(help="The file, .csv or .parquet.")],
    store: StoreOption,
    site: Annotated[str | None, typer.Option(help="Of which site it is.")] = None,
    node: Annotated[str | None, typer.Option(help="Of which node it is.")] = None,
    asset: Annotated[
        str | None, typer.Option(help="What the node watches, by name; default its own name.")
    ] = None,
    kind: Annotated[Kind | None, typer.Option(help="What that is: machine or cold_room.")] = None,
    time_: Annotated[str | None, typer.Option("--time", help="The column of times.")] = None,
    zone: Annotated[str, typer.Option(help="Time zone of times that name none, as Europe/Berlin.")] = "UTC",
    column: Annotated[
        list[str] | None,
        typer.Option(help="SOURCE=channel:unit; may be given again. Default: all with a unit."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be taken in, and stop.")] = False,
    json: JsonOption = False,
) -> None:
    """Take in measured values of before, so that prediction has a past from day one."""
    opened = File(file, time_, zone, column or [])
    try:
        found = opened.nodes(site, node)
        for past in found:
            parse_topic(f"babbitt/1/{past.site}/{past.node}/data")
        done = [] if dry_run else _store(opened, found, store, asset, kind)
    finally:
        opened.close()
    if json:
        said = [_said(past) for past in found]
        for one, (new, there) in zip(said, done, strict=False):
            one |= {"stored": new, "there_already": there}
        print_json(said)
        return
    for n, past in enumerate(found):
        channels = ", ".join(f"{c.channel} ({c.unit}, {c.low:g} to {c.high:g})" for c in past.columns)
        print(
            f"{past.site}/{past.node}: {past.rows} records from {when(past.first)} to {when(past.last)}: {channels}"
        )
        if done:
            new, there = done[n]
            print(f"  {new} were stored" + (f", {there} were there already" if there else "") + ".")
    if done:
        print("The host judges them when it starts next.")


def _said(past: Past) -> dict[str, object]:
    return {
        "site": past.site, "node": past.node, "records": past.rows, "first": past.first, "last": past.last,
        "channels": [
            {"channel": c.channel, "unit": c.unit, "values": c.count, "low": c.low, "high": c.high} for c in past.columns
        ],
    }  # fmt: skip


def _store(
    file: File, found: list[Past], folder: Path, asset: str | None, kind: Kind | None
) -> list[tuple[int, int]]:
    done = []
    lock = StoreLock(folder)  # a host must not write meanwhile
    try:
        writer = StoreWriter(folder)
        try:
            digest = _digest(file.path)
            with Progress(console=Console(stderr=True), transient=True) as shown:
                for past in found:
                    source = _source(past, digest, asset, kind)
                    task = shown.add_task(f"{past.site}/{past.node}", total=past.rows)

                    def pieces(
                        past: Past = past, task: object = task
                    ) -> Iterator[tuple[NDArray[np.int64], NDArray[np.float64]]]:
                        for times, values in file.pieces(past):
                            yield times, values
                            shown.advance(task, len(times))  # type: ignore[arg-type]

                    done.append(insert(writer, source, pieces(), int(time.time() * 1000)))
        finally:
            writer.close()
    finally:
        lock.close()
    return done


def _source(past: Past, digest: str, asset: str | None, kind: Kind | None) -> Source:
    if asset is not None and not (1 <= len(asset) <= 64 and asset.isprintable()):
        raise ImportFailed("--asset is a name of 1 to 64 characters that can be printed")
    columns = "".join(f"{c.source}={c.channel}:{c.unit}:{c.exp};" for c in past.columns)
    name = hashlib.sha256(f"{digest}{past.site}/{past.node}/{columns}".encode()).hexdigest()[:8]
    return Source(
        past.site, past.node, name, asset or past.node, kind.value if kind else "", past.interval_s,
        tuple(Meaning(c.channel, c.unit, c.exp, c.low, c.high) for c in past.columns),
    )  # fmt: skip


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
