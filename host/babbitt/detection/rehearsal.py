"""Checks of a node rehearsed: what they would have said of records that are in the store, judged by the node's own code.

The time between two records is that of their times; after a break of more than BREAK intervals the node counts as restarted for what a
check has to wait for, but what was learnt is kept. Each recipe has baselines of its own, as on the node. Nobody releases a latch.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from babbitt.detection.rerun import Rerun
from babbitt.errors import CheckUnknown

BREAK = 3


@dataclass(frozen=True, slots=True)
class Change:
    """At ``t_ms`` a check went from state ``before`` to ``to`` (as in a node's events); ``severity`` 0, 1 warning, 2 alarm."""

    t_ms: int
    check: str
    before: str
    to: str
    severity: int


class Rehearsal:
    """``channels`` as in the node's birth; ``checks`` and ``running`` as in a birth or a validated configuration; ``interval_s`` between
    records. Raises CheckUnknown for checks that cannot be judged, or on a channel that is not there."""

    def __init__(
        self,
        channels: Sequence[Mapping[str, Any]],
        checks: Sequence[Mapping[str, Any]],
        running: Mapping[str, Any] | None,
        interval_s: int,
    ) -> None:
        known = {one["id"] for one in channels}
        asked = [(f"check {one['id']}", one["channel"]) for one in checks if one.get("channel")]
        if running and running.get("channel"):
            asked.append(("running", running["channel"]))
        for what, channel in asked:
            if channel not in known:
                there = ", ".join(sorted(known))
                raise CheckUnknown(f"{what}: the node has no channel {channel}; it has {there}")
        self._rerun = Rerun(channels, checks, running)
        self._scales = [(one["id"], 10.0 ** -int(one["exp"])) for one in channels]
        self._break_ms = BREAK * interval_s * 1000
        self._last: int | None = None
        self._recipe: int | None = None
        self._learnt: dict[tuple[int, str], array[int]] = {}

    def take(self, t_ms: int, values: Mapping[str, float | None], recipe: int = 0) -> Iterator[Change]:
        """Judge one record: values in physical units by channel, None or not there: not measured."""
        since = 0 if self._last is None else max(0, t_ms - self._last)
        self._last = t_ms
        if recipe != self._recipe:
            yield from self._change_over(t_ms, recipe)
        whole: list[int | None] = []
        for name, scale in self._scales:
            value = values.get(name)
            whole.append(None if value is None else round(value * scale))
        for check in self._rerun.changes(whole, since if since <= self._break_ms else 0):
            yield Change(t_ms, check.id, check.previous, check.state, check.severity)

    def _change_over(self, t_ms: int, recipe: int) -> Iterator[Change]:
        """Keep what was learnt with the recipe of before, and go on with that of the new one."""
        before, self._recipe = self._recipe, recipe
        if before is None:
            return
        self._rerun.recipe_changed()
        for check in self._rerun.checks:
            if not check.learns:
                continue
            state = array("i", bytes(4 * check.SIZE))
            if check.baseline(state):
                self._learnt[before, check.id] = state
            kept = self._learnt.get((recipe, check.id))
            changed = check.forget() if kept is None else check.resume(kept)
            if changed:
                yield Change(t_ms, check.id, check.previous, check.state, check.severity)
