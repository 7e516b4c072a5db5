"""One check of a node beside its re-run: are they in the same state, and do they change it at the same record?

Compared is only what is comparable. At the start of a boot a check that learns nothing is in a known state. After a gap it
is known again when every state it could have been in has become the same one (`_twins`: nothing passed, everything passed
above, everything passed below), or when node and host make the same change at the same record. A flat line is known again
when a value moves by more than its tolerance from the one before, a rate only when its window is full again. What learns
is known if the host saw it from where it began: the node said that it learns, or both ended learning, begun with the
boot, at the same record; it may have taken a baseline from its flash otherwise. A latch is known by a change only.

A change that the other side makes one record later is no difference: times in ms are read twice by older nodes.
"""

from __future__ import annotations

import copy
from array import array
from dataclasses import dataclass, field
from typing import Any

from babbitt_node.checks.base import ACTIVE, COMMON, HH, LL, H, L

Change = tuple[str, str]
SLIP = 1
SETTLED = 100
"""So many records of one mind end a difference, as does the same change at the same record."""
_COMPARED = [
    ACTIVE,
    *range(ACTIVE + 1, COMMON),
]  # what decides the future of every check: limits passed, timers
_SEVERITY = {"L": 1, "H": 1, "LL": 2, "HH": 2}


@dataclass(slots=True)
class Watch:
    """``check`` of the re-run; ``told``: the state the node said last, None if that is not known. ``known``: the re-run
    is in the node's state. ``whole``: what learns was seen from where it began. ``differs``: a difference was told."""

    check: Any
    known: bool = False
    whole: bool = False
    told: str | None = None
    differs: bool = False
    same: int = 0
    node: list[tuple[int, Change]] = field(default_factory=list)
    host: list[tuple[int, Change]] = field(default_factory=list)
    twins: list[Any] | None = None
    seen: int = 0
    last: int | None = None

    def begins(self, comparable: bool) -> None:
        """A boot begins: the node's check is a new one, but for a baseline it may have taken from its flash."""
        self.known = comparable and not self.check.learns
        self.whole = comparable
        self.told = None if self.check.learns else "N"
        self.lose(again=False)

    def lose(self, again: bool = True) -> None:
        """Records or their meaning are missing: nothing is known of the node's state any more."""
        if again:
            self.known = self.whole = False
        self.node.clear()
        self.host.clear()
        self.twins, self.seen, self.last = None, 0, None

    def obey(self, changes: list[Change], comparable: bool) -> list[Change]:
        """What the node told of a command, done before the record was judged: learning again, a latch released. Gives
        what that changed here."""
        check = self.check
        found = []
        for before, to in changes:
            latched = check.settings["latch"] and before in _SEVERITY
            if latched and _SEVERITY.get(to, 0) < _SEVERITY[before]:
                if check.release():
                    found.append((check.previous, check.state))
            elif to == "learning" and check.learns:
                # Where it came from can be compared only if that was known.
                forgot = check.forget() and self.known
                found.append((check.previous, check.state) if forgot else (before, to))
                self.known = self.whole = comparable
        return found

    def learn_state(self, value: int | None, dt_ms: int, judged: bool, comparable: bool) -> None:
        """After a record, while the node's state is not known: find out whether it is now."""
        check = self.check
        if check.learns or check.settings["latch"] or not comparable:
            self.twins, self.seen, self.last = None, 0, None
            return
        if check.TYPE == "flat":
            if judged and value is not None:
                moved = self.last is not None and abs(value - self.last) > check.settings["tolerance"]
                self.last = value
                self._found(moved)
            return
        if self.twins is None:
            self.twins = _twins(check)
            return  # from the next record on: how long it is since the one before this is not known
        if judged or not check.GAPS:
            for twin in self.twins:
                twin.update(value if judged else None, dt_ms)
            self.seen += value is not None and judged
        if self.seen < (check.settings["records"] + 1 if check.TYPE == "rate" else 1):
            return
        self._found(all(twin._s[k] == check._s[k] for twin in self.twins for k in _COMPARED))

    def _found(self, known: bool) -> None:
        if known:
            self.known, self.twins, self.last = True, None, None
            self.told = self.check.state

    def compare(
        self, at: int, node: list[Change], host: list[Change], comparable: bool = True
    ) -> tuple[Change | None, Change | None] | None:
        """The changes that node and re-run made at record number ``at``. Gives the first difference: the node's change and
        the host's, None for none. ``comparable``: whether it is known when the check is judged."""
        if node:
            self.told = node[-1][1]
        if not self.known:
            if comparable:
                self._meet(node, host)
            return None
        if node == host and not self.node and not self.host:
            return None
        self.node += [(at, one) for one in node]
        self.host += [(at, one) for one in host]
        for mine in list(self.node):
            # What is learnt is counted in values, not in ms: there is nothing to slip.
            slip = 0 if mine[1][0] == "learning" else SLIP
            other = next((o for o in self.host if o[1] == mine[1] and abs(o[0] - mine[0]) <= slip), None)
            if other is not None:
                self.node.remove(mine)
                self.host.remove(other)
        return self._overdue(at)

    def _overdue(self, at: int) -> tuple[Change | None, Change | None] | None:
        said = next((one for when, one in self.node if when <= at - SLIP), None)
        got = next((one for when, one in self.host if when <= at - SLIP), None)
        if said is None and got is None:
            return None
        self.node.clear()
        self.host.clear()
        if said is None and got is not None and got[0] == "learning":
            # The node learns for longer: it was told to learn again meanwhile, which changes no state.
            self.known = self.whole = False
            return None
        return said, got

    def _meet(self, node: list[Change], host: list[Change]) -> None:
        """Not known yet: the same change at the same record shows that both are in one state."""
        if self.check.learns:
            ended = any(before == "learning" for before, _ in node + host)
            if ended:
                self.known = self.whole and node == host
                self.whole = False
        elif node and node == host:
            self.known, self.twins, self.last = True, None, None

    def agrees(self, node: list[Change], host: list[Change]) -> bool:
        """Whether a difference that was told is over."""
        if node and node == host:
            return True
        self.same = self.same + 1 if self.told == self.check.state and not node and not host else 0
        return self.same >= SETTLED


def _twins(check: Any) -> list[Any]:
    """The check as it would be with no limit passed, with all above and with all below."""
    settings = check.settings
    if check.TYPE in ("limit", "rate"):
        bits = {k for k, name in ((LL, "ll"), (L, "l"), (H, "h"), (HH, "hh")) if settings[name] is not None}
    elif check.TYPE == "vote":
        bits = {H, HH}
    else:
        high, low = (HH, LL) if settings["level"] == "alarm" else (H, L)
        bits = {low} if check.TYPE == "missing" else {high, low}
    above = sum(1 << k for k in bits if k >= H)
    below = sum(1 << k for k in bits if k < H)
    found = []
    for active in {0, above, below}:
        twin = copy.copy(check)
        state = array("i", check._s)
        state[ACTIVE] = active
        for k in range(ACTIVE + 1, COMMON):
            state[k] = -1
        twin._s = state
        found.append(twin)
    return found
