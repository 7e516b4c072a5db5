"""What people say of a machine (``[machines]`` of the settings, options of ``babbitt diagnose``), made what is examined with."""

from __future__ import annotations

from collections.abc import Mapping

from babbitt.errors import FactsRefused, SettingsError, UnknownBearing
from babbitt.health.bearings import bearing
from babbitt.health.electrical import Motor
from babbitt.health.report import Machine
from babbitt.settings import FactsPart, MachinePart


def machine(part: FactsPart) -> Machine:
    """Raises FactsRefused, UnknownBearing."""
    if part.poles is not None and part.line_hz is None:
        raise FactsRefused(
            "poles", "poles are of use with the line frequency only: give it, too (line_hz, --line-hz)"
        )
    if part.poles is not None and part.poles % 2:
        raise FactsRefused("poles", f"a motor has an even number of poles, not {part.poles}")
    gear = _teeth(part.teeth) if part.teeth else []
    return Machine(
        bearing(part.bearing).orders() if part.bearing else None,
        gear[0] if gear else None,
        gear[1] if len(gear) == 2 else None,
        Motor(part.line_hz, part.poles) if part.line_hz is not None else None,
        part.axial or None,
    )


def _teeth(text: str) -> list[int]:
    try:
        gear = [int(part) for part in text.split("/")]
    except ValueError:
        gear = []
    if not 1 <= len(gear) <= 2 or not all(4 <= one <= 1000 for one in gear):
        raise FactsRefused(
            "teeth",
            f"{text!r} are no teeth: give 4 to 1000 of the gear on the shaft, as 32, and of the one it drives, as 32/80",
        )
    return gear


def check(machines: Mapping[str, MachinePart]) -> None:
    """Raises SettingsError that says which machine and what of it cannot be."""
    for name, part in machines.items():
        try:
            machine(part.facts)
        except FactsRefused as error:
            raise SettingsError(f'[machines."{name}"] {error}') from error
        except UnknownBearing as error:
            raise SettingsError(f'[machines."{name}"] bearing: {error}') from error
