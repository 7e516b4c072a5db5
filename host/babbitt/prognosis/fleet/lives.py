"""Histories from the store: the lives of its own machines, as people told them, hour by hour.

Machines are of a kind if they measure the same: the same set of channels that tell of wear (energies, bands, shapes,
temperatures), in the same units. Of each life there are at most POINTS points, each the mean of so many hours, the same number for
all lives of a kind; energies and shapes as natural logs (:mod:`babbitt.manipulation.features`). Hours in which a machine is known
not to have run count for nothing; a step without any hour is no point. Time is that of the calendar, in hours since the life began.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from babbitt.errors import ModelError
from babbitt.manipulation.features import features, kind
from babbitt.prognosis.fleet.history import LEAST_RECORDS, Fleet, History
from babbitt.prognosis.fleet.model import LEAST_UNITS, Progress, quiet
from babbitt.store.reader import StoreReader
from babbitt.store.tables import physical
from babbitt.store.views import LifeView, NodeView

HOUR_MS = 3_600_000
POINTS, FEWEST, TOTAL = 400, 50, 400_000
"""Points of the longest life; fewer, but not below FEWEST, if all lives together would have more than TOTAL."""
CHUNK_MS = 90 * 24 * HOUR_MS
"""So much of a life is read at once."""
SOURCE = "store"

Channels = tuple[tuple[str, str], ...]
"""Names and units, sorted by name."""


def channels_of(view: NodeView) -> Channels:
    """The channels of a machine that tell of wear, as it announced them last; none before its first birth."""
    announced = (view.birth or {}).get("channels", [])
    return tuple(sorted((c["id"], c["unit"]) for c in announced if kind(c["id"]) is not None))


@dataclass(frozen=True)
class Kind:
    """Machines that measure the same ``channels``, and their lives."""

    channels: Channels
    machines: tuple[NodeView, ...]
    lives: tuple[LifeView, ...]

    @property
    def failed(self) -> int:
        """How many lives ended with a failure."""
        return sum(one.failed for one in self.lives)

    @property
    def text(self) -> str:
        """Which machines, in words."""
        first = f"{self.machines[0].site}/{self.machines[0].node}"
        others = len(self.machines) - 1
        return first if not others else f"{first} and {others} like it"

    def step_h(self) -> int:
        """Hours of a point, so that the longest life has at most POINTS."""
        newest = {(m.site, m.node): m.last_t or 0 for m in self.machines}
        ends = [
            (newest[one.site, one.node] if one.end is None else one.end) - one.begin for one in self.lives
        ]
        points = max(FEWEST, min(POINTS, TOTAL // max(1, len(self.lives))))
        return max(1, math.ceil(max(ends, default=0) / HOUR_MS / points))


def kinds(reader: StoreReader) -> list[Kind]:
    """The kinds of machines of a store, those with most failures first."""
    found: dict[Channels, list[NodeView]] = {}
    for view in reader.nodes():
        if view.kind == "machine" and (channels := channels_of(view)):
            found.setdefault(channels, []).append(view)
    of: dict[tuple[str, str], list[LifeView]] = {}
    for life in reader.lives():
        of.setdefault((life.site, life.node), []).append(life)
    all_ = [
        Kind(
            channels,
            tuple(machines),
            tuple(life for m in machines for life in of.get((m.site, m.node), [])),
        )
        for channels, machines in found.items()
    ]
    return sorted(all_, key=lambda one: -one.failed)


def choose(reader: StoreReader, like: str | None) -> Kind:
    """The kind of machine to learn from: that of the machine ``like`` (SITE/NODE), or the only one with enough failures. Raises
    ModelError."""
    all_ = kinds(reader)
    if like is not None:
        named = [one for one in all_ if any(f"{m.site}/{m.node}" == like for m in one.machines)]
        if not named:
            raise ModelError(f"the store has no machine {like} that measures vibration or a temperature")
        enough = named
    else:
        enough = [one for one in all_ if one.failed >= LEAST_UNITS] or all_[:1]
    if not enough:
        raise ModelError(
            "the store has no machine that measures vibration or a temperature: nothing can be learnt"
        )
    if len(enough) > 1:
        several = "; ".join(f"{one.text} ({one.failed} failures)" for one in enough)
        raise ModelError(
            f"several kinds of machine have failed often enough: {several}. Say which: --like SITE/NODE"
        )
    check(enough[0], len([one for one in enough[0].lives if one.failed]))
    return enough[0]


def check(one: Kind, failed: int) -> None:
    """Raises ModelError if too few lives, of which ``failed`` can be learnt from, ended with a failure."""
    if failed >= LEAST_UNITS:
        return
    count: dict[str, int] = {}
    for life in one.lives:
        count[f"{life.site}/{life.node}"] = count.get(f"{life.site}/{life.node}", 0) + life.failed
    by = ", ".join(f"{name} {n}" for name, n in sorted(count.items(), key=lambda pair: -pair[1])[:8] if n)
    short = one.failed - failed
    raise ModelError(
        f"{failed} lives of {one.text} ended with a failure{f' ({by})' if by else ''}"
        + (f", {short} more have fewer than {LEAST_RECORDS} points" if short > 0 else "")
        + f"; {LEAST_UNITS} are needed to learn from, and {len(one.lives) - one.failed} that did not fail help. Say of each machine"
        " when it failed and when it was repaired: `babbitt lives SITE NODE failed --at TIME`"
    )


class Lives:
    """The lives of a kind as histories of a fleet."""

    def __init__(self, reader: StoreReader, one: Kind) -> None:
        self.reader, self.kind, self.step_h = reader, one, one.step_h()
        self._views = {(m.site, m.node): m for m in one.machines}
        self.of: dict[str, LifeView] = {_unit(life): life for life in one.lives}

    def fleet(self, step_h: int, progress: Progress = quiet) -> Fleet:
        """All lives that have enough points, in steps of so many hours."""
        found = []
        for n, life in enumerate(self.kind.lives):
            if n % 20 == 0:
                progress("reading lives", n, len(self.kind.lives))
            one = history(self.reader, self._views[life.site, life.node], self.kind.channels, life, step_h)
            found += [] if one is None else [one]
        if not found:
            check(self.kind, 0)
        return Fleet(tuple(found), tuple(name for name, _ in self.kind.channels))

    def about(self) -> dict[str, Any]:
        """What a model that is learnt from them has to know to be applied."""
        return {
            "source": SOURCE, "step_h": self.step_h, "units_of_channels": [unit for _, unit in self.kind.channels],
            "nodes": len(self.kind.machines),
        }  # fmt: skip


def _unit(life: LifeView) -> str:
    """A name for a life. One that still runs is another than what it will be when it is over: that is new then."""
    return f"{life.site}/{life.node} life {life.number}" + (" (runs)" if life.end is None else "")


def history(
    reader: StoreReader, view: NodeView, channels: Channels, life: LifeView, step_h: int
) -> History | None:
    """A life in steps of so many hours; None if it has too few points."""
    end = life.end if life.end is not None else (view.last_t or life.begin)
    step = step_h * HOUR_MS
    bins = max(1, math.ceil((end - life.begin) / step))
    sums, counts = np.zeros((bins, len(channels))), np.zeros((bins, len(channels)))
    upto = np.zeros(bins, np.int64)
    running = _running(view)
    asked = [*channels, *([running[0]] if running else [])]
    for first in range(life.begin, end + 1, CHUNK_MS):
        t, v = reader.hours(view.site, view.node, asked, first, min(end, first + CHUNK_MS - 1))
        if running is not None:
            ran = v[:, -1] > running[1]
            t, v = t[ran], v[ran]
        at = np.minimum((t - life.begin) // step, bins - 1)
        known = np.isfinite(v[:, : len(channels)])
        np.add.at(sums, at, np.where(known, v[:, : len(channels)], 0.0))
        np.add.at(counts, at, known)
        np.maximum.at(upto, at, t + HOUR_MS)
    rows = np.flatnonzero(counts.any(axis=1))
    means = np.divide(sums, counts, out=np.full_like(sums, np.nan), where=counts > 0)[rows]
    values = _filled(_features(means, [name for name, _ in channels]))
    whole = np.isfinite(values).all(axis=1)
    rows, values = rows[whole], values[whole]
    if len(rows) < LEAST_RECORDS:
        return None
    time = (np.minimum(upto[rows], max(end, life.begin)) - life.begin) / HOUR_MS
    over = None if life.end is None else (life.end - life.begin) / HOUR_MS
    return History(_unit(life), time, np.empty((len(rows), 0)), values, life.failed, over)


def _running(view: NodeView) -> tuple[tuple[str, str], float] | None:
    """By which channel (name, unit) the machine is known to run, and above what; None: it is not known."""
    birth = view.birth or {}
    said = birth.get("running") or {}
    for c in birth.get("channels", []):
        if c["id"] == said.get("channel"):
            return (c["id"], c["unit"]), physical(said["above"], c["exp"])
    return None


def _features(means: NDArray[np.float64], names: Sequence[str]) -> NDArray[np.float64]:
    """Means of channels as features; NaN where there is none."""
    out = np.full_like(means, np.nan)
    for n, row in enumerate(means.tolist()):
        found = features(dict(zip(names, row, strict=True)))
        out[n] = [found.get(name, math.nan) for name in names]
    return out


def _filled(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """With what was measured last wherever nothing was."""
    at = np.where(np.isfinite(values), np.arange(len(values))[:, None], 0)
    filled: NDArray[np.float64] = np.take_along_axis(values, np.maximum.accumulate(at, axis=0), axis=0)
    return filled
