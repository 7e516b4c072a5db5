"""``babbitt ledger``: account for every record."""

from __future__ import annotations

from collections.abc import Iterable

import typer

from babbitt.cli.options import JsonOption, StoreOption, print_json, print_table
from babbitt.store.reader import StoreReader
from babbitt.store.views import LedgerRow

# Counts that are shown only where one of them is above 0: a sound ledger is short.
_SELDOM = {"twice": "duplicates", "discarded": "discarded", "refused": "refused", "pending": "pending"}


def ledger(store: StoreOption, json: JsonOption = False) -> None:
    """Print one line for each boot of each node; exit 1 if a record is missing without explanation."""
    rows = StoreReader(store).ledger()
    missing = sum(row.missing for row in rows)
    if json:
        print_json({"rows": rows, "missing": missing})
    else:
        seldom = {name: field for name, field in _SELDOM.items() if any(getattr(r, field) for r in rows)}
        columns = ("node", "boot", "numbers", "stored", *seldom, "missing", "note")
        cells = [_cells(r, seldom.values()) for r in rows]
        print_table("Ledger", columns, cells, "No record has been received yet.")
        if missing:
            print(f"{missing} records are missing without explanation.")
    if missing:
        raise typer.Exit(1)


def _cells(r: LedgerRow, seldom: Iterable[str]) -> tuple[object, ...]:
    numbers = f"{r.first}-{r.next - 1}" if r.next > r.first else "none"
    where = f"{r.site}/{r.node}", f"{r.install[:4]}.{r.boot}", numbers
    return *where, r.received, *(getattr(r, field) for field in seldom), r.missing, r.note
