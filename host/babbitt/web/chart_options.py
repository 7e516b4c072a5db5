"""ECharts options as plain dictionaries, built from arrays: pure functions, no drawing code of our own.

Every chart has a time axis in the viewer's zone, a named value axis with its unit, and a range worked
out here, so that limits are inside the picture and the axis does not jump with every record.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from babbitt.protocol.assessment import Assessment
from babbitt.web.style import ALARM, BAND, INK, LINES, QUIET, RULE, WARNING
from babbitt.web.words import LIMIT_WORDS, TimeWords, number, unit_text

Options = dict[str, Any]
Points = list[list[float | int | None]]

FAR = 5.0
"""A limit further away than this many times the extent of the data is named below the chart, not drawn in it:
drawing it would press the data into a flat line."""

_GAP = 6.0


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a chart: its legend name, times (ms) and values, and the limits of its channel by name."""

    name: str
    t: NDArray[np.int64]
    v: NDArray[np.float64]
    limits: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class TimeAxis:
    """The common time axis of a page's charts: from and to (ms, None: as the data goes), and the zone."""

    span: tuple[int, int] | None
    times: TimeWords


def points(t: NDArray[np.int64], v: NDArray[np.float64]) -> Points:
    """Pairs [ms, value] with null for 'not measured', and a break in the line where records are missing.

    A pause counts as a gap from six times the usual distance between points on.
    """
    usual = float(np.median(np.diff(t))) if len(t) > 2 else math.inf
    out: Points = []
    for i, (at, value) in enumerate(zip(t.tolist(), v.tolist(), strict=True)):
        if i and at - t[i - 1] > _GAP * usual:
            out.append([int(t[i - 1]) + 1, None])
        out.append([at, float(f"{value:.5g}") if math.isfinite(value) else None])
    return out


def nice_axis(low: float, high: float) -> dict[str, float]:
    """Round ``min``, ``max`` and ``interval`` of an axis that holds [low, high] with a little air.

    Round steps keep the axis still while values change a little.
    """
    if not (math.isfinite(low) and math.isfinite(high)):
        low, high = 0.0, 1.0
    extent = (high - low) or abs(high) * 0.1 or 1.0
    step = 10.0 ** math.floor(math.log10(extent))
    step *= next(m for m in (0.2, 0.5, 1.0, 2.0) if extent / (step * m) <= 6)
    bottom = math.floor((low - extent * 0.05) / step) * step
    if low >= 0:
        bottom = max(0.0, bottom)
    top = math.ceil((high + extent * 0.05) / step) * step
    return {"min": round(bottom, 12), "max": round(top, 12), "interval": round(step, 12)}


Limits = dict[tuple[str, float], list[str]]
"""The limits of a chart, (limit, value), each with the names of the lines it belongs to."""


def near_and_far(lines: Iterable[Line]) -> tuple[Limits, list[str], dict[str, float]]:
    """Which limits belong into the picture, which are only named, and the range of the value axis.

    Returns the limits to draw, phrases for those too far away, and the value axis.
    """
    seen: Limits = {}
    low, high = math.inf, -math.inf
    for line in lines:
        finite = line.v[np.isfinite(line.v)]
        if len(finite):
            low, high = min(low, float(finite.min())), max(high, float(finite.max()))
        for name, value in line.limits.items():
            seen.setdefault((name, value), []).append(line.name)
    if not math.isfinite(low):
        values = [value for _, value in seen]
        return seen, [], nice_axis(min(values, default=0.0), max(values, default=1.0))
    extent = max(high - low, abs(high) * 0.2, 1e-9)
    near = {k: n for k, n in seen.items() if low - FAR * extent <= k[1] <= high + FAR * extent}
    far = {
        f"{LIMIT_WORDS.get(name, name)} limit {number(value)}"
        for (name, value) in seen
        if (name, value) not in near
    }
    all_near = [value for _, value in near]
    return near, sorted(far), nice_axis(min([low, *all_near]), max([high, *all_near]))


def _limit_lines(near: Limits, count: int) -> list[Options]:
    out = []
    for (name, value), owners in near.items():
        of = "" if len(owners) == count else f" {', '.join(owners)}"
        colour = ALARM if name in ("ll", "hh") else WARNING
        out.append(
            {
                "yAxis": value,
                "name": name,
                "lineStyle": {
                    "color": colour,
                    "type": "solid" if name in ("ll", "hh") else "dashed",
                    "width": 1.5,
                },
                "label": {
                    "formatter": f"{LIMIT_WORDS.get(name, name)}{of} {number(value)}",
                    "color": colour,
                    "position": "insideStartBottom" if name in ("ll", "l") else "insideStartTop",
                },
            }
        )
    return out


def frame(title: str, unit: str, axis: TimeAxis) -> Options:
    """What all charts share: axes with names and units, legend, tooltip, description for screen readers."""
    y_name = unit_text(unit) or "no unit"
    return {
        "useUTC": axis.times.is_utc,
        "animation": False,
        "aria": {"enabled": True, "label": {"description": f"Line chart of {title}, {y_name}, over time"}},
        "color": list(LINES),
        "textStyle": {"color": INK, "fontSize": 13},
        "grid": {"left": 8, "right": 24, "top": 52, "bottom": 28, "containLabel": True},
        "legend": {"top": 0, "right": 0, "icon": "roundRect", "itemHeight": 4, "textStyle": {"color": INK}},
        "tooltip": {"trigger": "axis", "confine": True, "axisPointer": {"type": "line"}},
        "xAxis": {
            "type": "time",
            "name": f"time ({axis.times.name})",
            "nameLocation": "middle",
            "nameGap": 26,
            "nameTextStyle": {"color": QUIET},
            "axisLabel": {"color": QUIET, "hideOverlap": True},
            "axisLine": {"lineStyle": {"color": QUIET}},
            "splitLine": {"show": False},
            **({"min": axis.span[0], "max": axis.span[1]} if axis.span else {}),
        },
        "yAxis": {
            "type": "value",
            "name": y_name,
            "nameTextStyle": {"color": QUIET, "align": "left"},
            "nameGap": 14,
            "axisLabel": {"color": QUIET},
            "splitLine": {"lineStyle": {"color": RULE}},
        },
        "series": [],
    }


def _no_legend(options: Options) -> None:
    options["legend"]["show"] = False
    options["grid"]["top"] = 34


def _series(name: str, data: Points, **more: Any) -> Options:
    lonely = sum(1 for p in data if p[1] is not None) < 3
    return {
        "type": "line",
        "name": name,
        "data": data,
        "showSymbol": lonely,
        "symbolSize": 6,
        "connectNulls": False,
        "lineStyle": {"width": 2},
        **more,
    }


def measured(title: str, unit: str, lines: Sequence[Line], axis: TimeAxis) -> tuple[Options, str]:
    """The chart of a group of channels with their limits, and a note about limits that are out of the
    picture.
    """
    options = frame(title, unit, axis)
    near, far, value_axis = near_and_far(lines)
    options["yAxis"].update(value_axis)
    options["series"] = [_series(line.name, points(line.t, line.v)) for line in lines]
    if options["series"]:
        options["series"][0]["markLine"] = {
            "silent": True,
            "symbol": "none",
            "animation": False,
            "data": _limit_lines(near, len(lines)),
        }
    if len(lines) <= 1:
        _no_legend(options)
    if not any(len(line.t) for line in lines):
        return options, "No record in this span."
    return options, ("Out of the picture: " + ", ".join(far)) if far else ""


def _times(assessments: Sequence[Assessment]) -> NDArray[np.int64]:
    return np.array([a.t_ms for a in assessments], dtype=np.int64)


def _values(values: Iterable[float | None]) -> NDArray[np.float64]:
    return np.array([math.nan if v is None else v for v in values], dtype=np.float64)


def health(assessments: Sequence[Assessment], axis: TimeAxis) -> Options:
    """Health 0..100 over time."""
    options = frame("health", "health, 0 to 100", axis)
    options["yAxis"].update(min=0, max=100, interval=20)
    options["series"] = [
        _series("health", points(_times(assessments), _values(a.health for a in assessments)))
    ]
    _no_legend(options)
    return options


def anomaly(assessments: Sequence[Assessment], axis: TimeAxis) -> Options:
    """Anomaly over time with its limit, 1.0, drawn in."""
    line = Line("anomaly", _times(assessments), _values(a.anomaly for a in assessments), {})
    options, _ = measured("anomaly", "times the limit", [line], axis)
    finite = line.v[np.isfinite(line.v)]
    high = max(1.2, float(finite.max()) if len(finite) else 0.0)
    options["yAxis"].update(nice_axis(0.0, high))
    limit = {
        "yAxis": 1.0,
        "name": "limit",
        "lineStyle": {"color": WARNING, "type": "dashed", "width": 1.5},
        "label": {"formatter": "limit of its own baseline", "color": WARNING, "position": "insideStartTop"},
    }
    options["series"][0]["markLine"]["data"] = [limit]
    return options


def remaining(assessments: Sequence[Assessment], what: str, axis: TimeAxis) -> Options:
    """The remaining time over time: its median as a line in the band from the 10th to the 90th percentile."""
    t = _times(assessments)
    known = [a.remaining for a in assessments]
    median = _values(None if r is None else r.p50 for r in known)
    low = _values(None if r is None else r.p10 for r in known)
    high = _values(None if r is None else r.p90 for r in known)
    # The axis follows the estimates, not the odd first upper bound that may be years away.
    shown = high[np.isfinite(high)]
    top = float(min(shown.max(), 4 * np.nanmedian(shown) + 1)) if len(shown) else 1.0
    scale, unit = (24.0, "days") if top > 14 * 24 else (1.0, "hours")
    options = frame(what, unit, axis)
    options["yAxis"].update(nice_axis(0.0, top / scale))
    bound = {"lineStyle": {"width": 1, "opacity": 0.7, "type": "dashed"}, "itemStyle": {"color": LINES[0]}}
    hidden = {"stack": "band", "lineStyle": {"opacity": 0}, "tooltip": {"show": False}, "showSymbol": False}
    floor = np.minimum(low / scale, options["yAxis"]["max"])
    height = np.minimum(high / scale, options["yAxis"]["max"]) - floor
    options["series"] = [
        _series("median", points(t, median / scale), itemStyle={"color": LINES[0]}),
        _series("10 %", points(t, low / scale), **bound),
        _series("90 %", points(t, high / scale), **bound),
        _series("from", points(t, floor), **hidden),
        _series(
            "10–90 %",
            points(t, height),
            **hidden,
            areaStyle={"color": LINES[0], "opacity": 0.18},
            itemStyle={"color": BAND},
        ),
    ]
    for line in options["series"][3:]:
        line["showSymbol"] = False
    options["legend"]["data"] = ["median", "10–90 %"]
    return options
