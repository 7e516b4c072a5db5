"""A waveform of the store examined by itself: its speed, what it is compared with, and all that it told, as it is kept."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from babbitt.errors import NotEnough, StoreError
from babbitt.health.drawing import draw
from babbitt.health.facts import machine
from babbitt.health.report import Report, examine
from babbitt.health.turning import Source, captured, turning
from babbitt.protocol.cause import Examined, Found, FoundLine
from babbitt.settings import FactsPart
from babbitt.store.diagnoses import DiagnosisShelf
from babbitt.store.reader import StoreReader
from babbitt.store.waves import WaveShelf, WaveView

SAME_SPEED = 0.05
"""Share by which the speed of a waveform from before may differ."""
WELL_MS = 3_600_000
"""For so long before a waveform nothing but normal was assessed, if it is of a machine that is well."""


@dataclass(frozen=True, slots=True)
class Looked:
    """A report, and what it was made with: see :class:`Examined`."""

    report: Report
    rpm: float
    rpm_from: Source
    steady: bool
    reference: str | None
    against: str


def begun(view: WaveView, facts: FactsPart, now: int, tries: int) -> Examined:
    """What is kept while a waveform is examined."""
    return Examined(
        view.id, view.site, view.node, view.sensor, view.t, view.received, view.by, view.of, now, "begun", facts=facts,
        tries=tries,
    )  # fmt: skip


def examined(reader: StoreReader, one: Examined) -> Examined:
    """What the waveform of ``one``, which was :func:`begun`, tells. Raises StoreError, UnknownWave, FactsRefused, UnknownBearing."""
    try:
        looked = look(reader, one.wave, one.facts)
    except NotEnough as error:
        return replace(one, state="not examined", text=str(error))
    report = looked.report
    found = tuple(_found(report))
    causes = report.causes
    unsure = any(each.cause == "undetermined" for each in found)
    return replace(
        one, state="named" if causes else "undetermined" if unsure else "none", causes=causes, found=found,
        missing=_missing(report, one, looked), axis=report.axis, rpm=looked.rpm, rpm_from=looked.rpm_from,
        steady=looked.steady, reference=looked.reference, against=looked.against,
    )  # fmt: skip


def look(
    reader: StoreReader, wave: str, facts: FactsPart, given: tuple[str | None, str] | None = None
) -> Looked:
    """Examine a waveform, compared with ``given`` (a waveform or none, and why that), else with what :func:`before` finds. Raises
    NotEnough, StoreError, UnknownWave, FactsRefused, UnknownBearing."""
    shelf = WaveShelf(reader.path)
    taken = shelf.load(wave)
    known = machine(facts)
    profile, source = turning(reader, taken, facts.rpm)
    capture, shaft_hz, steady = captured(taken, profile)
    reference, against = given or before(reader, shelf, taken.view, shaft_hz, facts)
    then = captured(shelf.load(reference), None)[0] if reference is not None else None
    report = examine(capture, shaft_hz, known, then, taken.view.clip, steady)
    return Looked(report, 60 * shaft_hz, source, steady, reference, against)


def before(
    reader: StoreReader, shelf: WaveShelf, view: WaveView, shaft_hz: float, facts: FactsPart
) -> tuple[str | None, str]:
    """The newest older waveform of the same sensor and axes, taken while nothing but normal was assessed, in which no cause was
    named, at the same speed; one that a check of the node had taken is none. None if there is none, and why."""
    kept = DiagnosisShelf(reader.path)
    older = [
        one
        for one in shelf.views(view.site, view.node)
        if one.received < view.received and (one.sensor, one.axes) == (view.sensor, view.axes)
    ]
    others = []
    for one in older:
        at = one.t or one.received
        worst = reader.assessments(view.site, view.node, at - WELL_MS, at, 1)
        if one.by == "check" or not worst or worst[-1].level != "normal":
            continue
        told = kept.load(one.id)
        if told is not None and told.causes:
            continue
        try:
            profile, _ = turning(reader, taken := shelf.load(one.id), facts.rpm)
            speed = captured(taken, profile)[1]
        except (NotEnough, StoreError):
            continue
        if not math.isclose(speed, shaft_hz, rel_tol=SAME_SPEED):
            others.append(60 * speed)
            continue
        return (
            one.id,
            f"compared with {one.id}, taken while the machine was assessed normal, at {60 * speed:.0f} r/min",
        )
    if others:
        return (
            None,
            f"compared with none: those of when the machine was normal were at other speeds ({others[0]:.0f} r/min)",
        )
    return (
        None,
        "compared with none: there is no older waveform of this sensor of when the machine was assessed normal"
        + ("" if older else "; `babbitt command SITE NODE capture` takes one"),
    )


def redrawn(reader: StoreReader, one: Examined) -> str:
    """The drawing (SVG) of what a waveform told, worked out again as it was. Raises as :func:`look`; NotEnough, too, if it
    could not be examined."""
    if not one.found:
        raise NotEnough(f"there is nothing to draw: {one.text or one.words}")
    looked = look(reader, one.wave, one.facts, (one.reference, one.against))
    bearing = f", bearing {one.facts.bearing}" if one.facts.bearing else ""
    return draw(looked.report, f"{one.wave}, {looked.rpm:.0f} r/min{bearing}")


def _found(report: Report) -> list[Found]:
    bearing = tuple(
        FoundLine(f"{one.cause}: order {one.order:.3f}", one.family.hz, one.family.strength)
        for one in report.bearing.seen
    )
    shaft = tuple(
        FoundLine(f"{one.order:g}x", one.order * report.rotor.shaft_hz, one.over, one.mm_s, "mm/s")
        for one in report.rotor.lines
    )
    units = {"gears": "g", "electrical": "mm/s", "noise": "g/rtHz"}
    return [
        Found("bearing", report.bearing.cause, report.bearing.text, bearing),
        Found("rotor", report.rotor.cause, report.rotor.text, shaft),
        *(
            Found(
                name, one.cause, one.text,
                tuple(FoundLine(tone.name, tone.hz, tone.over, tone.height, units[name]) for tone in one.tones),
            )
            for name, one in report.findings.items()
        ),
    ]  # fmt: skip


def _missing(report: Report, one: Examined, looked: Looked) -> dict[str, str]:
    """What was not looked for, and what to do: for those who have settings, not options."""
    where = f'[machines."{one.site}/{one.node}"] of the settings'
    said = {
        "gears": f"`teeth` in {where}",
        "electrical": f"`line_hz` in {where}" if looked.steady else "a constant speed",
        "noise": "a waveform of when the machine was well",
    }
    return {name: said[name] for name in report.missing}
