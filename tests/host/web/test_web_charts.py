"""Which channels share a chart, and what the charts hold: without a browser."""

from __future__ import annotations

import math

import numpy as np
import pytest
from page_store import temperature_channels, vibration_channels

from babbitt.protocol.assessment import Assessment, Interval
from babbitt.store.views import Channel
from babbitt.web import chart_options
from babbitt.web.chart_options import Line, TimeAxis, measured, near_and_far, nice_axis, points
from babbitt.web.groups import MOST_LINES, chart_groups
from babbitt.web.words import TimeWords

UTC = TimeAxis(None, TimeWords.for_zone(None))


def channel(name: str, unit: str = "g") -> Channel:
    return Channel(name, unit, -6, 0.0, 16.0, {})


def line(values: list[float], name: str = "x", **limits: float) -> Line:
    return Line(name, np.arange(len(values), dtype=np.int64) * 1000, np.array(values), limits)


def test_axes_share_a_chart_and_diagnostics_are_set_apart() -> None:
    groups = chart_groups([channel(c["id"], c["unit"]) for c in vibration_channels()])
    assert [(g.title, [g.label(c) for c in g.channels], g.diagnostic) for g in groups] == [
        ("Vibration RMS", ["x", "y", "z"], False),
        ("Vibration peak", ["x", "y", "z"], False),
        ("Kurtosis", ["x", "y", "z"], False),
        ("Crest factor", ["x", "y", "z"], False),
        ("Sampling rate", ["vib.rate"], True),
        ("FIFO overruns", ["vib.overflow"], True),
        ("Clipped samples", ["vib.clip"], True),
    ]


def test_extremes_of_a_temperature_share_a_chart_apart_from_its_slope() -> None:
    groups = chart_groups([channel(c["id"], c["unit"]) for c in temperature_channels()])
    assert [(g.title, g.unit, len(g.channels)) for g in groups] == [
        ("Temperature", "degC", 3),
        ("Temperature slope", "degC/h", 1),
    ]


def test_two_sensors_are_told_apart() -> None:
    groups = chart_groups([channel("a.x.rms"), channel("b.x.rms")])
    assert [g.title for g in groups] == ["Vibration RMS of a", "Vibration RMS of b"]


def test_velocity_comes_first_and_the_mean_of_an_axis_is_no_temperature() -> None:
    names = (
        ("vib.x.rms", "g"),
        ("vib.x.mean", "g"),
        ("vib.x.velocity", "mm/s"),
        ("vib.x.env", "g"),
        ("t.mean", "degC"),
    )
    groups = chart_groups([channel(*name) for name in names])
    assert [(g.title, g.unit) for g in groups] == [
        ("Vibration velocity", "mm/s"), ("Vibration RMS", "g"), ("Temperature", "degC"), ("Envelope RMS", "g"),
        ("Mean acceleration", "g"),
    ]  # fmt: skip


def test_lines_bands_and_orders_of_a_spectrum_have_charts_of_their_own() -> None:
    ends = [
        "p2p",
        "band1",
        "band2",
        "freq1",
        "amp1",
        "freq2",
        "amp2",
        "1x",
        "2x",
        "3x",
        "env",
        "envfreq1",
        "envamp1",
    ]
    names = [f"vib.{axis}.{end}" for axis in "xz" for end in ends]
    groups = chart_groups([channel(name, "Hz" if "freq" in name else "g") for name in names])
    assert [(g.title, [g.label(c) for c in g.channels]) for g in groups] == [
        ("Peak to peak", ["x", "z"]),
        ("RMS in bands", ["x.band1", "x.band2", "z.band1", "z.band2"]),
        ("At multiples of the speed", ["x.1x", "x.2x", "x.3x", "z.1x", "z.2x", "z.3x"]),
        ("Envelope RMS", ["x", "z"]),
        ("Largest lines", ["x.amp1", "x.amp2", "z.amp1", "z.amp2"]),
        ("Frequencies of the largest lines", ["x.freq1", "x.freq2", "z.freq1", "z.freq2"]),
        ("Largest lines of the envelope", ["x", "z"]),
        ("Frequencies of the envelope's lines", ["x", "z"]),
    ]


def test_the_slope_of_humidity_is_called_so() -> None:
    groups = chart_groups(
        [channel("air.slope", "degC/h"), channel("air.rh.slope", "%RH/h"), channel("p.value.slope", "bar/h")]
    )
    assert [g.title for g in groups] == ["Temperature slope", "Humidity slope", "Slope"]


def test_64_unknown_channels_make_readable_charts() -> None:
    groups = chart_groups([channel(f"s.odd{n}") for n in range(64)])
    assert sum(len(g.channels) for g in groups) == 64
    assert max(len(g.channels) for g in groups) == MOST_LINES
    assert len({g.title for g in groups}) == len(groups)


def test_points_break_at_gaps_and_keep_what_was_not_measured_empty() -> None:
    t = np.array([0, 10, 20, 30, 500, 510], dtype=np.int64)
    v = np.array([1.0, math.nan, 2.0, 3.0, 4.0, 5.0])
    assert points(t, v) == [[0, 1.0], [10, None], [20, 2.0], [30, 3.0], [31, None], [500, 4.0], [510, 5.0]]


@pytest.mark.parametrize(
    ("low", "high"), [(0.0, 1.0), (-3.2, 9.0), (5.0, 5.0), (0.0, 0.0), (1e-6, 3e6), (-7.0, -6.9)]
)
def test_axis_holds_the_data_on_round_steps(low: float, high: float) -> None:
    axis = nice_axis(low, high)
    assert axis["min"] <= low <= high <= axis["max"]
    steps = (axis["max"] - axis["min"]) / axis["interval"]
    assert steps == pytest.approx(round(steps), abs=1e-6)
    assert 1 <= round(steps) <= 9


def test_near_limits_are_drawn_far_ones_named() -> None:
    near, far, axis = near_and_far([line([0.1, 0.2], "x", h=0.3, hh=9.0), line([0.1, 0.1], "y", h=0.3)])
    assert near == {("h", 0.3): ["x", "y"]}
    assert far == ["alarm limit 9"]
    assert axis["max"] >= 0.3


def test_limits_show_before_the_first_record() -> None:
    near, far, axis = near_and_far([line([], "x", l=-2.0, h=8.0)])
    assert set(near) == {("l", -2.0), ("h", 8.0)}
    assert far == []
    assert axis["min"] <= -2.0 < 8.0 <= axis["max"]


def test_limit_lines_carry_words_and_values() -> None:
    options, note = measured(
        "Temperature", "degC", [line([3, 4], "mean", ll=-2, hh=9), line([2, 3], "min")], UTC
    )
    marks = options["series"][0]["markLine"]["data"]
    assert [(m["yAxis"], m["label"]["formatter"]) for m in marks] == [
        (-2, "low alarm mean -2"),
        (9, "alarm mean 9"),
    ]
    assert note == ""
    assert (options["yAxis"]["name"], options["xAxis"]["name"]) == ("°C", "time (UTC)")


def test_band_of_the_remaining_time_spans_its_percentiles() -> None:
    found = [
        Assessment(n * 1000, "warning", 2.0, 50.0, (), "trend", Interval(10.0, 20.0, 50.0) if n else None)
        for n in range(4)
    ]
    options = chart_options.remaining(found, "Useful life left", UTC)
    by_name = {s["name"]: [p[1] for p in s["data"]] for s in options["series"]}
    assert by_name["median"] == [None, 20.0, 20.0, 20.0]
    assert by_name["from"] == [None, 10.0, 10.0, 10.0]
    assert by_name["10–90 %"] == [None, 40.0, 40.0, 40.0]
    assert options["yAxis"]["name"] == "hours"


def test_charts_without_any_assessment_are_empty_not_broken() -> None:
    for options in (
        chart_options.health([], UTC),
        chart_options.anomaly([], UTC),
        chart_options.remaining([], "Time to limit", UTC),
    ):
        assert options["series"][0]["data"] == []
        assert options["yAxis"]["min"] < options["yAxis"]["max"]


def test_a_chart_without_records_says_so() -> None:
    options, note = measured("Vibration RMS", "g", [line([], "x", h=0.2)], UTC)
    assert note == "No record in this span."
    assert options["series"][0]["markLine"]["data"][0]["yAxis"] == 0.2


def test_other_quantities_are_not_called_temperatures() -> None:
    channels = [
        Channel(id, unit, -3, 0.0, 1.0, {})
        for id, unit in (
            ("air.mean", "degC"), ("air.min", "degC"), ("air.slope", "degC/h"), ("air.rh.mean", "%RH"), ("air.rh.slope", "%RH/h"),
            ("loop.value.mean", "bar"), ("shaft.rpm", "r/min"), ("shaft.low", "r/min"), ("door.closed", ""), ("door.changes", ""),
        )
    ]  # fmt: skip
    titles = {c.id: g.title for g in chart_groups(channels) for c in g.channels}
    assert titles == {
        "air.mean": "Temperature", "air.min": "Temperature", "air.slope": "Temperature slope", "air.rh.mean": "Humidity",
        "air.rh.slope": "Humidity slope", "loop.value.mean": "Level", "shaft.rpm": "Speed", "shaft.low": "Speed",
        "door.closed": "Contact closed", "door.changes": "Contact changes",
    }  # fmt: skip
