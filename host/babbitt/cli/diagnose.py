"""``babbitt diagnose``: what a waveform says about bearing, rotor, gears and motor."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec
import typer

from babbitt.cli.options import JsonOption, StoreOption, machines, print_json, when
from babbitt.errors import FactsRefused, StoreError, UnknownWave
from babbitt.settings import FactsPart, MachinePart
from babbitt.store.diagnoses import DiagnosisShelf
from babbitt.store.reader import StoreReader
from babbitt.store.waves import Wave, WaveShelf

if TYPE_CHECKING:
    from babbitt.health.report import Machine, Report
    from babbitt.manipulation.orders import Profile
    from babbitt.protocol.cause import Examined


def diagnose(
    wave: Annotated[
        str,
        typer.Argument(
            help="Id of the waveform, as `babbitt waves` lists it; or SITE/NODE: what the host found in its newest one."
        ),
    ],
    store: StoreOption,
    rpm: Annotated[
        float | None,
        typer.Option(
            min=1,
            max=120_000,
            help="Speed of the shaft in r/min; default that of the node's tachometer, else of the settings.",
        ),
    ] = None,
    rpm_end: Annotated[
        float | None,
        typer.Option(
            min=1, max=120_000, help="Speed at the end of the waveform, if it changed steadily from --rpm."
        ),
    ] = None,
    bearing: Annotated[
        str | None,
        typer.Option(
            help="Number of the bearing, or balls/ball mm/pitch mm/angle; default that of the settings; without it its lines are searched."
        ),
    ] = None,
    teeth: Annotated[
        str | None,
        typer.Option(
            help="Teeth of the gear on the shaft, and of the one it drives if known, as 32 or 32/80."
        ),
    ] = None,
    line_hz: Annotated[
        float | None,
        typer.Option(
            min=1, max=1000, help="Line frequency of the motor in Hz; behind a converter its output."
        ),
    ] = None,
    poles: Annotated[
        int | None,
        typer.Option(min=2, max=64, help="Poles of the motor; default those that fit the speed."),
    ] = None,
    axial: Annotated[
        Literal["x", "y", "z"] | None,
        typer.Option(
            help="Axis of the sensor that lies along the shaft: tells a bent shaft from an imbalance."
        ),
    ] = None,
    before: Annotated[
        str | None,
        typer.Option(help="A waveform of the same machine, at the same speed and load, when it was well."),
    ] = None,
    drawing: Annotated[Path | None, typer.Option(help="Draw what was found into this file (SVG).")] = None,
    spectrum: Annotated[
        Path | None,
        typer.Option(help="Write the spectrum of all axes into this file (CSV), by order and Hz."),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Say what a waveform tells about the cause: bearing, rotor, gears, motor, noise, or undetermined."""
    from babbitt.health.drawing import draw
    from babbitt.health.report import examine
    from babbitt.health.turning import captured

    if rpm_end is not None and rpm is None:
        raise typer.BadParameter("the speed at the end needs that at the beginning: --rpm")
    given = {"bearing": bearing, "teeth": teeth, "line_hz": line_hz, "poles": poles, "axial": axial}
    asked = {name: value for name, value in given.items() if value is not None}
    if wave.count("/") == 1:
        plainly = not asked and rpm is None and before is None and drawing is None and spectrum is None
        if plainly and (kept := _kept(store, wave)) is not None:
            print_json(kept) if json else _recount(kept)
            return
        wave = _newest(store, wave)
    name = "/".join(wave.split("/")[:2])
    facts = msgspec.structs.replace(machines().get(name, MachinePart()).facts, **asked)
    machine = _machine(facts)
    shelf = WaveShelf(store)
    found = shelf.load(wave)
    profile = _profile(store, found, rpm, rpm_end, facts.rpm)
    capture, shaft_hz, steady = captured(found, profile)
    then = captured(shelf.load(before), None)[0] if before is not None else None
    report = examine(capture, shaft_hz, machine, then, found.view.clip, steady)
    speed = 60 * shaft_hz
    title = f"{wave}, {speed:.0f} r/min" + (f", bearing {facts.bearing}" if facts.bearing else "")
    if not steady:
        slow, fast = (60 * float(one) for one in (profile.hz.min(), profile.hz.max()))
        title += f" (read at equal angles, {slow:.0f} to {fast:.0f} r/min)"
    if drawing is not None:
        _write(drawing, draw(report, title))
    if spectrum is not None:
        _write(spectrum, _table(report))
    if json:
        print_json(_plain(report, wave, speed, steady))
        return
    _tell(report, title)
    if drawing is not None:
        print(f"Drawn in {drawing}.")
    if spectrum is not None:
        print(f"Its spectrum is in {spectrum}.")


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise StoreError(f"{path} cannot be written: {error.strerror}") from error


def _table(report: Report) -> str:
    """The spectrum as CSV: order (multiples of the shaft), Hz, height and background in g RMS."""
    lines, shaft_hz = report.lines, report.bearing.shaft_hz
    rows = [
        f"{n * lines.step / shaft_hz:.4f},{n * lines.step:.4f},{size:.6g},{floor:.6g}"
        for n, (size, floor) in enumerate(zip(lines.size.tolist(), lines.floor.tolist(), strict=True))
    ]
    return "\n".join(["order,hz,g_rms,background_g_rms", *rows]) + "\n"


def _tell(report: Report, title: str) -> None:
    print(title)
    print(f"Found: {', '.join(report.causes) or 'no cause that can be named'}.")
    print(f"Bearing (axis {report.axis}): {report.bearing.cause}. {report.bearing.text}")
    print(f"Rotor: {report.rotor.cause}. {report.rotor.text}")
    for name, one in report.findings.items():
        print(f"{name.capitalize()}: {one.cause}. {one.text}")
    if report.missing:
        wanted = "; ".join(f"{name}, which needs {what}" for name, what in report.missing.items())
        print(f"Not looked for: {wanted}.")
    speeds = ", ".join(f"{axis} {one.mm_s:.2f} mm/s" for axis, one in report.velocity.items())
    covered = next(iter(report.velocity.values()))
    zones = "" if covered.whole else ", which is not the 10 to 1000 Hz of ISO 20816: hold it against no zone"
    print(f"Velocity, RMS: {speeds} ({covered.low_hz:.0f} to {covered.high_hz:.0f} Hz{zones}).")
    band = report.band
    print(
        f"Shocks are strongest from {band.low_hz:.0f} to {band.high_hz:.0f} Hz (spectral kurtosis {band.kurtosis:.1f}; 0 is noise)."
    )


def _machine(facts: FactsPart) -> Machine:
    """Raises UnknownBearing; typer.BadParameter."""
    from babbitt.health.facts import machine

    try:
        return machine(facts)
    except FactsRefused as error:
        raise typer.BadParameter(error.reason) from error


def _profile(
    store: Path, wave: Wave, rpm: float | None, rpm_end: float | None, said: float | None
) -> Profile:
    """The speed over the waveform: as the options say, else as the node itself measured it, else of the settings. Raises
    NotEnough."""
    from babbitt.health import turning

    if rpm is not None:
        return turning.said(wave, rpm, rpm_end)
    reader = StoreReader(store)
    try:
        return turning.turning(reader, wave, said)[0]
    finally:
        reader.close()


def _newest(store: Path, name: str) -> str:
    """The newest waveform of a node. Raises UnknownNode, UnknownWave."""
    site, node = name.split("/")
    reader = StoreReader(store)
    try:
        reader.node(site, node)
    finally:
        reader.close()
    views = WaveShelf(store).views(site, node)
    if not views:
        raise UnknownWave(f"{name} has no waveform yet: `babbitt command {site} {node} capture` takes one")
    return views[0].id


def _kept(store: Path, name: str) -> Examined | None:
    """What the host found in the newest waveform of a node; None if it has not examined that."""
    one = DiagnosisShelf(store).load(_newest(store, name))
    return None if one is None or one.state == "begun" else one


def _recount(one: Examined) -> None:
    speed = "" if one.rpm is None else f", {one.rpm:.0f} r/min by the {one.rpm_from}"
    print(
        f"{one.wave}, taken {when(one.t or one.received)} by {one.by} {one.of}{speed}; examined by the host"
    )
    print(f"Found: {one.words}.")
    if one.text:
        print(f"{one.text[:1].upper()}{one.text[1:]}.")
    for found in one.found:
        print(f"{found.what.capitalize()}: {found.cause}. {found.text}")
    if one.missing:
        wanted = "; ".join(f"{name}, which needs {what}" for name, what in one.missing.items())
        print(f"Not looked for: {wanted}.")
    if one.against:
        print(f"{one.against[:1].upper()}{one.against[1:]}.")


def _plain(report: Report, wave: str, speed: float, steady: bool) -> dict[str, Any]:
    bearing, rotor = report.bearing, report.rotor
    return {
        "wave": wave,
        "rpm": speed,
        "steady": steady,
        "causes": report.causes,
        "bearing": {
            "cause": bearing.cause,
            "axis": report.axis,
            "text": bearing.text,
            "seen": [
                {
                    "cause": one.cause,
                    "order": one.order,
                    "hz": one.family.hz,
                    "strength": one.family.strength,
                    "harmonics": one.family.harmonics,
                    "sides": one.sides,
                }
                for one in bearing.seen
            ],
        },
        "rotor": {"cause": rotor.cause, "shaft_hz": rotor.shaft_hz, "text": rotor.text, "lines": rotor.lines},
        "findings": report.findings,
        "missing": report.missing,
        "velocity": report.velocity,
        "band": report.band,
    }
