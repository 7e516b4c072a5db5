"""The account of every boot: what was announced, what is on disk, and what became of the rest.

A record that a later one of the same boot overtook, and that nobody explained, is `missing`. One that was
announced by the node (the end of a boot) but has not come yet is `pending`: it is still on the node.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable

from babbitt.store.views import LedgerRow

_UNCLEAN = "unclean end: at most %s lost"
# Of a boot that was followed by one that never reached the host.
_UNSAID = "its end was never announced: at most %s lost"
# The rows a node may hold back, as the births of the boot say; without any, as the newest of the installation.
_HOLD = (
    "coalesce((SELECT max(json_extract(t.asset, '$.hold')) FROM tables t WHERE t.install_id=b.install_id"
    " AND t.boot=b.boot), (SELECT json_extract(t.asset, '$.hold') FROM tables t WHERE t.install_id=b.install_id"
    " ORDER BY t.id DESC LIMIT 1), 0)"
)


def ledger(conn: sqlite3.Connection) -> list[LedgerRow]:
    """One row for each boot known, ordered by site, node, installation and boot."""
    rows: list[LedgerRow] = []
    spare: dict[int, int] = {}
    for row in conn.execute(
        "SELECT n.site, n.node, i.install, b.install_id, b.boot, b.first, b.end, b.clean,"
        " (SELECT coalesce(sum(last - first + 1), 0) FROM runs r WHERE r.install_id=b.install_id AND r.boot=b.boot),"
        " b.duplicates, i.need_boot, i.need_seq, i.discards, (SELECT max(last) FROM runs r"
        " WHERE r.install_id=b.install_id AND r.boot=b.boot), max(b.boot) OVER (PARTITION BY b.install_id),"
        f" {_HOLD}"
        " FROM boots b JOIN installs i ON i.id=b.install_id JOIN nodes n ON n.id=i.node_id"
        " ORDER BY n.site, n.node, i.id, b.boot"
    ).fetchall():
        site, node, install, install_id, boot, first, end, clean, received, twice, *rest = row
        need_boot, need_seq, discards, top, newest, hold = rest
        explained = {why: _left(conn, install_id, boot, first, why) for why in ("discarded", "refused")}
        overtaken = max(first, -1 if top is None else top + 1)
        beyond = max(overtaken, end or 0)
        # What is announced and behind nothing received is on its way, until the watermark has passed it.
        passed = (need_boot or 0, need_seq or 0) >= (boot, beyond)
        pending = 0 if passed else beyond - overtaken - _within(conn, install_id, boot, overtaken, beyond)
        missing = max(0, beyond - first - received - sum(explained.values()) - pending)
        # The node lists its newest eight ranges of discards only; its total explains what the ranges cannot.
        spare.setdefault(install_id, max(0, discards - _total(conn, install_id)))
        counted = min(missing, spare[install_id])
        spare[install_id] -= counted
        missing -= counted
        discarded = explained["discarded"] + counted
        unsaid = clean is None and boot < newest
        ending = _UNSAID if unsaid else _UNCLEAN if clean == 0 else ""
        lost = hold + 1 if ending else 0  # the window in progress, and what was held
        if ending:
            ending %= "one window" if lost == 1 else f"{lost} windows"
        rows.append(
            LedgerRow(
                site, node, install, boot, first, beyond, received, twice, missing, discarded,
                explained["refused"], pending, lost,
                "unexplained" if missing else "pending" if pending else "complete",
                "; ".join(_notes(missing, discarded, explained["refused"], pending, ending, first)),
            )
        )  # fmt: skip
    return rows


def _notes(
    missing: int, discarded: int, refused: int, pending: int, ending: str, first: int
) -> Iterable[str]:
    if missing:
        yield f"{missing} missing without explanation"
    if discarded:
        yield f"{discarded} discarded by a full spool"
    if refused:
        yield f"{refused} refused, see `babbitt quarantine`"
    if pending:
        yield f"{pending} still on the node"
    if ending:
        yield ending
    if first:
        yield f"began at {first} for this store"


def _ranges(conn: sqlite3.Connection, install_id: int, boot: int, why: str) -> list[tuple[int, int]]:
    """The ranges of a kind, merged, ascending."""
    merged: list[tuple[int, int]] = []
    for first, last in conn.execute(
        "SELECT first, last FROM gaps WHERE install_id=? AND boot=? AND why=? ORDER BY first",
        (install_id, boot, why),
    ):
        if merged and first <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(last, merged[-1][1]))
        else:
            merged.append((first, last))
    return merged


def _left(conn: sqlite3.Connection, install_id: int, boot: int, least: int, why: str) -> int:
    """Seqs from ``least`` on in the ranges of a kind that were not received after all."""
    count = 0
    for first, last in _ranges(conn, install_id, boot, why):
        begin = max(first, least)
        if begin > last:
            continue
        count += last - begin + 1
        count -= conn.execute(
            "SELECT coalesce(sum(min(last, ?4) - max(first, ?3) + 1), 0) FROM runs"
            " WHERE install_id=?1 AND boot=?2 AND first<=?4 AND last>=?3",
            (install_id, boot, begin, last),
        ).fetchone()[0]
    return count


def _within(conn: sqlite3.Connection, install_id: int, boot: int, first: int, end: int) -> int:
    """Explained seqs in first .. end - 1, none of which was received."""
    count, at = 0, first
    for low, high in sorted(
        span for why in ("discarded", "refused") for span in _ranges(conn, install_id, boot, why)
    ):
        begin, behind = max(low, at), min(high + 1, end)
        if begin < behind:
            count, at = count + behind - begin, behind
    return count


def _total(conn: sqlite3.Connection, install_id: int) -> int:
    """All seqs of an installation that its lists of discards named."""
    boots = conn.execute(
        "SELECT DISTINCT boot FROM gaps WHERE install_id=? AND why='discarded'", (install_id,)
    ).fetchall()
    return sum(
        last - first + 1 for (boot,) in boots for first, last in _ranges(conn, install_id, boot, "discarded")
    )
