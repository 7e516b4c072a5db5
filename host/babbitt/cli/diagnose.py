"""``babbitt diagnose``: what a waveform says about a bearing and a rotor."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from babbitt.cli.options import JsonOption, StoreOption, print_json
from babbitt.errors import NotEnough, StoreError
from babbitt.store.reader import StoreReader
from babbitt.store.waves import Wave, WaveShelf

NEAR_MS = 3_600_000


def diagnose(
    wave: Annotated[str, typer.Argument(help="Id of the waveform, as `babbitt waves` lists it.")],
    store: StoreOption,
    rpm: Annotated[
        float | None,
        typer.Option(
            min=1, max=120_000, help="Speed of the shaft in r/min; default that of the node's own tachometer."
        ),
    ] = None,
    bearing: Annotated[
        str | None,
        typer.Option(
            help="Number of the bearing, or balls/ball mm/pitch mm/angle; without it its lines are searched."
        ),
    ] = None,
    before: Annotated[
        str | None,
        typer.Option(help="A waveform of the same machine, at the same speed and load, when it was well."),
    ] = None,
    drawing: Annotated[Path | None, typer.Option(help="Draw what was found into this file (SVG).")] = None,
    json: JsonOption = False,
) -> None:
    """Say what a waveform tells about the cause: bearing, imbalance, misalignment, looseness, or undetermined."""
    from babbitt.health.bearings import bearing as known
    from babbitt.health.drawing import draw
    from babbitt.health.report import examine
    from babbitt.health.rotor import rotor

    reader = StoreReader(store)
    shelf = WaveShelf(store)
    found = shelf.load(wave)
    speed = rpm if rpm is not None else _measured(reader, found)
    reader.close()
    orders = known(bearing).orders() if bearing is not None else None
    axes, rate = _axes(found)
    then = None
    if before is not None:
        then = rotor(*_axes(shelf.load(before)), speed / 60)
    report = examine(axes, rate, speed / 60, orders, then, found.view.clip)
    title = f"{wave}, {speed:.0f} r/min" + (f", bearing {bearing}" if bearing else "")
    if drawing is not None:
        try:
            drawing.write_text(draw(report, title), encoding="utf-8")
        except OSError as error:
            raise StoreError(f"{drawing} cannot be written: {error.strerror}") from error
    if json:
        print_json(_plain(report, wave, speed))
        return
    print(title)
    print(f"Found: {', '.join(report.causes) or 'no cause that can be named'}.")
    print(f"Bearing (axis {report.axis}): {report.bearing.cause}. {report.bearing.text}")
    print(f"Rotor: {report.rotor.cause}. {report.rotor.text}")
    if drawing is not None:
        print(f"Drawn in {drawing}.")


def _axes(wave: Wave) -> tuple[dict[str, Any], float]:
    from babbitt.health.report import windows

    whole = windows(wave.g, wave.window)
    return {axis: whole[:, :, n] for n, axis in enumerate(wave.view.axes)}, wave.view.rate_hz


def _measured(reader: StoreReader, wave: Wave) -> float:
    """The speed that the node itself measured, nearest to the time of the waveform. Raises NotEnough."""
    view = wave.view
    at = view.t or view.received
    for channel in reader.channels(view.site, view.node):
        if channel.unit == "r/min" and channel.id.endswith(".rpm"):
            t, values = reader.series(view.site, view.node, channel.id, at - NEAR_MS, at + NEAR_MS, 10_000)
            if len(t):
                speed = float(values[int(np.argmin(np.abs(t - at)))])
                if speed >= 1:
                    return speed
                raise NotEnough(
                    f"the shaft did not turn when {view.id} was taken: {channel.id} was {speed:.0f} r/min"
                )
    raise NotEnough(
        f"{view.site}/{view.node} measures no speed of a shaft near that time: give it with --rpm"
    )


def _plain(report: Any, wave: str, speed: float) -> dict[str, Any]:
    bearing, rotor = report.bearing, report.rotor
    return {
        "wave": wave,
        "rpm": speed,
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
                }
                for one in bearing.seen
            ],
        },
        "rotor": {"cause": rotor.cause, "shaft_hz": rotor.shaft_hz, "text": rotor.text, "lines": rotor.lines},
    }
