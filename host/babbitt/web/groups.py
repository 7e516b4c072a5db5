"""Which channels share a chart: the axes of one feature, the mean and extremes of one temperature.

Channel ids are ``sensor.axis.feature`` or ``sensor.feature`` (see docs/configuration.md). What the
names do not tell is grouped by sensor and unit, so a node with any channels gets sensible charts.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from babbitt.store.views import Channel

MOST_LINES = 6
"""More lines than this in one chart cannot be told apart."""

_TITLES = {
    "rms": "Vibration RMS",
    "peak": "Vibration peak",
    "crest": "Crest factor",
    "kurt": "Kurtosis",
    "velocity": "Vibration velocity",
    "env": "Envelope RMS",
    "average": "Mean acceleration",
    "p2p": "Peak to peak",
    "band": "RMS in bands",
    "order": "At multiples of the speed",
    "amp": "Largest lines",
    "freq": "Frequencies of the largest lines",
    "envamp": "Largest lines of the envelope",
    "envfreq": "Frequencies of the envelope's lines",
    "slope": "Temperature slope",
    "wet": "Humidity slope",
    "trend": "Slope",
    "closed": "Contact closed",
    "changes": "Contact changes",
    "rate": "Sampling rate",
    "overflow": "FIFO overruns",
    "clip": "Clipped samples",
}
_LEVELS = {"degC": "Temperature", "%RH": "Humidity"}
_DIAGNOSTIC = {"rate", "overflow", "clip"}
_ORDER = (
    *("velocity", "rms", "Temperature", "Humidity", "Level", "Speed", "closed", "changes"),
    *("peak", "p2p", "band", "order", "env", "slope", "wet", "trend", "kurt", "crest", "average"),
    *("amp", "freq", "envamp", "envfreq", "", "rate", "overflow", "clip"),
)


@dataclass(frozen=True, slots=True)
class ChartGroup:
    """The channels of one chart: its title, their common unit, and whether it is about the sensor itself."""

    title: str
    unit: str
    channels: tuple[Channel, ...]
    diagnostic: bool

    def label(self, channel: Channel) -> str:
        """The short name of one channel in this chart's legend: what its neighbours do not share."""
        if len(self.channels) == 1:
            return channel.id
        parts = [c.id.split(".") for c in self.channels]
        own = channel.id.split(".")
        if any(len(p) != len(own) for p in parts):
            return channel.id
        differing = [own[i] for i in range(len(own)) if len({p[i] for p in parts}) > 1]
        return ".".join(differing) or channel.id


def _family(feature: str, unit: str) -> str:
    """What channels of a sensor that share a chart have in common; empty where the name does not tell."""
    if feature in {"mean", "min", "max"}:
        return ("average" if feature == "mean" else "") if unit == "g" else _LEVELS.get(unit, "Level")
    if unit == "r/min" and feature in {"rpm", "low", "high"}:
        return "Speed"
    if feature == "slope" and not unit.startswith("degC"):
        return "wet" if unit.startswith("%RH") else "trend"
    if feature in {"1x", "2x", "3x"}:
        return "order"
    several = feature.rstrip("0123456789")
    if several in {"band", "amp", "freq", "envamp", "envfreq"}:
        return several
    return feature if feature in _TITLES else ""


def chart_groups(channels: Iterable[Channel]) -> list[ChartGroup]:
    """Sort ``channels`` into charts: the telling features first, the sensors' own figures last."""
    families: dict[tuple[str, str, str], list[Channel]] = {}
    for channel in channels:
        sensor, _, rest = channel.id.partition(".")
        feature = rest.rpartition(".")[2] or channel.id
        family = _family(feature, channel.unit)
        families.setdefault((sensor, family, channel.unit), []).append(channel)
    sensors: dict[str, set[str]] = {}
    for sensor, family, _ in families:
        sensors.setdefault(family, set()).add(sensor)

    def rank(key: tuple[str, str, str]) -> tuple[int, str]:
        return (_ORDER.index(key[1]) if key[1] in _ORDER else len(_ORDER), key[0])

    groups = []
    for sensor, family, unit in sorted(families, key=rank):
        title = _TITLES.get(family, family) or f"Channels of {sensor}"
        if family and len(sensors[family]) > 1:
            title += f" of {sensor}"
        members = families[sensor, family, unit]
        for start in range(0, len(members), MOST_LINES):
            part = members[start : start + MOST_LINES]
            numbered = f" ({start // MOST_LINES + 1})" if len(members) > MOST_LINES else ""
            groups.append(ChartGroup(title + numbered, unit, tuple(part), family in _DIAGNOSTIC))
    return groups
