"""``babbitt ledger``: account for every record."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress

from babbitt.cli.options import JsonOption, StoreOption, print_json, print_table
from babbitt.store.proof import Proof
from babbitt.store.reader import StoreReader
from babbitt.store.views import LedgerRow

# Counts that are shown only where one of them is above 0: a sound ledger is short.
_SELDOM = {"twice": "duplicates", "discarded": "discarded", "refused": "refused", "pending": "pending"}


def ledger(
    store: StoreOption,
    verify: Annotated[
        bool, typer.Option("--verify", help="Read every record of the store again and prove the counts.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Print one line for each boot of each node; exit 1 if a record is missing without explanation."""
    reader = StoreReader(store)
    rows = reader.ledger()
    missing = sum(row.missing for row in rows)
    proof = _prove(reader, quiet=json) if verify else None
    if json:
        said = {} if proof is None else {"proof": asdict(proof) | {"sound": proof.sound}}
        print_json({"rows": rows, "missing": missing, **said})
    else:
        seldom = {name: field for name, field in _SELDOM.items() if any(getattr(r, field) for r in rows)}
        columns = ("node", "boot", "numbers", "stored", *seldom, "missing", "note")
        cells = [_cells(r, seldom.values()) for r in rows]
        print_table("Ledger", columns, cells, "No record has been received yet.")
        if missing:
            print(f"{missing} records are missing without explanation.")
        if proof is not None:
            print(*proof.errors, sep="\n", end="\n" if proof.errors else "")
            verdict = "each once, as the account says" if proof.sound else "and the account is not right"
            print(f"Proved: {proof.records} records were read again, {verdict}.")
    if missing or (proof is not None and not proof.sound):
        raise typer.Exit(1)


def _prove(reader: StoreReader, quiet: bool) -> Proof:
    with Progress(console=Console(stderr=True), transient=True, disable=quiet) as bar:
        task = bar.add_task("Reading the history", total=None)
        return reader.prove(lambda done, of: bar.update(task, completed=done, total=of))


def _cells(r: LedgerRow, seldom: Iterable[str]) -> tuple[object, ...]:
    numbers = f"{r.first}-{r.next - 1}" if r.next > r.first else "none"
    where = f"{r.site}/{r.node}", f"{r.install[:4]}.{r.boot}", numbers
    return *where, r.received, *(getattr(r, field) for field in seldom), r.missing, r.note
