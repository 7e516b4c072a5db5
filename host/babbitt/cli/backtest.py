"""``babbitt backtest``: what a detector would have said of the records that are in the store."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from babbitt.cli.followed import Alarm, Followed, Record, Said, called, maker
from babbitt.cli.options import JsonOption, StoreOption, print_json, print_table, when
from babbitt.errors import BacktestError
from babbitt.store.reader import StoreReader

if TYPE_CHECKING:
    pass

DAY_MS = 86_400_000
MONTH_DAYS = 30.4
AHEAD_H = 48.0


class By(StrEnum):
    """Which detector."""

    OWN = "own"
    TOGETHER = "together"
    NEW = "new"


def backtest(
    site: Annotated[str, typer.Argument(help="Site of the node.")],
    node: Annotated[str, typer.Argument(help="Name of the node.")],
    store: StoreOption,
    days: Annotated[
        float, typer.Option(min=0.01, max=4000, help="So far back from the newest record.")
    ] = 90.0,
    detector: Annotated[
        By,
        typer.Option(
            help="own: as the host judges; together: several channels as one; new: what a channel never did."
        ),
    ] = By.OWN,
    channels: Annotated[
        str | None, typer.Option(help="together, new: which, separated by commas; default all measured.")
    ] = None,
    learn: Annotated[
        int, typer.Option(min=60, max=100_000, help="together, new: records that are learnt first.")
    ] = 400,
    event: Annotated[
        list[str] | None,
        typer.Option(help="When something did happen (UTC), as 2026-10-17T20:30; may be given again."),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Replay what a node sent through a detector: how many alarms, when, why, and which of the events were found before."""
    reader = StoreReader(store)
    times = sorted(_time(one) for one in event or [])
    view = reader.node(site, node)
    end = view.last_t or int(time.time() * 1000)
    start = end - int(days * DAY_MS)
    records = reader.replay(site, node, start, end)
    asked = [one.strip() for one in channels.split(",")] if channels else None
    known = {one.id for one in reader.channels(site, node)}
    if asked and (missing := [one for one in asked if one not in known]):
        raise BacktestError(
            f"{site}/{node} has no channel {', '.join(missing)}; it has {', '.join(sorted(known))}"
        )
    own = detector == By.OWN
    marks = reader.marks(site, node) if own else []
    follow = Followed(maker(reader, site, node), marks) if own else None
    said: Iterator[Said]
    if follow:
        said = follow.judge(records)
    elif detector == By.TOGETHER:
        said = _together(learn, _chosen(records, asked))
    else:
        said = _new(learn, _chosen(records, asked))
    judged, first, last, alarms = _told(said, start)
    plain = None
    if follow is not None and follow.marks:
        plain = _told(Followed(follow.make, []).judge(reader.replay(site, node, start, end)), start)[3]
    by_marks = (
        {"as_judged": called(alarms, marks), "without": called(plain or alarms, marks)} if marks else None
    )
    reader.close()
    months = max((last - first) / (MONTH_DAYS * DAY_MS), 1e-9)
    found = [_found(one, alarms) for one in times]
    result = {
        "site": site, "node": node, "detector": detector.value, "records": judged, "from": first, "to": last,
        "alarms": alarms, "per_month": round(len(alarms) / months, 2) if judged else None,
        "events": [{"at": at, "hours_ahead": ahead} for at, ahead in zip(times, found, strict=True)],
        "marks": by_marks, "without_marks": plain,
    }  # fmt: skip
    if json:
        print_json(result)
        return
    if not judged:
        print(f"Nothing was judged: {site}/{node} has too few records of these {days:g} days to learn from.")
        return
    print(
        f"{site}/{node}, {detector.value}: {len(alarms)} alarms in {judged} records from {when(first)} to {when(last)},"
        f" {len(alarms) / months:.2f} a month."
    )
    if by_marks is not None:
        print(f"By the marks: {by_marks['as_judged'].text}.")
        if plain is not None:
            print(f"Had the thresholds not followed them: {len(plain)} alarms; {by_marks['without'].text}.")
    if times:
        ahead = [hours for hours in found if hours is not None]
        print(
            f"Events: {len(ahead)} of {len(times)} were told"
            + (f", {min(ahead):.1f} h before at least." if ahead else ".")
        )
    print_table(
        "Alarms",
        ("from", "to", "because of"),
        [(when(a.start), when(a.end) if a.end else "still", ", ".join(a.drivers)) for a in alarms],
        "There would have been no alarm.",
    )


def _told(said: Iterator[Said], start: int) -> tuple[int, int, int, list[Alarm]]:
    """How many records were judged, the times (ms) of the first and the last of them, and the alarms."""
    judged, first, last = 0, start, start
    alarms: list[Alarm] = []
    for at, on, drivers in said:
        first = at if not judged else first
        judged, last = judged + 1, at
        if on and (not alarms or alarms[-1].end is not None):
            alarms.append(Alarm(at, None, drivers))
        elif not on and alarms and alarms[-1].end is None:
            alarms[-1].end = at
    return judged, first, last, alarms


def _chosen(records: Iterator[Record], channels: list[str] | None) -> Iterator[Record]:
    """The channels asked for, or all that measure the machine."""
    for at, values, recipe in records:
        if channels is None:
            kept = {k: v for k, v in values.items() if not k.endswith((".rate", ".overflow", ".clip"))}
        else:
            kept = {k: values.get(k) for k in channels}
        yield at, kept, recipe


def _together(learn: int, records: Iterator[Record]) -> Iterator[Said]:
    from babbitt.detection.mewma import Mewma

    detector = Mewma(learn)
    for at, values, _ in records:
        score = detector.score_one(values)
        detector.learn_one(values)
        if score is not None:
            yield at, score >= 1, detector.drivers() if score >= 1 else ()


def _new(learn: int, records: Iterator[Record]) -> Iterator[Said]:
    """An alarm lasts while the level is off, and at least as long as nothing else is told after an event."""
    from babbitt.detection.refractory import Refractory
    from babbitt.detection.surprise import LEARN, Surprise

    if learn < LEARN:
        raise BacktestError(f"--learn {learn} is too few for the detector new: use at least {LEARN}")
    detector, latch = Surprise(learn), Refractory()
    for at, values, _ in records:
        score = detector.score_one(values)
        new = detector.new_one(values)
        detector.learn_one(values)
        if score is not None:
            on = latch.update(new) or latch.waiting or score >= 1
            yield at, on, detector.drivers() if on else ()


def _found(at: int, alarms: list[Alarm]) -> float | None:
    """Hours from the start of the alarm that stands at an event, or that ended less than AHEAD_H before it."""
    for alarm in alarms:
        if alarm.start <= at and (alarm.end is None or at - alarm.end <= AHEAD_H * 3_600_000):
            return round((at - alarm.start) / 3.6e6, 2)
    return None


def _time(text: str) -> int:
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise BacktestError(f"--event {text!r} is no time: write it as 2026-10-17T20:30") from error
    return int((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() * 1000)
