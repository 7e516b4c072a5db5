"""Is maintenance worth doing now?

A stop costs ``planned`` where it is chosen and ``failure`` where it is not; over many lives what counts is the cost a unit of time
(renewal-reward, Barlow and Proschan 1965). Waiting another ``horizon`` gains what a unit of time costs in the long run, and risks
the difference of the two costs times the chance that the machine fails in it: it is worth waiting while

    P(failure within horizon) x (failure - planned) < planned / mean life x horizon.

With the mean life as the longest that could be hoped for, the right-hand side is the least that waiting gains: the rule stops a
little early rather than late. With costs that are equal it never stops.
"""

from __future__ import annotations

from dataclasses import dataclass

from babbitt.errors import ModelError

HORIZON = 0.05
"""Of the mean life: so far ahead is looked; a shorter one needs chances that are too small to be known."""


@dataclass(frozen=True, slots=True)
class Advice:
    """``now``: do it. ``chance`` of a failure within ``horizon``; ``risk`` and ``gain`` are the two sides, in the unit of the
    costs."""

    now: bool
    chance: float
    horizon: float
    risk: float
    gain: float

    @property
    def text(self) -> str:
        """In plain words."""
        return self.said()

    def said(self, unit: str = "") -> str:
        """In plain words; ``unit`` of time, with a space before it."""
        word = "worth doing now" if self.now else "not worth doing yet"
        return (
            f"Maintenance is {word}: within {self.horizon:.3g}{unit} it fails with a chance of {self.chance:.1%}, which would cost"
            f" {self.risk:.3g} on average; waiting gains {self.gain:.3g}."
        )


def check_costs(planned: float, failure: float, mean_life: float) -> None:
    """Raises ModelError if costs or the mean life make no sense."""
    if not (0 < planned <= failure and mean_life > 0):
        raise ModelError(
            f"costs of {planned:g} planned and {failure:g} of a failure, mean life {mean_life:g}: a planned stop costs more"
            " than nothing and no more than a failure"
        )


def advise(chance: float, planned: float, failure: float, mean_life: float, horizon: float) -> Advice:
    """Weigh a ``chance`` (0 to 1) of a failure within ``horizon``. Raises ModelError for costs that make no sense."""
    check_costs(planned, failure, mean_life)
    risk, gain = chance * (failure - planned), planned / mean_life * horizon
    return Advice(risk >= gain and failure > planned, chance, horizon, risk, gain)
