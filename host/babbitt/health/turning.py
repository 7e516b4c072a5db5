"""How fast the shaft turned while a waveform was taken, and the waveform as windows that can be examined."""

from __future__ import annotations

from typing import Literal

import numpy as np

from babbitt.errors import NotEnough
from babbitt.health.evidence import Capture
from babbitt.health.report import windows
from babbitt.manipulation.orders import Profile, at_constant_speed
from babbitt.store.reader import StoreReader
from babbitt.store.waves import Wave

Source = Literal["tachometer", "settings"]
NEAR_MS = 3_600_000
"""So far from the waveform a value of the tachometer may be."""
STEADY = 0.005
"""Share by which the speed may differ within a waveform that is examined as it was taken."""


def captured(wave: Wave, profile: Profile | None) -> tuple[Capture, float, bool]:
    """The windows of a waveform, the mean speed in Hz (0 without a profile), and whether they are as they were taken: if the
    speed changed they are read at equal angles. Raises NotEnough."""
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


def said(wave: Wave, rpm: float, rpm_end: float | None = None) -> Profile:
    """The speed as people say it (r/min), at the beginning and at the end of a waveform."""
    ends = np.array([rpm, rpm_end if rpm_end is not None else rpm]) / 60
    return Profile(np.array([0.0, max(1e-6, float(wave.time_s[-1]))]), ends)


def measured(reader: StoreReader, wave: Wave) -> Profile | None:
    """The speed that the node itself measured: from the last value before the waveform to the first after it, or the one
    nearest to it; None if there is none within NEAR_MS. Raises NotEnough if the shaft stood."""
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
    return None


def turning(reader: StoreReader, wave: Wave, rpm: float | None) -> tuple[Profile, Source]:
    """The speed by the node's tachometer, else ``rpm`` of the settings; and which it was. Raises NotEnough."""
    own = measured(reader, wave)
    if own is not None:
        return own, "tachometer"
    if rpm is not None:
        return said(wave, rpm), "settings"
    name = f"{wave.view.site}/{wave.view.node}"
    raise NotEnough(
        f"{name} measures no speed of a shaft near that time: give it with --rpm, or set `rpm` in"
        f' [machines."{name}"] of the settings'
    )
