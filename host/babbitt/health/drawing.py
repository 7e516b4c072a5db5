"""A report as a drawing (SVG): the spectrum of the envelope with the lines that were looked for, the lines of the shaft."""

from __future__ import annotations

from html import escape

import numpy as np

from babbitt.health.report import Report

WIDTH, HIGH, LOW = 900, 260, 110
LEFT = 60
COLOURS = {"outer race": "#c2410c", "inner race": "#1d4ed8", "ball": "#15803d", "bearing": "#c2410c"}
ORDERS_SHOWN = 16.0


def draw(report: Report, title: str) -> str:
    """The drawing as SVG text. Above: times the background over the order (multiples of the shaft's speed), with a line for
    each cause and its harmonics; below: the lines of the shaft in mm/s RMS."""
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HIGH + LOW + 130}" font-family="sans-serif"'
        ' font-size="12"><rect width="100%" height="100%" fill="#fff"/>',
        f'<text x="{LEFT}" y="20" font-size="14">{escape(title)}</text>',
    ]
    parts += _envelope(report, 36)
    parts += _shaft(report, 36 + HIGH + 40)
    for n, text in enumerate((report.bearing.text, report.rotor.text)):
        parts.append(f'<text x="{LEFT}" y="{HIGH + LOW + 100 + 18 * n}">{escape(_cut(text))}</text>')
    return "\n".join([*parts, "</svg>"]) + "\n"


def _cut(text: str, most: int = 135) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


def _envelope(report: Report, top: int) -> list[str]:
    spectrum, shaft = report.bearing.spectrum, report.bearing.shaft_hz
    orders = np.arange(len(spectrum.level)) * spectrum.step / shaft
    keep = orders <= ORDERS_SHOWN
    level, orders = spectrum.level[keep], orders[keep]
    highest = max(10.0, float(level.max(initial=0.0)))
    scale_x, scale_y = (WIDTH - LEFT - 20) / ORDERS_SHOWN, (HIGH - 30) / highest
    bottom = top + HIGH - 20

    # Of neighbouring bins the highest is drawn: a line may not vanish because the drawing is narrow.
    each = max(1, len(level) // 1500)
    count = len(level) // each * each
    heights = level[:count].reshape(-1, each).max(axis=1)
    places = orders[:count].reshape(-1, each).mean(axis=1)
    points = " ".join(
        f"{LEFT + x * scale_x:.1f},{bottom - y * scale_y:.1f}" for x, y in zip(places, heights, strict=True)
    )
    parts = [f'<polyline points="{points}" fill="none" stroke="#475569" stroke-width="1"/>']
    parts += [
        f'<text x="{LEFT + n * scale_x:.1f}" y="{bottom + 16}" text-anchor="middle">{n}</text>'
        for n in range(int(ORDERS_SHOWN) + 1)
    ]
    parts += [
        f'<text x="{LEFT - 8}" y="{bottom}" text-anchor="end">0</text>',
        f'<text x="{LEFT - 8}" y="{top + 20}" text-anchor="end">{highest:.0f}</text>',
        f'<text x="{LEFT}" y="{bottom + 32}">envelope of {report.axis}: times the background, over multiples of'
        f" the shaft's {60 * shaft:.0f} r/min</text>",
    ]
    for row, seen in enumerate(report.bearing.seen):
        colour = COLOURS.get(seen.cause, "#000")
        order = seen.family.hz / shaft
        for n in range(1, len(seen.family.harmonics) + 1):
            if n * order <= ORDERS_SHOWN:
                x = LEFT + n * order * scale_x
                parts.append(
                    f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{top + 10}" y2="{bottom}" stroke="{colour}"'
                    ' stroke-dasharray="3 3"/>'
                )
        parts.append(
            f'<text x="{WIDTH - 20}" y="{top + 14 + 16 * row}" text-anchor="end" fill="{colour}">'
            f"{escape(seen.cause)}: order {order:.3f}, {seen.family.strength:.1f} times</text>"
        )
    return parts


def _shaft(report: Report, top: int) -> list[str]:
    lines = report.rotor.lines
    highest = max(1e-9, *(line.mm_s for line in lines)) if lines else 1.0
    wide = (WIDTH - LEFT - 20) / max(1, len(lines))
    parts = [f'<text x="{LEFT}" y="{top}">lines of the shaft, mm/s RMS, all axes</text>']
    for n, line in enumerate(lines):
        high, x = (LOW - 50) * line.mm_s / highest, LEFT + n * wide
        parts += [
            f'<rect x="{x + 10:.1f}" y="{top + LOW - 30 - high:.1f}" width="{wide - 20:.1f}" height="{high:.1f}" fill="#64748b"/>',
            f'<text x="{x + wide / 2:.1f}" y="{top + LOW - 36 - high:.1f}" text-anchor="middle">{line.mm_s:.2f}</text>',
            f'<text x="{x + wide / 2:.1f}" y="{top + LOW - 14}" text-anchor="middle">{line.order:g}x</text>',
        ]
    return parts
