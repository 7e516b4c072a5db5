"""``babbitt quarantine``: messages the host refused, and why."""

from __future__ import annotations

from babbitt.cli.options import JsonOption, LimitOption, StoreOption, print_json, print_table, when
from babbitt.store.reader import StoreReader


def quarantine(store: StoreOption, limit: LimitOption = 50, json: JsonOption = False) -> None:
    """Print the newest refused messages; the store keeps the last 1000."""
    reader = StoreReader(store)
    found, total = reader.quarantine(limit), reader.quarantine_total()
    if json:
        print_json({"total": total, "rows": found})
        return
    rows = [(when(r.t), r.topic, r.reason, r.head[:80]) for r in found]
    columns = ("time", "topic", "reason", "begins with")
    print_table(f"Refused messages, {total} in all", columns, rows, "No message was refused.")
