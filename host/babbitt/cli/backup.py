"""``babbitt backup``, ``babbitt restore`` and ``babbitt store verify``."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress

from babbitt.cli.options import JsonOption, StoreOption, print_json, print_table
from babbitt.store import backup as backup_
from babbitt.store.check import check

Told = backup_.Progress


@contextmanager
def _progress(quiet: bool) -> Iterator[Told]:
    with Progress(console=Console(stderr=True), transient=True, disable=quiet) as bar:
        task = bar.add_task("", total=None)
        yield lambda what, done, of: bar.update(task, description=what, completed=done, total=of)


def backup(
    target: Annotated[Path, typer.Argument(help="Folder that the copy is made in.")],
    store: StoreOption,
    json: JsonOption = False,
) -> None:
    """Copy the store into a new folder, while the host goes on."""
    with _progress(json) as progress:
        done = backup_.backup(store, target, progress)
    if json:
        print_json({"path": str(done.path), "files": done.files, "bytes": done.bytes})
    else:
        print(
            f"The copy is {done.path}: {done.files} files, {done.bytes / 1e6:.1f} MB, checked by their hashes."
        )


def restore(
    source: Annotated[Path, typer.Argument(help="A folder that `babbitt backup` made.")],
    store: StoreOption,
    json: JsonOption = False,
) -> None:
    """Make a store of a backup, in a folder that is not there yet."""
    with _progress(json) as progress:
        done = backup_.restore(source, store, progress)
    if json:
        print_json({"path": str(done.path), "files": done.files, "bytes": done.bytes})
    else:
        print(f"The store is {done.path}. Start it: babbitt host --store {done.path}")


def store_(
    what: Annotated[str, typer.Argument(help="verify: read all of it and say what is wrong.")],
    store: StoreOption,
    json: JsonOption = False,
) -> None:
    """Read everything in the store and say whether it is whole; exit 1 if not."""
    if what != "verify":
        raise typer.BadParameter(f"{what!r}: there is `verify`")
    with _progress(json) as progress:
        faults = check(store, progress)
    if json:
        print_json({"faults": faults})
    else:
        rows = [(fault.where, fault.what, fault.do) for fault in faults]
        print_table("Faults", ("where", "what", "what to do"), rows, "The store is whole.")
    if faults:
        raise typer.Exit(1)
