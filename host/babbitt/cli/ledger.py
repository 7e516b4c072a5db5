"""``babbitt ledger``: account for every record."""

from __future__ import annotations

import typer

from babbitt.cli.options import JsonOption, StoreOption, print_json, print_table
from babbitt.store.reader import StoreReader
from babbitt.store.views import LedgerRow

_COLUMNS = (
    "node",
    "boot",
    "numbers",
    "stored",
    "twice",
    "discarded",
    "refused",
    "pending",
    "missing",
    "note",
)


def ledger(store: StoreOption, json: JsonOption = False) -> None:
    """Print one line for each boot of each node; exit 1 if a record is missing without explanation."""
    rows = StoreReader(store).ledger()
    missing = sum(row.missing for row in rows)
    if json:
        print_json({"rows": rows, "missing": missing})
    else:
        print_table(
            "Ledger",
            _COLUMNS,
            [_cells(row) for row in rows],
            "No record has been received yet.",
        )
        if missing:
            print(f"{missing} records are missing without explanation.")
    if missing:
        raise typer.Exit(1)


def _cells(r: LedgerRow) -> tuple[object, ...]:
    numbers = f"{r.first}-{r.next - 1}" if r.next > r.first else "none"
    counts = r.received, r.duplicates, r.discarded, r.refused, r.pending, r.missing
    return f"{r.site}/{r.node}", f"{r.install[:4]}.{r.boot}", numbers, *counts, r.note
