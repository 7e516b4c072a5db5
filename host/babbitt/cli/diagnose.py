"""``babbitt diagnose``: what a waveform says about bearing, rotor, gears and motor."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer

from babbitt.cli.options import JsonOption, StoreOption, print_json
from babbitt.errors import NotEnough, StoreError
from babbitt.store.reader import StoreReader
from babbitt.store.waves import Wave, WaveShelf

if TYPE_CHECKING:
    from babbitt.health.evidence import Capture
    from babbitt.health.report import Report
    from babbitt.manipulation.orders import Profile

NEAR_MS = 3_600_000
STEADY = 0.005
"""Share by which the speed may differ within a waveform that is examined as it was taken."""


def diagnose(
    wave: Annotated[str, typer.Argument(help="Id of the waveform, as `babbitt waves` lists it.")],
    store: StoreOption,
    rpm: Annotated[
        float | None,
        typer.Option(
            min=1, max=120_000, help="Speed of the shaft in r/min; default that of the node's own tachometer."
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
            help="Number of the bearing, or balls/ball mm/pitch mm/angle; without it its lines are searched."
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

    if rpm_end is not None and rpm is None:
        raise typer.BadParameter("the speed at the end needs that at the beginning: --rpm")
    machine = _machine(bearing, teeth, line_hz, poles)
    shelf = WaveShelf(store)
    found = shelf.load(wave)
    profile = _profile(store, found, rpm, rpm_end)
    capture, shaft_hz, steady = _capture(found, profile)
    then = _capture(shelf.load(before), None)[0] if before is not None else None
    report = examine(capture, shaft_hz, machine, then, found.view.clip, steady)
    speed = 60 * shaft_hz
    title = f"{wave}, {speed:.0f} r/min" + (f", bearing {bearing}" if bearing else "")
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


def _machine(bearing: str | None, teeth: str | None, line_hz: float | None, poles: int | None) -> Any:
    """What the options say of the machine. Raises UnknownBearing; typer.BadParameter."""
    from babbitt.health.bearings import bearing as known
    from babbitt.health.electrical import Motor
    from babbitt.health.report import Machine

    if poles is not None and line_hz is None:
        raise typer.BadParameter("poles are of use with the line frequency only: --line-hz")
    if poles is not None and poles % 2:
        raise typer.BadParameter(f"a motor has an even number of poles, not {poles}")
    gear: list[int] = []
    if teeth is not None:
        try:
            gear = [int(part) for part in teeth.split("/")]
        except ValueError:
            gear = []
        if not 1 <= len(gear) <= 2 or not all(4 <= one <= 1000 for one in gear):
            raise typer.BadParameter(
                f"{teeth!r} are no teeth: give 4 to 1000 of the gear on the shaft, as 32, and of the one it drives, as 32/80"
            )
    orders = known(bearing).orders() if bearing is not None else None
    motor = Motor(line_hz, poles) if line_hz is not None else None
    return Machine(orders, gear[0] if gear else None, gear[1] if len(gear) == 2 else None, motor)


def _capture(wave: Wave, profile: Profile | None) -> tuple[Capture, float, bool]:
    """The windows of a waveform, the mean speed in Hz (0 without a profile), and whether they are as they were taken: if the
    speed changed they are read at equal angles."""
    from babbitt.health.evidence import Capture
    from babbitt.health.report import windows
    from babbitt.manipulation.orders import at_constant_speed

    whole = windows(wave.g, wave.window)
    rate_hz, shaft_hz, steady = wave.view.rate_hz, 0.0, True
    if profile is not None:
        time_s = windows(wave.time_s[:, None], wave.window)[:, :, 0]
        speed = profile.at(time_s)
        shaft_hz, steady = float(speed.mean()), bool(np.ptp(speed) <= STEADY * speed.mean())
        if not steady:
            whole, rate_hz, shaft_hz = at_constant_speed(whole, time_s, profile)
    axes = {axis: whole[:, :, n] for n, axis in enumerate(wave.view.axes)}
    return Capture(axes, rate_hz), shaft_hz, steady


def _profile(store: Path, wave: Wave, rpm: float | None, rpm_end: float | None) -> Profile:
    """The speed over the waveform: as the options say, else as the node itself measured it. Raises NotEnough."""
    from babbitt.manipulation.orders import Profile

    if rpm is not None:
        ends = np.array([rpm, rpm_end if rpm_end is not None else rpm]) / 60
        return Profile(np.array([0.0, max(1e-6, float(wave.time_s[-1]))]), ends)
    reader = StoreReader(store)
    try:
        return _measured(reader, wave)
    finally:
        reader.close()


def _measured(reader: StoreReader, wave: Wave) -> Profile:
    """The speed that the node itself measured: from the last value before the waveform to the first after it, or the one
    nearest to it. Raises NotEnough."""
    from babbitt.manipulation.orders import Profile

    view = wave.view
    at = view.t or view.received
    for channel in reader.channels(view.site, view.node):
        if channel.unit == "r/min" and channel.id.endswith(".rpm"):
            t, values = reader.series(view.site, view.node, channel.id, at - NEAR_MS, at + NEAR_MS, 10_000)
            if not len(t):
                continue
            end = at + 1000 * float(wave.time_s[-1])
            first = max(0, int(np.searchsorted(t, at, side="right")) - 1)
            last = min(len(t), int(np.searchsorted(t, end)) + 1)
            nearest = int(np.argmin(np.abs(t - at)))
            some = (
                slice(first, last)
                if t[first] <= at and t[last - 1] >= end and view.t
                else slice(nearest, nearest + 1)
            )
            if float(values[some].min()) < 1:
                raise NotEnough(
                    f"the shaft did not turn when {view.id} was taken: {channel.id} was {values[some].min():.0f} r/min"
                )
            return Profile((t[some] - at) / 1000, values[some] / 60)
    raise NotEnough(
        f"{view.site}/{view.node} measures no speed of a shaft near that time: give it with --rpm"
    )


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
