"""``babbitt export``: measured values to a file."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from babbitt.cli.options import JsonOption, StoreOption, print_json
from babbitt.errors import ExportError
from babbitt.store.export import Wanted
from babbitt.store.export import export as write
from babbitt.store.reader import StoreReader


def export(
    file: Annotated[Path, typer.Argument(help="File to make: .parquet, .csv or .arrow.")],
    store: StoreOption,
    site: Annotated[str | None, typer.Option(help="Only of this site.")] = None,
    node: Annotated[str | None, typer.Option(help="Only of this node.")] = None,
    channel: Annotated[str | None, typer.Option(help="Only this channel.")] = None,
    start: Annotated[
        str | None, typer.Option("--from", help="From this time on, as 2026-11-01 or with T12:30.")
    ] = None,
    end: Annotated[str | None, typer.Option("--to", help="Up to this time.")] = None,
    json: JsonOption = False,
) -> None:
    """Write measured values, in their units, to a file that pandas, Spark and spreadsheets read."""
    wanted = Wanted(site, node, channel, _time(start, "--from"), _time(end, "--to"))
    reader = StoreReader(store)
    with Console(stderr=True).status("Writing") if not json else Console(quiet=True).status(""):
        count = write(reader, file, wanted)
    reader.close()
    if json:
        print_json({"path": str(file), "values": count, "bytes": file.stat().st_size})
    else:
        print(f"{count} values are in {file}.")


def _time(text: str | None, option: str) -> int | None:
    """A time as Unix ms; without a zone it is UTC."""
    if text is None:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise ExportError(
            f"{option} {text!r} is no time; write it as 2026-11-01 or 2026-11-01T12:30"
        ) from error
    return int((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() * 1000)
