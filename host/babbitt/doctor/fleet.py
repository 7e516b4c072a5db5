"""The nodes, by what the store knows of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from babbitt.doctor.finding import Finding, finding
from babbitt.store.reader import StoreReader
from babbitt.store.sentences import duration
from babbitt.store.views import NodeView

DAY_MS = 86_400_000
SKEW_MS = 2000
MANY_ROWS = 100_000
"""So many rows of the record log behind, the keeper does not keep up."""


def fleet(reader: StoreReader, now: int, running: bool) -> Iterator[Finding]:
    """What is wrong with the nodes. ``now`` is the time in ms; ``running``: a host hears them. Raises StoreError."""
    views = reader.nodes()
    yield from _clocks(views, now)
    for view in views:
        name = f"{view.site}/{view.node}"
        if running:
            yield from _silent(view, name, now)
        if view.birth is None and view.heard is not None:
            yield finding("node-unborn", name, "nothing is known of its channels")
        yield from _said(view, name)
        said = reader.reported(view.site, view.node)
        if said is not None and said.state in ("rejected", "rolled_back"):
            why = f"{said.path}: {said.reason}" if said.path else said.reason
            yield finding(
                "config-refused",
                name,
                f"configuration {said.version} was {said.state.replace('_', ' ')}: {why}",
            )
    yield from _events(reader, now)
    yield from _account(reader, now)


def _silent(view: NodeView, name: str, now: int) -> Iterator[Finding]:
    if not view.online and not view.asleep and view.heard is not None:
        yield finding(
            "node-silent",
            name,
            f"it was heard {duration((now - view.heard) / 1000)} ago and is not connected",
        )


def _clocks(views: list[NodeView], now: int) -> Iterator[Finding]:
    skews = {f"{view.site}/{view.node}": view.skew_ms for view in views if view.skew_ms is not None}
    off = {name: skew for name, skew in skews.items() if abs(skew) > SKEW_MS}
    ahead = sum(skew > 0 for skew in off.values())
    newest = max((view.last_t for view in views if view.last_t is not None), default=0)
    if len(off) > 2 and len(off) > len(skews) / 2 and max(ahead, len(off) - ahead) == len(off):
        middle = sorted(off.values())[len(off) // 2]
        side = "behind" if middle > 0 else "ahead of"
        yield finding(
            "host-clock", "this PC", f"its clock is {duration(abs(middle) / 1000)} {side} those of most nodes"
        )
    elif newest > now + DAY_MS:
        yield finding(
            "host-clock", "this PC", f"the newest record is {duration((newest - now) / 1000)} in its future"
        )
    else:
        for name, skew in off.items():
            side = "ahead of" if skew > 0 else "behind"
            yield finding("node-clock", name, f"its clock is {duration(abs(skew) / 1000)} {side} the host's")


def _said(view: NodeView, name: str) -> Iterator[Finding]:
    """What the node says of itself."""
    state = view.state or {}
    for sensor, why in (state.get("faults") or {}).items():
        yield finding("sensor-fault", f"{name} {sensor}", f"it does not measure: {why}")
    gone = state.get("discarded") or {}
    if count := gone.get("rows", 0) + gone.get("events", 0):
        yield finding("spool-full", name, f"{count} records were thrown away because its flash was full")
    if view.differences:
        yield finding(
            "checks-differ", name, f"{view.differences} times a check said something else than the host gets"
        )


def _events(reader: StoreReader, now: int) -> Iterator[Finding]:
    changes = Counter(
        f"{event.site}/{event.node}"
        for event in reader.events(limit=1000)
        if event.check == "installation" and event.t > now - DAY_MS
    )
    for name, count in changes.items():
        if count >= 3:
            yield finding("same-name", name, f"the board behind it changed {count} times within a day")


def _account(reader: StoreReader, now: int) -> Iterator[Finding]:
    recent = [one for one in reader.quarantine(1000) if one.t > now - DAY_MS]
    for reason, count in Counter(one.reason for one in recent).most_common(3):
        topic = next(one.topic for one in recent if one.reason == reason)
        yield finding("messages-refused", topic, f"{count} within a day: {reason}")
    for row in reader.ledger():
        if row.state == "unexplained":
            what = f"{row.missing} records of boot {row.boot} are missing"
            yield finding(
                "records-missing", f"{row.site}/{row.node}", f"{what}; {row.note}" if row.note else what
            )
    _, _, unkept, trouble = reader.counts()
    if trouble:
        yield finding("history-stuck", "the history", trouble)
    elif unkept > MANY_ROWS:
        yield finding("history-stuck", "the history", f"it is {unkept} rows of the record log behind")
