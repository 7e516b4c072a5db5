"""``babbitt waves``: the waveforms that were taken: list them, export one."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from babbitt.cli.options import JsonOption, LimitOption, StoreOption, print_json, print_table, when
from babbitt.errors import StoreError, UnknownWave
from babbitt.store.reader import StoreReader
from babbitt.store.waves import Wave, WaveShelf, plain


class Action(StrEnum):
    """What to do with waveforms."""

    LIST = "list"
    EXPORT = "export"


class Format(StrEnum):
    """Of an exported waveform."""

    CSV = "csv"
    NPZ = "npz"


def waves(
    store: StoreOption,
    action: Annotated[Action, typer.Argument(help="list or export.")] = Action.LIST,
    wave: Annotated[str | None, typer.Argument(help="export: id of the waveform, as listed.")] = None,
    site: Annotated[str | None, typer.Option(help="list: only of this site.")] = None,
    node: Annotated[str | None, typer.Option(help="list: only of this node.")] = None,
    limit: LimitOption = 50,
    format: Annotated[Format, typer.Option(help="export: csv or npz (NumPy).")] = Format.CSV,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="export: the file; default in this folder.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """List the waveforms in the store, or write one to a file, in g and seconds."""
    StoreReader(store).close()  # says it plainly if there is no store
    shelf = WaveShelf(store)
    if action == Action.EXPORT:
        if wave is None:
            raise UnknownWave("export needs the id of a waveform: `babbitt waves` lists them")
        found = shelf.load(wave)
        path = output or Path(wave.replace("/", "-") + f".{format.value}")
        export(found, path, format)
        if json:
            print_json({"file": str(path), "wave": found.view})
        else:
            print(f"{path}: {found.view.samples} samples of {found.view.axes} at {found.view.rate_hz:.1f} Hz")
        return
    views = shelf.views(site, node)[:limit]
    if json:
        print_json(views)
        return
    print_table(
        "Waveforms",
        ("id", "taken", "sensor", "axes", "samples", "before", "Hz", "for"),
        [
            (
                v.id,
                when(v.t or v.received),
                v.sensor,
                v.axes,
                v.samples,
                v.pre,
                f"{v.rate_hz:.1f}",
                f"{v.by} {v.of}",
            )
            for v in views
        ],
        "No waveform was taken yet: `babbitt command SITE NODE capture` takes one.",
    )


def export(wave: Wave, path: Path, format: Format) -> None:
    """Write a waveform to a file, which is replaced if it is there. Raises StoreError."""
    try:
        with path.open("wb") as file:
            if format == Format.NPZ:
                np.savez_compressed(file, **plain(wave))
                return
            names = ["time_s", "window", *(f"{axis}_{wave.unit}" for axis in wave.view.axes)]
            table = np.column_stack([wave.time_s, wave.window, wave.g])
            formats = ["%.7f", "%d", *["%.7g"] * len(wave.view.axes)]
            np.savetxt(file, table, formats, delimiter=",", header=",".join(names), comments="")
    except OSError as error:
        raise StoreError(f"{path} cannot be written: {error.strerror}") from error
