"""The daily record as a page to be printed and signed: one file, no script, nothing from elsewhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from html import escape

from babbitt.cli.recorded import By, Line, date

STYLE = """
@page { size: A4 landscape; margin: 12mm }
body { font: 10pt/1.35 system-ui, sans-serif; color: #111; margin: 2em auto; max-width: 270mm }
h1 { font-size: 15pt; margin: 0 } h2 { font-size: 11pt; margin: 1.4em 0 .3em } p { margin: .2em 0 }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; break-inside: auto }
th, td { border-bottom: 1px solid #bbb; padding: 2px 6px; text-align: right; vertical-align: top }
th { border-bottom: 2px solid #111; font-weight: 600 } thead { display: table-header-group } tr { break-inside: avoid }
td.t, th.t { text-align: left } td.t:first-child { white-space: nowrap } td.out { font-weight: 700; border-left: 4px solid #111 }
.sign { min-width: 34mm } .small { font-size: 8.5pt; color: #444 } .line { margin-top: 14mm; border-top: 1px solid #111; width: 80mm }
@media print { body { margin: 0; max-width: none } }
"""
HEAD = (
    ("Day (UTC)", "t"), ("Lowest", ""), ("Mean", ""), ("Highest", ""), ("Mean kinetic", ""), ("Goods, warmest", ""),
    ("Min beyond limit", ""), ("Min not measured", ""), ("Doors opened", ""), ("Min open", ""), ("Defrosts", ""), ("h fault", ""),
    ("Alarms", ""), ("Checked by", "t sign"),
)  # fmt: skip
NOTE = (
    "Temperatures in °C. A value stands until the next one, an hour at most. Mean kinetic temperature: 83.144 kJ/mol, not for frozen"
    " goods. Goods: by a thermal model on the air, not measured. ~: inferred from the temperature, no contact told it. No substitute"
    " for a record that the law asks of a certified instrument."
)


def page(address: str, asset: str, limits: Mapping[str, Mapping[str, float]], lines: Sequence[Line]) -> str:
    """The page. ``address``: site/node; ``limits`` by channel, degrees C; a line a day and channel."""
    title = f"Temperature record: {asset or address}"
    parts = [
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title><style>{STYLE}</style></head>',
        f"<body><h1>{escape(title)}</h1><p>{escape(address)}{_span(lines)}</p>",
    ]
    for channel, said in limits.items():
        some = [one for one in lines if one.channel == channel]
        if some:
            parts.append(f"<h2>{escape(channel)}{_limits(said)}</h2>{_table(some)}")
    if not lines:
        parts.append("<p>No temperature was measured in these days.</p>")
    parts.append(_alarms(lines))
    printed = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    parts.append(
        f'<p class="small">{NOTE} Made {printed}.</p><p class="line small">Date, signature</p></body></html>\n'
    )
    return "\n".join(parts)


def _span(lines: Sequence[Line]) -> str:
    return f", {date(lines[0].record.day)} to {date(max(one.record.day for one in lines))}" if lines else ""


def _limits(said: Mapping[str, float]) -> str:
    names = {"ll": "alarm below", "l": "warning below", "h": "warning above", "hh": "alarm above"}
    return "".join(f", {names[name]} {value:g}" for name, value in said.items() if name in names)


def _table(lines: Sequence[Line]) -> str:
    head = "".join(f'<th class="{kind}">{name}</th>' for name, kind in HEAD)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(map(_row, lines))}</tbody></table>"


def _row(one: Line) -> str:
    day = one.record
    doors, opened, defrosts, goods, fault, alarms = one.room_cells(1)
    beyond = max(day.beyond.values(), default=0.0) * 60
    out = ' class="out"' if beyond >= 0.5 else ""
    numbers = "".join(f"<td>{value:.1f}</td>" for value in (day.low, day.mean, day.high, day.kinetic))
    rest = (doors, opened, defrosts, fault, alarms)
    return (
        f'<tr><td class="t">{date(day.day)}</td>{numbers}<td>{goods}</td><td{out}>{beyond:.0f}</td><td>{day.missing * 60:.0f}</td>'
        + "".join(f"<td>{cell}</td>" for cell in rest)
        + '<td class="sign"></td></tr>'
    )


def _alarms(lines: Sequence[Line]) -> str:
    """Those of the node, once, with room to sign who saw them."""
    seen = sorted({alarm for one in lines for alarm in one.alarms}, key=lambda alarm: alarm.t)
    if not seen:
        return "<h2>Alarms</h2><p>None.</p>"
    rows = "".join(
        f'<tr><td class="t">{_at(a.t)}</td><td class="t">{"alarm" if a.sev > 1 else "warning"}</td>'
        f'<td class="t">{escape(a.check)}</td><td class="t">{escape(a.text)}</td>'
        f'<td class="t">{_at(a.released) if a.released else ""}</td><td class="t">{_by(a.marked)}</td>'
        f'<td class="t sign">{_by(a.acknowledged)}</td></tr>'
        for a in seen
    )
    names = ("From (UTC)", "Level", "Check", "What", "Released (UTC)", "Marked by", "Acknowledged by")
    return (
        "<h2>Alarms</h2><table><thead><tr>"
        + "".join(f'<th class="t">{name}</th>' for name in names)
        + f"</tr></thead><tbody>{rows}</tbody></table>"
    )


def _by(one: By | None) -> str:
    """Who said it, and when; empty, to be signed, where nobody did."""
    if one is None:
        return ""
    verdict = f"{one.verdict.replace('_', ' ')}: " if one.verdict else ""
    note = f" ({one.note})" if one.note else ""
    return escape(f"{verdict}{one.who or 'somebody'}, {_at(one.at)}{note}")


def _at(t: int) -> str:
    return datetime.fromtimestamp(t / 1000, UTC).strftime("%Y-%m-%d %H:%M")
