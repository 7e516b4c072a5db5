"""One lesson: a model is learnt from a file or from the store, back-tested, kept, and used if it is no worse than the one in use."""

from __future__ import annotations

import dataclasses
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from babbitt.errors import ModelError
from babbitt.prognosis.fleet.backtest import Backtest, back_test
from babbitt.prognosis.fleet.compared import compare
from babbitt.prognosis.fleet.history import Fleet, History, read
from babbitt.prognosis.fleet.jobs import Lesson
from babbitt.prognosis.fleet.lives import SOURCE, Lives, check, choose
from babbitt.prognosis.fleet.model import LEAST_UNITS, FleetModel, train
from babbitt.prognosis.fleet.shelf import ModelShelf
from babbitt.store.reader import StoreReader

Progress = Callable[[str, int, int], None]


def learn(store: Path, lesson: Lesson, file: Path, progress: Progress) -> dict[str, Any]:
    """Learn from a file, or from the lives in the store, and keep the model beside the store; what came of it in plain JSON types.
    Raises ModelError, StoreError."""
    if lesson.from_store:
        reader = StoreReader(store)
        try:
            lives = Lives(reader, choose(reader, lesson.like))
            fleet = lives.fleet(lives.step_h, progress)
            check(lives.kind, sum(h.failed for h in fleet.histories))
            return _learn(store, lesson, fleet, progress, lives)
        finally:
            reader.close()
    fleet = read(file, lesson.unit, lesson.at, lesson.settings, lesson.ended)
    failed = sum(h.failed for h in fleet.histories)
    if failed < LEAST_UNITS:
        raise ModelError(
            f"{failed} machines of {lesson.file} have failed; {LEAST_UNITS} are needed to learn from"
        )
    return _learn(store, lesson, fleet, progress, None)


def _learn(
    store: Path, lesson: Lesson, fleet: Fleet, progress: Progress, lives: Lives | None
) -> dict[str, Any]:
    name, spans = lesson.name, [h.life for h in fleet.histories if h.failed]
    mean, top = statistics.fmean(spans), lesson.cap or round(statistics.median(spans) / 2, 6)
    shelf = ModelShelf(store)
    shelf.versions(name)
    old = _in_use(shelf, name)
    # A fifth is kept apart, for the new model and for the one in use: neither has seen it, if it is new to the latter.
    out = _apart(fleet.histories, set(old.trained["units"]) if old is not None else set())
    apart = [fleet.histories[n] for n in out]
    rest = tuple(h for n, h in enumerate(fleet.histories) if n not in out)
    trial = train(Fleet(rest, fleet.channels, fleet.settings), top, progress, least=1)
    tested = back_test(trial, apart, mean)
    new, used = _against(trial, old, apart, mean, lives)
    model = train(fleet, top, progress)
    if lives is not None:
        model.trained |= lives.about()
    about = {
        "made": int(time.time() * 1000), "file": lesson.file, "backtest": _plain(tested),
        "explained": model.explained(),
    }  # fmt: skip
    if lives is not None:
        about["own"] = compare(lives, model.asked, top)
    version = shelf.save(name, model, about)
    if used is None or new is None or new.error <= used.error:
        shelf.use(name, version)
    found = {
        "name": name, "version": version, "in_use": shelf.current(name), "cap": top, **model.trained,
        "backtest": _plain(tested), "one_in_use": None if used is None or new is None else {**dataclasses.asdict(used), "new": new.error},
        "own": about.get("own"), "explained": about["explained"],
    }  # fmt: skip
    found.pop("units")
    return found


def _in_use(shelf: ModelShelf, name: str) -> FleetModel | None:
    """The model in use; None if there is none, or one that cannot be read: of an earlier version, or damaged."""
    try:
        return None if shelf.current(name) is None else shelf.load(name)
    except ModelError:
        return None


def _apart(histories: Sequence[History], seen: set[str]) -> set[int]:
    """Which fifth is kept apart: lives that failed and are new to the model in use come first."""
    most = -(-len(histories) // 5)
    new = [n for n, h in enumerate(histories) if h.failed and seen and h.unit not in seen]
    out = new[:: max(1, len(new) // most)][:most]
    out += [n for n in range(0, len(histories), 5) if n not in out][: most - len(out)]
    return set(out)


def _against(
    trial: FleetModel, old: FleetModel | None, apart: Sequence[History], mean: float, lives: Lives | None
) -> tuple[Backtest | None, Backtest | None]:
    """The back-test of a model that is tried and of the one in use on the same lives, capped alike; None where they cannot be
    compared: there is none, or it was learnt from something else."""
    if old is None or (old.channels, old.settings) != (trial.channels, trial.settings):
        return None, None
    if (old.trained.get("source") == SOURCE) != (lives is not None):
        return None, None
    seen, cap = set(old.trained["units"]), min(old.cap, trial.cap)
    fresh = [h for h in apart if h.failed and h.unit not in seen] or list(apart)
    before = fresh
    if lives is not None and old.trained["step_h"] != lives.step_h:
        again = {h.unit: h for h in lives.fleet(old.trained["step_h"]).histories}
        fresh = [h for h in fresh if h.unit in again]
        before = [again[h.unit] for h in fresh]
    return back_test(trial, fresh, mean, cap), back_test(old, before, mean, cap)


def told(found: dict[str, Any]) -> list[str]:
    """What came of a lesson, in plain words."""
    tested, used = found["backtest"], found["one_in_use"]
    of = f"lives of {found['nodes']} machines" if "nodes" in found else "machines"
    said = [
        f"Model {found['name']}, version {found['version']}: learnt from {found['machines']} {of}, {found['failed']} of which failed."
    ]
    if tested is not None:
        said.append(
            f"Back-test on {tested['machines']} of them that it had not seen: error {tested['error']:.3g} (the mean life:"
            f" {tested['mean_life']:.3g}), {tested['inside']:.0%} of the truths inside the 80 % interval."
        )
    if found["in_use"] == found["version"]:
        said.append("It is in use from now on.")
    else:
        said.append(
            f"It is not in use: version {found['in_use']} has an error of {used['error']:.3g} on {used['machines']} of them, it"
            f" {used['new']:.3g}. `babbitt models use` takes it all the same."
        )
    if found["own"] is not None:
        said.append(own_told(found["own"]))
    leans = ", ".join(f"{feature} ({share:.0%})" for feature, share in found["explained"][:3])
    return [*said, f"It leans on {leans}."]


def own_told(own: dict[str, Any]) -> str:
    """How the model did beside the machines' own degradation models, in plain words."""
    if not own["answered"]:
        return f"The machines' own degradation models gave no number at {own['asked']} moments of these lives: the fleet comes first."
    return (
        f"At {own['answered']} of {own['asked']} moments of these lives the machines' own degradation models gave a number, with an error of"
        f" {own['own']:.3g} h; the fleet's is {own['fleet']:.3g} h there: the {'fleet' if own['first'] == 'fleet' else 'own model'} comes first."
    )


def _plain(found: Any) -> dict[str, Any] | None:
    return None if found is None else dataclasses.asdict(found)
