"""One lesson: a model is learnt from a file, back-tested, kept, and used if it is no worse than the one in use."""

from __future__ import annotations

import dataclasses
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from babbitt.errors import ModelError
from babbitt.prognosis.fleet.backtest import back_test
from babbitt.prognosis.fleet.history import Fleet, read
from babbitt.prognosis.fleet.jobs import Lesson
from babbitt.prognosis.fleet.model import LEAST_UNITS, train
from babbitt.prognosis.fleet.shelf import ModelShelf

Progress = Callable[[str, int, int], None]


def learn(store: Path, lesson: Lesson, file: Path, progress: Progress) -> dict[str, Any]:
    """Learn from a file and keep the model beside the store; what came of it in plain JSON types. Raises ModelError."""
    fleet = read(file, lesson.unit, lesson.at, lesson.settings, lesson.ended)
    lives = [float(h.time[-1]) for h in fleet.histories if h.failed]
    if len(lives) < LEAST_UNITS:
        raise ModelError(
            f"{len(lives)} machines of {lesson.file} have failed; {LEAST_UNITS} are needed to learn from"
        )
    name, mean = lesson.name, statistics.fmean(lives)
    top = lesson.cap or round(statistics.median(lives) / 2, 6)
    shelf = ModelShelf(store)
    shelf.versions(name)
    # A fifth is kept apart, for the new model and for the one in use: neither has seen it, if it is new to the latter.
    apart = fleet.histories[::5]
    rest = tuple(h for n, h in enumerate(fleet.histories) if n % 5)
    tested = back_test(train(Fleet(rest, fleet.channels, fleet.settings), top, progress), apart, mean)
    model = train(fleet, top, progress)
    before, used = shelf.current(name), None
    if before is not None:
        old = shelf.load(name)
        seen = set(old.trained["units"])
        fresh = [h for h in apart if h.unit not in seen]
        if old.channels == model.channels and old.settings == model.settings:
            used = back_test(old, fresh or apart, mean)
    about = {
        "made": int(time.time() * 1000), "file": lesson.file, "backtest": _plain(tested),
        "explained": model.explained(fleet),
    }  # fmt: skip
    version = shelf.save(name, model, about)
    better = used is None or tested is None or tested.error <= used.error
    if better:
        shelf.use(name, version)
    found = {
        "name": name, "version": version, "in_use": shelf.current(name), "cap": top, **model.trained,
        "backtest": _plain(tested), "one_in_use": _plain(used), "explained": about["explained"],
    }  # fmt: skip
    found.pop("units")
    return found


def told(found: dict[str, Any]) -> list[str]:
    """What came of a lesson, in plain words."""
    tested, used = found["backtest"], found["one_in_use"]
    said = [
        f"Model {found['name']}, version {found['version']}: learnt from {found['machines']} machines, {found['failed']} of which failed."
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
            f"It is not in use: version {found['in_use']} has an error of {used['error']:.3g}. `babbitt models use` takes it all the same."
        )
    leans = ", ".join(f"{feature} ({share:.0%})" for feature, share in found["explained"][:3])
    return [*said, f"It leans on {leans}."]


def _plain(found: Any) -> dict[str, Any] | None:
    return None if found is None else dataclasses.asdict(found)
