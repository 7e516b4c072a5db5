"""What the host found in a waveform, as it is kept and told."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from babbitt.settings import FactsPart

EXAMINED = ("begun", "named", "undetermined", "none", "not examined", "failed")
"""States of an examination: it goes on; a cause is named; something is seen that has no one name; nothing is seen; it could not
be told (too short, no speed); a defect or a damaged file kept it from its end."""


@dataclass(frozen=True, slots=True)
class FoundLine:
    """A line that was looked for: where it is and how many times it stands over the background; ``height`` in ``unit``, None where
    only the ratio is known (an envelope)."""

    name: str
    hz: float
    over: float
    height: float | None = None
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Found:
    """What one judge says: ``what`` it looked for (`bearing`, `rotor`, `gears`, `electrical`, `noise`), a named ``cause``,
    `undetermined` or `none`, and why in words, with what was ruled out."""

    what: str
    cause: str
    text: str
    lines: tuple[FoundLine, ...] = ()


@dataclass(frozen=True, slots=True)
class Examined:
    """What a waveform told. ``made``: when (ms); ``t``, ``received``, ``by``, ``of``, ``sensor`` are those of the waveform.
    ``missing``: what was not looked for, and what that needs. ``rpm`` is the speed that was used, told by ``rpm_from``
    (`tachometer`, `settings`, empty: unknown); ``steady``: it did not change. ``reference`` is the waveform it was compared with,
    None: with none; ``against`` says in words which, or why none. ``text``: why there is nothing, if there is nothing.
    ``facts``: what was known of the machine; ``tries``: how often it was begun."""

    wave: str
    site: str
    node: str
    sensor: str
    t: int | None
    received: int
    by: str
    of: str
    made: int
    state: Literal["begun", "named", "undetermined", "none", "not examined", "failed"]
    causes: tuple[str, ...] = ()
    found: tuple[Found, ...] = ()
    missing: dict[str, str] = field(default_factory=dict)
    axis: str = ""
    rpm: float | None = None
    rpm_from: Literal["tachometer", "settings", ""] = ""
    steady: bool = True
    reference: str | None = None
    against: str = ""
    text: str = ""
    facts: FactsPart = field(default_factory=FactsPart)
    tries: int = 1

    @property
    def words(self) -> str:
        """The cause in a few words."""
        if self.state == "named":
            return ", ".join(self.named)
        if self.state == "undetermined":
            return (
                f"undetermined ({', '.join(one.what for one in self.found if one.cause == 'undetermined')})"
            )
        return {"none": "no cause found", "begun": "being examined", "failed": "examination failed"}.get(
            self.state, self.state
        )

    @property
    def named(self) -> tuple[str, ...]:
        """The named causes; one of a part of a known bearing with the bearing."""
        own = {one.cause for one in self.found if one.what == "bearing"} - {"bearing"}
        of = f" of bearing {self.facts.bearing}" if self.facts.bearing else ""
        return tuple(cause + of if cause in own else cause for cause in self.causes)

    @property
    def evidence(self) -> str:
        """Why the named causes are named, in words."""
        return " ".join(
            one.text.partition(" Ruled out:")[0] for one in self.found if one.cause in self.causes
        )
