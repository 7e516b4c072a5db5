"""``babbitt backtest``: what a detector would have said of the records that are in the store."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from babbitt.cli.followed import Alarm, Followed, Record, Said, called, maker
from babbitt.cli.options import JsonOption, StoreOption, print_json, print_table, when
from babbitt.errors import BacktestError
from babbitt.store.reader import StoreReader
from babbitt.store.views import MarkView

DAY_MS = 86_400_000
MONTH_DAYS = 30.4
AHEAD_H = 48.0
PROGRESS_S = 2.0


class By(StrEnum):
    """Which detector."""

    OWN = "own"
    TOGETHER = "together"
    NEW = "new"
    CHECKS = "checks"


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
            help="own: as the host judges; checks: those of the node; together: several channels as one; new: what a channel never did."
        ),
    ] = By.OWN,
    channels: Annotated[
        str | None, typer.Option(help="together, new: which, separated by commas; default all measured.")
    ] = None,
    learn: Annotated[
        int, typer.Option(min=60, max=100_000, help="together, new: records that are learnt first.")
    ] = 400,
    settings: Annotated[
        Path | None,
        typer.Option(
            help="checks: a configuration whose checks are tried instead of those the node has, as `babbitt desired` takes it."
        ),
    ] = None,
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
    if settings is not None and detector != By.CHECKS:
        raise BacktestError("--settings are checks of a node: add --detector checks")
    own = detector == By.OWN
    marks = reader.marks(site, node) if own or detector == By.CHECKS else []
    follow = Followed(maker(reader, site, node), marks) if own else None
    records = watched(records, start, end)
    if detector == By.CHECKS:
        _rehearse(reader, site, node, settings, records, marks, times, json)
        return
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
    found = [_found(one, alarms) for one in times]
    if json:
        whole = _whole(site, node, detector, (judged, first, last), alarms, times)
        print_json(whole | {"marks": by_marks, "without_marks": plain})
        return
    if not judged:
        print(f"Nothing was judged: {site}/{node} has too few records of these {days:g} days to learn from.")
        return
    _head(site, node, detector, (judged, first, last), alarms)
    if by_marks is not None:
        print(f"By the marks: {by_marks['as_judged'].text}.")
        if plain is not None:
            print(f"Had the thresholds not followed them: {len(plain)} alarms; {by_marks['without'].text}.")
    _foot(found, alarms)


def _rehearse(
    reader: StoreReader,
    site: str,
    node: str,
    file: Path | None,
    records: Iterator[Record],
    marks: list[MarkView],
    times: list[int],
    json: bool,
) -> None:
    """The same for the checks of a node."""
    from babbitt.cli.rehearsed import rehearse

    one = rehearse(reader, site, node, file, records)
    reader.close()
    span = one.records, one.first, one.last
    by_marks = called(one.alarms, marks, "node") if marks else None
    if json:
        whole = _whole(site, node, By.CHECKS, span, one.alarms, times)
        said = {"as_judged": by_marks, "without": by_marks} if by_marks else None
        print_json(whole | {"marks": said, "without_marks": None, "checks": one.checks, "raised": one.raised})
        return
    if not one.records:
        print(f"Nothing was judged: {site}/{node} has no records of this time.")
        return
    _head(site, node, By.CHECKS, span, one.alarms)
    print(
        "By check: " + ", ".join(f"{name} {count}" for name, count in one.checks.items()) + "."
        + ("" if one.raised is None else f" The node itself raised {one.raised} in that time.")
    )  # fmt: skip
    if by_marks is not None:
        print(f"By the marks: {by_marks.text}.")
    _foot([_found(at, one.alarms) for at in times], one.alarms)


def watched(records: Iterator[Record], start: int, end: int) -> Iterator[Record]:
    """The records, with how far they are on a terminal's standard error, every two seconds."""
    shown = time.monotonic()
    told = False
    for record in records:
        if time.monotonic() - shown > PROGRESS_S and sys.stderr.isatty():
            shown, told = time.monotonic(), True
            share = (record[0] - start) / max(1, end - start)
            print(f"\r{share:4.0%} of the time judged", end="", file=sys.stderr, flush=True)
        yield record
    if told:
        print("\r" + " " * 30 + "\r", end="", file=sys.stderr, flush=True)


def _whole(
    site: str, node: str, detector: By, span: tuple[int, int, int], alarms: list[Alarm], times: list[int]
) -> dict[str, Any]:
    """What every detector answers with ``--json``; ``span``: records, from, to."""
    judged, first, last = span
    events = [{"at": at, "hours_ahead": _found(at, alarms)} for at in times]
    return {
        "site": site, "node": node, "detector": detector.value, "records": judged, "from": first, "to": last,
        "alarms": alarms, "per_month": round(len(alarms) / _months(first, last), 2) if judged else None, "events": events,
    }  # fmt: skip


def _head(site: str, node: str, detector: By, span: tuple[int, int, int], alarms: list[Alarm]) -> None:
    judged, first, last = span
    print(
        f"{site}/{node}, {detector.value}: {len(alarms)} alarms in {judged} records from {when(first)} to {when(last)},"
        f" {len(alarms) / _months(first, last):.2f} a month."
    )


def _foot(found: list[float | None], alarms: list[Alarm]) -> None:
    if found:
        ahead = [hours for hours in found if hours is not None]
        print(
            f"Events: {len(ahead)} of {len(found)} were told"
            + (f", {min(ahead):.1f} h before at least." if ahead else ".")
        )
    print_table(
        "Alarms",
        ("from", "to", "because of"),
        [(when(a.start), when(a.end) if a.end else "still", ", ".join(a.drivers)) for a in alarms],
        "There would have been no alarm.",
    )


def _months(first: int, last: int) -> float:
    return max((last - first) / (MONTH_DAYS * DAY_MS), 1e-9)


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
