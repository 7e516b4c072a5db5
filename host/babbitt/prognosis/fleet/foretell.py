"""The models in use applied to the machines of a store."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from babbitt.errors import ModelError
from babbitt.prognosis.advice import HORIZON
from babbitt.prognosis.fleet.foretold import Beside, Costs, Foretellings, Foretold, advised
from babbitt.prognosis.fleet.history import LEAST_RECORDS
from babbitt.prognosis.fleet.lives import HOUR_MS, SOURCE, Channels, channels_of, history
from babbitt.prognosis.fleet.model import FleetModel
from babbitt.prognosis.fleet.shelf import ModelShelf
from babbitt.protocol.assessment import Interval
from babbitt.store.reader import StoreReader
from babbitt.store.views import LifeView, NodeView

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Used:
    """A model in use that was learnt from the store: which, and what is written of it."""

    name: str
    version: int
    about: dict[str, Any]

    def begin(self, view: NodeView, at: int) -> Foretold:
        """All but what it says."""
        t = self.about["trained"]
        went_on = t["machines"] - t["failed"]
        trained = f"{t['failed']} lives of machines in this store that ended with a failure and {went_on} that did not"
        if (tested := self.about["backtest"]) is not None:
            trained += f"; on lives it had not seen it was wrong by {tested['error']:.3g} h"
            trained += ", no better than the mean life" if tested["error"] >= tested["mean_life"] else ""
        beside = msgspec.convert(self.about["own"], Beside)
        return Foretold(
            view.site, view.node, at, self.name, self.version, self.about["made"], trained, beside
        )


@dataclass(frozen=True)
class _Known(_Used):
    """One that could be read."""

    model: FleetModel

    @property
    def channels(self) -> Channels:
        return tuple(zip(self.model.channels, self.model.trained["units_of_channels"], strict=True))


@dataclass(frozen=True)
class _Unread(_Used):
    """One that could not, and why."""

    fault: str


def in_use(store: Path) -> dict[str, int]:
    """Models in use that were learnt from the store, and their versions."""
    shelf = ModelShelf(store)
    found = {name: shelf.current(name) for name in shelf.names()}
    return {
        name: version
        for name, version in found.items()
        if version is not None and shelf.about(name, version)["trained"].get("source") == SOURCE
    }


def foretell(reader: StoreReader, costs: Costs) -> Foretellings:
    """What the models in use say of all machines; of none if no model was learnt from the store. A model that cannot be read, as one
    of an earlier version of this program, keeps no other from being used. Raises ModelError, StoreError."""
    at, shelf = int(time.time() * 1000), ModelShelf(reader.path)
    models: list[_Known | _Unread] = []
    for name, version in in_use(reader.path).items():
        about = shelf.about(name, version)
        try:
            models.append(_Known(name, version, about, shelf.load(name, version)))
        except ModelError as error:
            log.error("%s, version %s, is not used: %s", name, version, error)
            models.append(_Unread(name, version, about, str(error)))
    if not models:
        return Foretellings(at)
    last: dict[tuple[str, str], LifeView] = {(one.site, one.node): one for one in reader.lives()}
    return Foretellings(
        at,
        tuple(
            _one(reader, view, models, last.get((view.site, view.node)), costs, at)
            for view in reader.nodes()
            if view.kind == "machine"
        ),
    )


def _one(
    reader: StoreReader,
    view: NodeView,
    models: list[_Known | _Unread],
    life: LifeView | None,
    costs: Costs,
    at: int,
) -> Foretold:
    channels = channels_of(view)
    known = [one for one in models if isinstance(one, _Known)]
    unread = [one for one in models if isinstance(one, _Unread)]
    if not known:
        return msgspec.structs.replace(unread[0].begin(view, at), why=unread[0].fault)
    # Of several that fit the newest; of those that do not the nearest, to say what is missing.
    best = max(known, key=lambda k: (-len(set(k.channels) ^ set(channels)), k.about["made"]))
    said = best.begin(view, at)

    def none(why: str) -> Foretold:
        return msgspec.structs.replace(said, why=why)

    if best.channels != channels:
        return none("; ".join([_misfit(best, channels), *(one.fault for one in unread)]))
    if life is None:
        return none("nothing of it is in the history yet")
    if life.end is not None:
        return none(
            f"it failed, as someone said: when it runs again, say `babbitt lives {view.site} {view.node} repaired`"
        )
    step = int(best.model.trained["step_h"])
    found = history(reader, view, channels, life, step)
    if found is None:
        return none(
            f"its life has fewer than {LEAST_RECORDS} points yet, of {step} h each in which it measured all channels"
        )
    left, mean = best.model.remaining(found), float(best.model.trained["mean_life"])
    whole = msgspec.structs.replace(
        said,
        t=life.begin + round(float(found.time[-1]) * HOUR_MS),
        remaining=Interval(left.p10, left.p50, left.p90),
        beyond=left.beyond,
        chance=best.model.chance(left.p50, HORIZON * mean),
        horizon=HORIZON * mean,
    )
    return msgspec.structs.replace(whole, advice=advised(whole, costs, mean))


def _misfit(known: _Known, channels: Channels) -> str:
    """What keeps a model from being applied."""
    wants, has = dict(known.channels), dict(channels)
    missing = [name for name in wants if name not in has]
    more = [name for name in has if name not in wants]
    units = [
        f"{name} in {has[name]}, not {wants[name]}"
        for name in wants
        if has.get(name, wants[name]) != wants[name]
    ]
    parts = [
        f"{what} {', '.join(some[:4])}{' ...' if len(some) > 4 else ''}"
        for what, some in (("does not measure", missing), ("measures besides", more), ("measures", units))
        if some
    ]
    return f"it is of another kind than the machines the model was learnt from: it {' and '.join(parts)}"
