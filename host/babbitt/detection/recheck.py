"""The node's verdicts against those of its own code on this host: a difference is a defect, a damage or a lie.

A ``Recheck`` follows one node. It is fed with rows and events as they are stored, puts them in the order of their numbers
(a late one is waited for, WINDOW records or ten minutes of the node's time at most) and judges a row again once the next
record shows that all its events are there. What cannot be compared is not (:mod:`babbitt.detection.watch`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from babbitt.detection.rerun import Rerun
from babbitt.detection.watch import Change, Watch
from babbitt.errors import CheckUnknown
from babbitt.store.tables import Table

_NOWHERE = (0, 0, 0)
WINDOW = 64
WINDOW_MS = 600_000
DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class Row:
    """A row as stored: ``values`` as on the wire, ``t`` and ``u`` in ms, ``table`` says what the values mean."""

    place: tuple[int, int, int]
    t: int
    u: int
    recipe: int
    values: Sequence[int | None]
    table: Table


@dataclass(frozen=True, slots=True)
class Said:
    """An event of a node's check: it changed its state."""

    place: tuple[int, int, int]
    check: str
    change: Change


@dataclass(frozen=True, slots=True)
class Verdict:
    """Node and host differ about a check (``agrees`` False), or do not any more; ``t`` (ms) is the time of the record
    ``boot``, ``seq`` that both judged. ``node`` and ``host`` are the states of the check after it."""

    t: int
    boot: int
    seq: int
    check: str
    agrees: bool
    node: str
    host: str
    text: str


class Kept(msgspec.Struct, array_like=True):
    """What :meth:`Recheck.dump` writes."""

    place: tuple[int, int, int]
    u: int
    count: int
    differences: int
    sure: bool
    state: bytes
    watches: list[
        tuple[str, bool, bool, str | None, bool, list[tuple[int, Change]], list[tuple[int, Change]]]
    ]
    row: tuple[int, int, int, list[int | None]] | None
    said: list[tuple[str, Change]]
    row_place: tuple[int, int, int] = _NOWHERE


_ENCODE = msgspec.msgpack.Encoder().encode
_DECODE = msgspec.msgpack.Decoder(Kept).decode


@dataclass(slots=True)
class Recheck:
    """Follows one node. ``differences`` that were told since the store knows the node; ``compared``: changes the node said
    that could be compared, by check, and ``late``: records that came after their turn and were not judged again, both
    since the start."""

    differences: int = 0
    late: int = 0
    compared: dict[str, int] = field(default_factory=dict)
    _next: tuple[int, int, int] = _NOWHERE
    _u: int = -1
    _count: int = 0
    _sure: bool = False
    _starting_ms: int = -1
    _settling_ms: int = 0
    _row: Row | None = None
    _said: dict[str, list[Change]] = field(default_factory=dict)
    _waiting: dict[tuple[int, int, int], Row | Said] = field(default_factory=dict)
    _table: Table | None = None
    _rerun: Rerun | None = None
    _watches: dict[str, Watch] = field(default_factory=dict)
    _open: set[str] = field(default_factory=set)
    _kept: Kept | None = None

    def feed(self, records: Iterable[Row | Said]) -> list[Verdict]:
        """Take records in any order; gives the differences found."""
        found: list[Verdict] = []
        for one in records:
            if one.place == self._next:
                self._take(one, found)
            elif one.place < self._next:
                self.late += 1
                continue
            else:
                self._waiting[one.place] = one
            if self._waiting:
                self._catch_up(found)
        return found

    def missed(self) -> None:
        """Records of this node were left out: what follows is behind a gap."""
        self._waiting.clear()
        self._row = None
        self._next = _NOWHERE

    # ---- in order

    def _catch_up(self, found: list[Verdict]) -> None:
        while self._waiting:
            one = self._waiting.pop(self._next, None)
            if one is None:
                first = min(self._waiting)
                # The next boot begins: records of the one before it would have come first.
                begins = first[2] == 0 and first[:2] > self._next[:2]
                if not begins and not self._tired(first):
                    return
                one = self._waiting.pop(first)
            self._take(one, found)

    def _tired(self, first: tuple[int, int, int]) -> bool:
        """Whether what is missing has been waited for long enough; at the very start nothing is."""
        if self._next == _NOWHERE or len(self._waiting) >= WINDOW:
            return True
        rows = [
            one.u for place, one in self._waiting.items() if isinstance(one, Row) and place[:2] == first[:2]
        ]
        return bool(rows) and max(rows) - min(rows) >= WINDOW_MS

    def _take(self, one: Row | Said, found: list[Verdict]) -> None:
        whole = one.place == self._next
        install, boot, seq = one.place
        if self._row is not None and not (whole or seq == 0):
            # Its events may be among what is missing.
            self._row = None
        if isinstance(one, Said):
            if whole:
                self._said.setdefault(one.check, []).append(one.change)
        else:
            if self._row is not None:
                # A row has the recipe of before it was judged; a new one is that of the row after it.
                same = one.place[:2] == self._row.place[:2]
                self._judge(self._row, same and one.recipe != self._row.recipe, found)
            self._said.clear()
            if seq == 0:
                self._begin(one)
            elif not whole:
                self._lose()
            self._row = one
        if not whole and isinstance(one, Said):
            self._lose()
        self._next = (install, boot, seq + 1)

    def _begin(self, row: Row) -> None:
        """A boot begins."""
        self._kept = None
        self._make(row.table)
        self._u = -1
        known = self._rerun is not None and self._rerun.running_known
        self._sure = known
        self._starting_ms, self._settling_ms = -1, 0
        for watch in self._watches.values():
            watch.begins(self._comparable(watch))

    def _lose(self) -> None:
        self._sure = False
        self._kept = None
        self._starting_ms, self._settling_ms = -1, 0
        self._said.clear()
        self._open.clear()
        for watch in self._watches.values():
            watch.lose()

    def _make(self, table: Table) -> None:
        self._table = table
        self._open.clear()
        self._rerun, self._watches = None, {}
        if not table.checks:
            return
        channels = [
            {"id": name, "lo": lo, "hi": hi} for name, (lo, hi) in zip(table.ids, table.ranges, strict=True)
        ]
        try:
            self._rerun = Rerun(channels, table.checks, table.asset.get("running"))
        except CheckUnknown:
            return
        self._watches = {check.id: Watch(check) for check in self._rerun.checks}

    def _follow(self, table: Table) -> None:
        """Another table within a boot: checks that are the same go on, in a state the node may not have."""
        if self._kept is not None:
            kept, self._kept = self._kept, None
            self._make(table)
            self._restore(kept)
            return
        before = self._rerun
        self._make(table)
        if before is not None and self._rerun is not None:
            self._rerun.follow(before)
        self._lose()

    # ---- judging

    def _comparable(self, watch: Watch) -> bool:
        """Whether it is known when and by what a check is judged."""
        rerun = self._rerun
        if rerun is None or (watch.check.settings["when"] == "running" and not self._sure):
            return False
        if watch.check.TYPE == "vote":
            return all(self._watches[name].known for name in watch.check.settings["of"])
        return all(self._watches[guard.id].known for guard in rerun.guards[watch.check.id])

    def _judge(self, row: Row, changed: bool, found: list[Verdict]) -> None:
        """Judge a row again, of which all events are there, and compare. ``changed``: the recipe did with it."""
        if row.table is not self._table:
            if row.table != self._table:
                self._follow(row.table)
            self._table = row.table
        rerun = self._rerun
        self._count += 1
        dt = 0 if self._u < 0 else row.u - self._u
        self._u = row.u
        if rerun is None:
            return
        host: dict[str, list[Change]] = {}
        if changed:
            rerun.recipe_changed()
            for watch in self._watches.values():
                if watch.check.learns:
                    watch.lose()
        for name, changes in self._said.items():
            watch_ = self._watches.get(name)
            if watch_ is not None and (done := watch_.obey(changes, self._comparable(watch_))):
                host[name] = done
        for check in rerun.changes(row.values, dt):
            host.setdefault(check.id, []).append((check.previous, check.state))
        judged = rerun.operating.number == 2 and not changed and rerun.operating._left_ms == 0
        if not self._sure:
            self._settle(rerun, row, dt)
        for watch in self._watches.values():
            name = watch.check.id
            node = self._said.get(name)
            mine = host.get(name)
            if watch.known and watch.check.TYPE == "vote" and not self._comparable(watch):
                watch.lose()
            if not watch.known:
                always = watch.check.settings["when"] == "always"
                comparable = self._comparable(watch)
                watch.compare(self._count, node or [], mine or [], comparable)
                if not watch.known:
                    value = watch.check.reading(row.values)
                    watch.learn_state(value, dt, judged or always, comparable)
            elif node or mine or name in self._open or watch.differs:
                self._compare(watch, row, node or [], mine or [], found)

    def _compare(
        self, watch: Watch, row: Row, node: list[Change], host: list[Change], found: list[Verdict]
    ) -> None:
        name = watch.check.id
        if node:
            self.compared[name] = self.compared.get(name, 0) + len(node)
        differ = watch.compare(self._count, node, host)
        if watch.node or watch.host:
            self._open.add(name)
        else:
            self._open.discard(name)
        if watch.differs:
            if watch.agrees(node, host):
                watch.differs = False
                state = watch.check.state
                text = f"Check {name}: node and host agree again, at record {row.place[1]}:{row.place[2]}: {state}"
                found.append(Verdict(row.t, *row.place[1:], name, True, state, state, text))
        elif differ is not None:
            watch.differs, watch.same = True, 0
            self.differences += 1
            said, got = (f"{one[0]} to {one[1]}" if one else "no change" for one in differ)
            text = (
                f"Check {name}: the node said {said}, the host gets {got} from the same records,"
                f" at record {row.place[1]}:{row.place[2]}"
            )
            node_state, host_state = watch.told or "unknown", watch.check.state
            found.append(Verdict(row.t, *row.place[1:], name, False, node_state, host_state, text))

    def _settle(self, rerun: Rerun, row: Row, dt: int) -> None:
        """Find out whether the machine is off or running, and that no change of recipe is under way, after a gap."""
        operating = rerun.operating
        if not rerun.running_known:
            return
        self._settling_ms += max(0, min(DAY_MS, dt))
        spec = operating.spec
        settled = self._settling_ms >= spec["settle_s"] * 1000 and operating._left_ms == 0
        if operating.index is None:
            self._sure = settled
            return
        value = row.values[operating.index]
        if value is not None and value <= operating._back:
            self._starting_ms = -1
            self._sure = settled
        elif self._starting_ms >= 0:
            self._starting_ms += max(0, min(DAY_MS, dt))
            self._sure = settled and operating.number == 2 and self._starting_ms >= spec["starting_s"] * 1000
        elif value is not None and value > spec["above"]:
            self._starting_ms = 0

    # ---- restarts

    def dump(self) -> bytes:
        """Everything that survives a restart; what waits for a missing record does not."""
        row, kept = self._row, self._kept
        if kept is not None:  # nothing was judged since
            sure, state, watches = kept.sure, kept.state, kept.watches
        else:
            sure, state = self._sure, self._rerun.dump() if self._rerun else b""
            watches = [
                (w.check.id, w.known, w.whole, w.told, w.differs, w.node, w.host)
                for w in self._watches.values()
            ]
        return _ENCODE(
            Kept(
                self._next, self._u, self._count, self.differences, sure, state, watches,
                None if row is None else (row.t, row.u, row.recipe, list(row.values)),
                [(name, change) for name, changes in self._said.items() for change in changes],
                _NOWHERE if row is None else row.place,
            )
        )  # fmt: skip

    @classmethod
    def load(cls, dumped: bytes, find: Any = None) -> Recheck:
        """Go on where another one stopped. ``find(install, boot, seq, width)`` gives the table of a row. Raises ValueError
        for what is no dump."""
        try:
            kept = _DECODE(dumped)
        except (msgspec.DecodeError, msgspec.ValidationError) as error:
            raise ValueError(str(error)) from error
        made = cls(differences=kept.differences)
        made._next, made._u, made._count = kept.place, kept.u, kept.count
        for name, change in kept.said:
            made._said.setdefault(name, []).append(change)
        if kept.row is not None:
            t, u, recipe, values = kept.row
            table = find(*kept.row_place, len(values))
            if table is not None:
                made._row = Row(kept.row_place, t, u, recipe, values, table)
        made._kept = kept
        return made

    def _restore(self, kept: Kept) -> None:
        rerun = self._rerun
        try:
            if rerun is None:
                return
            rerun.load(kept.state)
        except ValueError:
            self._lose()
            return
        self._sure = kept.sure
        for name, known, whole, told, differs, node, host in kept.watches:
            if (watch := self._watches.get(name)) is not None:
                watch.known, watch.whole, watch.told, watch.differs = known, whole, told, differs
                watch.node, watch.host = node, host
                if node or host:
                    self._open.add(name)
