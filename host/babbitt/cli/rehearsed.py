"""Part of ``babbitt backtest``: the checks of a node, as they are or as a configuration has them, over the records of the store."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from babbitt.cli.followed import Alarm, Record
from babbitt.errors import BacktestError
from babbitt.store.reader import StoreReader

EVENTS_MOST = 100_000
"""So many of the node's own warnings and alarms are read at most."""


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """``records`` from ``first`` to ``last`` (ms), the alarms of all checks by their begin, each driven by its check; ``checks``: by id
    how many; ``raised``: so many the node itself raised in that time, None if they are too many to count."""

    records: int
    first: int
    last: int
    alarms: list[Alarm]
    checks: dict[str, int]
    raised: int | None


def rehearse(
    reader: StoreReader, site: str, node: str, file: Path | None, records: Iterator[Record]
) -> Rehearsed:
    """Judge records by the checks of a configuration file, or by those the node has. Raises BacktestError, ConfigRefused,
    CheckUnknown."""
    from babbitt.detection.rehearsal import Rehearsal

    birth = reader.node(site, node).birth
    if birth is None:
        raise BacktestError(f"{site}/{node} has not said yet what it measures: wait for its birth")
    checks, running = _asked(birth, file)
    if not checks:
        where = file or f"{site}/{node}"
        raise BacktestError(f"{where} has no checks: give a configuration that has some (--settings)")
    channels = list(birth["channels"])
    if birth.get("fw") == "imported":
        channels = [_as_measured(one) for one in channels]
    play = Rehearsal(channels, checks, running, int(birth.get("interval") or 1))
    found: dict[str, int] = {one["id"]: 0 for one in checks}
    alarms: list[Alarm] = []
    stands: dict[str, Alarm] = {}
    count = first = last = 0
    for t, values, recipe in records:
        first, last, count = first if count else t, t, count + 1
        for change in play.take(t, values, recipe):
            one = stands.get(change.check)
            if change.severity and one is None:
                stands[change.check] = Alarm(t, None, (change.check,))
                alarms.append(stands[change.check])
                found[change.check] += 1
            elif not change.severity and one is not None:
                one.end = t
                del stands[change.check]
    return Rehearsed(count, first, last, alarms, found, _raised(reader, site, node, first, last))


def _asked(birth: dict[str, Any], file: Path | None) -> tuple[list[dict[str, Any]], dict[str, Any] | None]:
    """Checks, and how it is known that the machine runs."""
    if file is None:
        return list(birth.get("checks") or []), birth.get("running")
    from babbitt.cli.desired import read_config
    from babbitt_node.config import validate

    config = validate(read_config(file))
    return list(config["checks"]), config["running"]


def _as_measured(channel: dict[str, Any]) -> dict[str, Any]:
    """A channel that was imported, in the steps a node has: millionths of g, thousandths of all else."""
    exp = -6 if channel["unit"] == "g" else -3
    by = 10.0 ** (channel["exp"] - exp)
    return channel | {"exp": exp, "lo": round(channel["lo"] * by), "hi": round(channel["hi"] * by)}


def _raised(reader: StoreReader, site: str, node: str, first: int, last: int) -> int | None:
    """How many times a check of the node left normal in that time."""
    some = reader.events(site, node, EVENTS_MOST, severity=1)
    if len(some) == EVENTS_MOST:
        return None
    quiet = {"N", "learning"}
    return sum(one.origin == "node" and first <= one.t <= last and one.came_from in quiet for one in some)
