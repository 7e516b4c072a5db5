"""What a judge of a waveform is given and what it says: a cause, the lines it rests on, and what was ruled out and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Capture:
    """Windows of each axis, shape (windows, n), in g, at ``rate_hz``."""

    axes: Mapping[str, Floats]
    rate_hz: float


@dataclass(frozen=True, slots=True)
class Tone:
    """A line that was looked for: what it is, where it was found (Hz), its RMS ``height`` and how many times it stands over
    the background. The unit of the height is its judge's: g, or mm/s."""

    name: str
    hz: float
    height: float
    over: float


@dataclass(frozen=True, slots=True)
class Finding:
    """``cause`` is a named one, `undetermined` or `none`. ``text`` says why in plain words, with the lines and what was ruled
    out."""

    cause: str
    tones: tuple[Tone, ...]
    text: str


def said(tones: tuple[Tone, ...], unit: str) -> str:
    """Lines in words: name, place, height, times the background."""
    return ", ".join(
        f"{tone.name} at {tone.hz:.2f} Hz {tone.height:.3g} {unit} ({tone.over:.1f} times the background)"
        for tone in tones
    )
