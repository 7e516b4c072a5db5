"""What the models of fleets say of the machines that run: made anew from the store, kept as one file beside it.

``models/foretold.json`` is replaced as a whole, so that a crash leaves the one of before; whoever looks on reads that file and learns
nothing himself.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

import msgspec

from babbitt.errors import ModelError
from babbitt.prognosis.advice import Advice, advise
from babbitt.protocol.assessment import Assessment, Interval
from babbitt.store.files import write_whole

FOLDER, FILE = "models", "foretold.json"
Costs = Mapping[str, tuple[float, float]]
"""What a planned stop and a failure cost, by SITE/NODE; of "" for all others."""


class Beside(msgspec.Struct, frozen=True):
    """How the fleet and the machines' own models did on past lives: see :mod:`.compared`. Errors in hours."""

    asked: int
    answered: int
    own: float | None
    fleet: float | None
    first: Literal["fleet", "own"]


class Foretold(msgspec.Struct, frozen=True):
    """Of a machine: the remaining life by a ``model`` in the ``version`` ``made`` at (ms) and learnt from ``trained`` (in words), as
    of ``t`` (ms, its newest point), worked out ``at`` (ms). ``remaining`` in hours, None: there is no number, and ``why``.
    ``beyond``: more than the model tells is possible. ``chance`` of a failure within ``horizon`` hours."""

    site: str
    node: str
    at: int
    model: str
    version: int
    made: int
    trained: str
    beside: Beside
    t: int | None = None
    remaining: Interval | None = None
    beyond: bool = False
    why: str = ""
    chance: float | None = None
    horizon: float | None = None
    advice: Advice | None = None

    @property
    def span(self) -> str:
        """The number in a few words; empty if there is none."""
        left = self.remaining
        if left is None:
            return ""
        unit, hours = ("d", 24.0) if left.p10 >= 48 else ("h", 1.0)
        low, middle, high = (f"{value / hours:.0f}" for value in (left.p10, left.p50, left.p90))
        if self.beyond and middle == high:
            return f"{low} {unit} or more"
        return f"{middle} {unit} ({low} to {high}{' or more' if self.beyond else ''})"

    @property
    def source(self) -> str:
        """Which model, in words."""
        made = datetime.fromtimestamp(self.made / 1000).astimezone()
        return f"model {self.model}, version {self.version} of {made:%Y-%m-%d}, learnt from {self.trained}"

    @property
    def first_text(self) -> str:
        """Which of both comes first, and why."""
        one = self.beside
        if one.own is None or one.fleet is None:
            return f"the machines' own models gave no number at {one.asked} moments of past lives, so the fleet comes first"
        return (
            f"on past lives the fleet was wrong by {one.fleet:.3g} h and the machines' own models by {one.own:.3g} h"
            f" ({one.answered} of {one.asked} moments had a number of both), so the {'fleet' if one.first == 'fleet' else 'own model'}"
            " comes first"
        )


class Foretellings(msgspec.Struct, frozen=True):
    """All machines, worked out ``at`` (ms)."""

    at: int
    nodes: tuple[Foretold, ...] = ()


def first(own: Assessment | None, fleet: Foretold | None) -> Literal["own", "fleet"]:
    """Whose number is shown first; that a limit is passed comes before all numbers, and the lives of others alone are no trend of
    its own."""
    said = own is not None and own.remaining is not None and own.outlook != "lives"
    if fleet is None or fleet.remaining is None:
        return "own"
    if own is not None and own.outlook == "beyond limit":
        return "own"
    return fleet.beside.first if said else "fleet"


def keep(store: Path, found: Foretellings) -> None:
    """Keep what was foretold. Raises ModelError."""
    place = store / FOLDER / FILE
    try:
        place.parent.mkdir(exist_ok=True)
        write_whole(place, msgspec.json.encode(found))
    except OSError as error:
        raise ModelError(f"{place} cannot be written: {error.strerror}") from error


def kept(store: Path) -> dict[tuple[str, str], Foretold]:
    """What was foretold last by site and node; nothing if nothing was, or the file is damaged: it is made again within the hour."""
    place = store / FOLDER / FILE
    try:
        return _read(place, place.stat().st_mtime_ns)
    except (OSError, msgspec.DecodeError):
        return {}


@functools.lru_cache(maxsize=2)
def _read(place: Path, _changed: int) -> dict[tuple[str, str], Foretold]:
    found = msgspec.json.decode(place.read_bytes(), type=Foretellings)
    return {(one.site, one.node): one for one in found.nodes}


def of(store: Path, site: str, node: str) -> Foretold | None:
    """What was foretold of a machine."""
    return kept(store).get((site, node))


def advised(one: Foretold, costs: Costs, mean_life: float) -> Advice | None:
    """Whether maintenance is worth doing now, if costs are known."""
    known = costs.get(f"{one.site}/{one.node}", costs.get(""))
    if known is None or one.chance is None or one.horizon is None:
        return None
    return advise(one.chance, *known, mean_life, one.horizon)


def plain(one: Foretold | None) -> Any:
    """As plain JSON types, with the advice in words."""
    if one is None:
        return None
    found = msgspec.to_builtins(one)
    if one.advice is not None:
        found["advice"]["text"] = one.advice.said(" h")
    return found
