"""A report as a drawing (SVG): the spectrum of the envelope with the lines that were looked for, the lines of the shaft, the
spectrum with the lines of gears and motor, and all that was said."""

from __future__ import annotations

import textwrap
from html import escape

import numpy as np

from babbitt.health.evidence import Floats
from babbitt.health.report import Report

WIDTH, HIGH, LOW, SPECTRUM = 900, 260, 110, 220
LEFT, RIGHT = 60, 20
COLOURS = {
    "outer race": "#c2410c", "inner race": "#1d4ed8", "ball": "#15803d", "cage": "#7e22ce", "bearing": "#c2410c",
    "gears": "#b45309", "electrical": "#0e7490", "noise": "#be123c",
}  # fmt: skip
ORDERS_SHOWN = 16.0
POINTS = 1500
LETTERS = 140
"""In a line of text."""
DECADES = 4.0


def draw(report: Report, title: str) -> str:
    """The drawing as SVG text. From above: times the background over the order (multiples of the shaft's speed), with a line
    for each cause and its harmonics; the lines of the shaft in mm/s RMS; the spectrum in g RMS with its background; the words."""
    parts = _envelope(report, 36) + _shaft(report, 36 + HIGH + 40) + _spectrum(report, HIGH + LOW + 96)
    y = HIGH + LOW + SPECTRUM + 136
    said = {"Bearing": report.bearing.text, "Rotor": report.rotor.text}
    said |= {name.capitalize(): one.text for name, one in report.findings.items()}
    for name, text in said.items():
        for line in textwrap.wrap(f"{name}: {text}", LETTERS):
            parts.append(_text(LEFT, y, line))
            y += 16
        y += 6
    head = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {y}" font-family="sans-serif" font-size="12">'
        '<rect width="100%" height="100%" fill="#fff"/>',
        f'<text x="{LEFT}" y="20" font-size="14">{escape(title)}</text>',
    ]
    return "\n".join([*head, *parts, "</svg>"]) + "\n"


def _text(x: float, y: float, text: str, more: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}"{more}>{escape(text)}</text>'


def _upright(x: float, top: float, bottom: float, colour: str, name: str = "") -> str:
    return (
        f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{top:.1f}" y2="{bottom:.1f}" stroke="{colour}" stroke-dasharray="3 3">'
        f"<title>{escape(name)}</title></line>"
    )


def _curve(x: Floats, y: Floats, colour: str) -> str:
    """A curve; of neighbouring points the highest (least y) is drawn: a line may not vanish because the drawing is narrow."""
    each = max(1, len(x) // POINTS)
    count = len(x) // each * each
    places = x[:count].reshape(-1, each).mean(axis=1)
    heights = y[:count].reshape(-1, each).min(axis=1)
    points = " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(places, heights, strict=True))
    return f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="1"/>'


def _legend(row: int, top: float, text: str, colour: str) -> str:
    return _text(WIDTH - RIGHT, top + 14 + 16 * row, text, f' text-anchor="end" fill="{colour}"')


def _envelope(report: Report, top: int) -> list[str]:
    spectrum, shaft = report.bearing.spectrum, report.bearing.shaft_hz
    orders: Floats = np.arange(len(spectrum.level), dtype=np.float64) * spectrum.step / shaft
    keep = orders <= ORDERS_SHOWN
    level, orders = spectrum.level[keep], orders[keep]
    highest = max(10.0, float(level.max(initial=0.0)))
    scale_x, scale_y = (WIDTH - LEFT - RIGHT) / ORDERS_SHOWN, (HIGH - 30) / highest
    bottom = top + HIGH - 20
    parts = [_curve(np.asarray(LEFT + orders * scale_x), bottom - level * scale_y, "#475569")]
    parts += [
        _text(LEFT + n * scale_x, bottom + 16, str(n), ' text-anchor="middle"')
        for n in range(int(ORDERS_SHOWN) + 1)
    ]
    parts += [
        _text(LEFT - 8, bottom, "0", ' text-anchor="end"'),
        _text(LEFT - 8, top + 20, f"{highest:.0f}", ' text-anchor="end"'),
        _text(
            LEFT, bottom + 32,
            f"envelope of {report.axis}: times the background, over multiples of the shaft's {60 * shaft:.0f} r/min; the shocks are"
            f" strongest from {report.band.low_hz:.0f} to {report.band.high_hz:.0f} Hz",
        ),
    ]  # fmt: skip
    for row, seen in enumerate(report.bearing.seen):
        colour = COLOURS.get(seen.cause, "#000")
        order = seen.family.hz / shaft
        parts += [
            _upright(LEFT + n * order * scale_x, top + 10, bottom, colour, f"{seen.cause} x{n}")
            for n in range(1, len(seen.family.harmonics) + 1)
            if n * order <= ORDERS_SHOWN
        ]
        parts.append(
            _legend(row, top, f"{seen.cause}: order {order:.3f}, {seen.family.strength:.1f} times", colour)
        )
    return parts


def _shaft(report: Report, top: int) -> list[str]:
    lines = report.rotor.lines
    highest = max(1e-9, *(line.mm_s for line in lines)) if lines else 1.0
    wide = (WIDTH - LEFT - RIGHT) / max(1, len(lines))
    speeds = ", ".join(
        f"{axis} {one.mm_s:.2f} ({one.low_hz:.0f} to {one.high_hz:.0f} Hz)"
        for axis, one in report.velocity.items()
    )
    parts = [
        _text(LEFT, top, f"lines of the shaft, mm/s RMS, all axes; velocity in mm/s RMS by axis: {speeds}")
    ]
    for n, line in enumerate(lines):
        high, x = (LOW - 50) * line.mm_s / highest, LEFT + n * wide
        parts += [
            f'<rect x="{x + 10:.1f}" y="{top + LOW - 30 - high:.1f}" width="{wide - 20:.1f}" height="{high:.1f}" fill="#64748b"/>',
            _text(x + wide / 2, top + LOW - 36 - high, f"{line.mm_s:.2f}", ' text-anchor="middle"'),
            _text(x + wide / 2, top + LOW - 14, f"{line.order:g}x", ' text-anchor="middle"'),
        ]
    return parts


def _spectrum(report: Report, top: int) -> list[str]:
    """The spectrum, logarithmic, over its background, as far as lines were looked for, and those lines."""
    lines, shaft = report.lines, report.bearing.shaft_hz
    end = len(lines.size) * lines.step
    tones = {name: one.tones for name, one in report.findings.items() if name != "noise"}
    asked = [tone.hz for some in tones.values() for tone in some]
    if "noise" not in report.findings:
        end = min(end, 1.2 * max([*asked, ORDERS_SHOWN * shaft]))
    count = max(2, int(end / lines.step))
    highest = float(np.log10(max(1e-12, lines.size[1:count].max(initial=0.0))))
    scale_x, bottom = (WIDTH - LEFT - RIGHT) / end, top + SPECTRUM - 20

    def heights(some: Floats) -> Floats:
        share = np.clip((np.log10(np.maximum(some[1:count], 1e-30)) - highest) / DECADES + 1, 0, 1)
        return np.asarray(bottom - share * (SPECTRUM - 40))

    x: Floats = LEFT + np.arange(1, count, dtype=np.float64) * lines.step * scale_x
    parts = [_curve(x, heights(lines.size), "#475569"), _curve(x, heights(lines.floor), "#f59e0b")]
    parts += [
        _text(
            LEFT + share * end * scale_x,
            bottom + 16,
            f"{share * end:.0f} Hz, {share * end / shaft:.1f}x",
            ' text-anchor="middle"',
        )
        for share in (0.1, 0.3, 0.5, 0.7, 0.9)
    ]
    parts += [
        _text(LEFT - 8, top + 20, f"{10**highest:.2g}", ' text-anchor="end"'),
        _text(LEFT - 8, bottom, f"{10 ** (highest - DECADES):.2g}", ' text-anchor="end"'),
        _text(
            LEFT,
            bottom + 32,
            "spectrum of all axes and its background (orange), g RMS, over Hz and multiples of the shaft's speed",
        ),
    ]
    row = 0
    for name, some in tones.items():
        parts += [
            _upright(
                LEFT + tone.hz * scale_x, top + 26, bottom, COLOURS[name], f"{tone.name}, {tone.hz:.2f} Hz"
            )
            for tone in some
        ]
        parts.append(_legend(row, top, f"{name}: {report.findings[name].cause}", COLOURS[name]))
        row += 1
    if (noise := report.findings.get("noise")) is not None:
        parts.append(_legend(row, top, f"noise: {noise.cause}", COLOURS["noise"]))
    return parts
