"""Part of ``babbitt backtest``: a node's records judged as the host does, with thresholds that follow what people said as it was
said, and what the marks say of the alarms that come of it.

At each time only what was said of alarms before it counts, so no alarm is judged by its own mark. Sister machines are left out.
"""

from __future__ import annotations

import dataclasses
import importlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from babbitt.cli.options import settings
from babbitt.errors import BacktestError
from babbitt.store.reader import StoreReader
from babbitt.store.views import MarkView

if TYPE_CHECKING:
    from babbitt.protocol.assessment import Analyser, Asset

NEAR_MS = 3_600_000
"""A mark is of an alarm that begins so long after the marked one, or that stands then."""
DAY_MS = 86_400_000
Record = tuple[int, dict[str, float | None], int]
"""Time (ms), values, recipe."""
Said = tuple[int, bool, tuple[str, ...]]
Make = Callable[[float, bool, dict[str, Any]], "Analyser"]
"""An analyser by tolerance, whether the machine was accepted, and a state."""


@dataclass
class Alarm:
    """From ``start`` to ``end`` (ms; None: it still stands), because of ``drivers``."""

    start: int
    end: int | None
    drivers: tuple[str, ...]


def maker(reader: StoreReader, site: str, node: str) -> Make:
    """What makes analysers for what the node watches. Raises BacktestError if nobody analyses that."""
    from babbitt.pipeline import KINDS
    from babbitt.protocol.assessment import Asset

    view = reader.node(site, node)
    if view.birth is None or view.kind not in KINDS:
        raise BacktestError(
            f"{site}/{node} watches {view.kind or 'nothing known'}, which the host does not judge"
        )
    limits = {one.id: dict(one.limits) for one in reader.channels(site, node) if one.limits}
    room = settings().rooms.get(f"{site}/{node}")
    asset: Asset = Asset(
        site, node, view.asset, view.kind, int(view.birth.get("interval") or 1), limits, room
    )
    module, name = KINDS[view.kind].split(":")
    load = getattr(importlib.import_module(module), name).load

    def make(tolerance: float, accepted: bool, state: dict[str, Any]) -> Analyser:
        known = dataclasses.replace(asset, tolerance=tolerance)
        if view.kind == "machine":
            known = dataclasses.replace(known, accepted=accepted)
        return load(known, state)  # type: ignore[no-any-return]

    return make


class Followed:
    """Judges records in order; ``marks`` are those that move thresholds."""

    def __init__(self, make: Make, marks: Sequence[MarkView]) -> None:
        self.make = make
        reset = max((one.id for one in marks if one.event is None), default=0)
        self.marks = [
            one for one in marks
            if one.id > reset and one.event is not None and one.t is not None and one.origin == "host"
        ]  # fmt: skip

    def judge(self, records: Iterator[Record]) -> Iterator[Said]:
        """The time of each record, whether there is an alarm, and what carries it; nothing while it learns."""
        from babbitt.detection.tolerance import tolerance

        said = [(one.t, one.verdict) for one in self.marks if one.t is not None]
        anew = sorted(one.since for one in self.marks if one.verdict == "new_normal")
        factor, accepted, known = 1.0, False, (-1, -1)
        analyser = self.make(factor, accepted, {})
        for at, values, recipe in records:
            if anew and at > anew[0]:
                accepted = True
                analyser = self.make(factor, accepted, {})
                anew = [one for one in anew if one >= at]
            now = (at // DAY_MS, sum(t < at for t, _ in said))
            if now != known:
                known = now
                wide = tolerance([one for one in said if one[0] < at], at).factor
                if wide != factor:
                    factor = wide
                    analyser = self.make(factor, accepted, analyser.dump())
            one = analyser.update(at, values, recipe)
            if one.level != "learning":
                yield at, one.level in ("warning", "alarm"), one.drivers


@dataclass(frozen=True, slots=True)
class Called:
    """Replayed alarms by the marks: how many were called right or wrong, how many nobody marked; ``missed``: alarms that were
    called right and that would not be told."""

    right: int
    wrong: int
    unmarked: int
    precision: float | None
    low: float | None
    high: float | None
    missed: int

    @property
    def text(self) -> str:
        """In plain words."""
        lost = f", {self.missed} that were called right would not be told" if self.missed else ""
        if self.precision is None:
            return f"no alarm that was marked right or wrong, {self.unmarked} not marked{lost}"
        of = self.right + self.wrong
        share = f"{self.precision:.0%} ({self.low:.0%} to {self.high:.0%})"
        return f"{self.right} of {of} marked alarms right, {share}; {self.unmarked} not marked{lost}"


def called(alarms: Sequence[Alarm], marks: Sequence[MarkView], origin: str = "host") -> Called:
    """What the marks say of these alarms: those of the host's alarms, or of the node's, each of the check that drives it."""
    from babbitt.detection.precision import precision
    from babbitt.store.views import Count

    some = [one for one in marks if one.t is not None and one.origin == origin]
    said = [(one.t or 0, one.verdict, one.check if origin == "node" else None) for one in some]

    def about(alarm: Alarm, t: int, check: str | None) -> bool:
        """Whether what was said at a time of a check is of an alarm."""
        if check is not None and check not in alarm.drivers:
            return False
        return alarm.start - NEAR_MS <= t and (alarm.end is None or t <= alarm.end)

    right = wrong = 0
    for alarm in alarms:
        of = {verdict for t, verdict, check in said if about(alarm, t, check)}
        right += "right" in of
        wrong += "right" not in of and bool(of & {"wrong", "new_normal"})
    missed = sum(
        verdict == "right" and not any(about(alarm, t, check) for alarm in alarms)
        for t, verdict, check in said
    )
    found = precision([Count(right, wrong)], 0)
    return Called(right, wrong, len(alarms) - right - wrong, found.precision, found.low, found.high, missed)
