"""A node's checks once more: the node's own code, fed with the records that the host received.

What the checks go by is in the birth (channels, checks, running) and in the records (u, recipe, values): the time
between two records is the difference of their ``u``, 0 for the first of a boot. Nothing is read from a flash: baselines
that a node took from there are unknown here, and it is for :mod:`babbitt.detection.recheck` to say what can be compared.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from babbitt.errors import CheckUnknown
from babbitt_node.assembly import build
from babbitt_node.errors import NodeError
from babbitt_node.judge import Judge

_FIELDS = ("number", "running_s", "_started_ms", "_left_ms", "_changed", "_ms")
_ALWAYS: dict[str, Any] = {
    "channel": None, "above": 0, "hysteresis": 0, "starting_s": 0, "settle_s": 0, "run_in_h": 0
}  # fmt: skip


@dataclass(frozen=True)
class _Sampler:
    """As much of a sampler as the checks ask for."""

    id: str
    found: Sequence[Mapping[str, Any]]

    def channels(self) -> Sequence[Mapping[str, Any]]:
        return self.found


class _Judge(Judge):  # type: ignore[misc]
    """The node's judge without a flash."""

    def begin(self) -> None:
        """There is nothing to be taken."""

    def save(self, mark: bool = True) -> None:
        """There is nothing to be kept."""
        self.kept_ms, self.unkept = 0, False


class Rerun:
    """The checks of one birth. ``channels``, ``checks``, ``running`` as in the birth.

    ``checks`` are those of the node's code (see ``babbitt_node.checks.base``), ``running_known`` says whether the birth
    told when those with ``when: running`` are judged. Raises CheckUnknown if the node has checks this program does not know.
    """

    def __init__(
        self,
        channels: Sequence[Mapping[str, Any]],
        checks: Sequence[Mapping[str, Any]],
        running: Mapping[str, Any] | None,
    ) -> None:
        self.running_known = running is not None
        # In a birth what is `always` is left out, and the default of what learns is another one.
        config = {
            "checks": [{"when": "always", **one} for one in checks],
            "running": dict(running or _ALWAYS),
        }
        ids = [one["id"] for one in channels]
        try:
            self._judge = _Judge(*build(config, ids, [_Sampler("", channels)]))
        except (NodeError, ValueError, KeyError, TypeError) as error:
            raise CheckUnknown(f"the checks of this node cannot be judged again here: {error}") from error
        self._judge.run_in_s = (
            0  # how long it has run in all is not known here: the node tells that it learns again
        )
        self.checks: list[Any] = self._judge.checks
        self.operating: Any = self._judge.operating
        order: list[tuple[Any, Sequence[Any]]] = self._judge.order
        self.guards: dict[str, Sequence[Any]] = {check.id: guards for check, guards in order}

    def changes(self, values: Sequence[int | None], dt_ms: int) -> Iterator[Any]:
        """Give every check its part of a record; yields those that changed their state, as the node would tell."""
        found: Iterator[Any] = self._judge.judge(values, dt_ms)
        return found

    def recipe_changed(self) -> None:
        """The record to come is the first of another recipe."""
        self.operating.recipe_changed()

    def follow(self, before: Rerun) -> None:
        """Let checks go on that are the same as before a change of the configuration."""
        known = {check.id: check for check in before.checks}
        for check in self.checks:
            other = known.get(check.id)
            if other is not None and other.channel == check.channel and other.settings == check.settings:
                state = array("i", bytes(4 * check.SIZE))
                other.dump(state)
                check.load(state)

    def dump(self) -> bytes:
        """The state of everything; the same checks take it back with :meth:`load`."""
        numbers = array("i", (int(getattr(self.operating, name)) for name in _FIELDS))
        for check in self.checks:
            state = array("i", bytes(4 * check.SIZE))
            check.dump(state)
            numbers += state
        return numbers.tobytes()

    def load(self, dumped: bytes) -> None:
        """Go on where another one stopped. Raises ValueError if it had other checks."""
        numbers = array("i", dumped)
        if len(numbers) != len(_FIELDS) + sum(check.SIZE for check in self.checks):
            raise ValueError("a state of other checks")
        at = len(_FIELDS)
        for check in self.checks:
            try:
                check.load(numbers[at : at + check.SIZE])
            except NodeError as error:
                raise ValueError(f"a state of other checks: {error}") from error
            at += check.SIZE
        for name, value in zip(_FIELDS, numbers, strict=False):
            setattr(self.operating, name, bool(value) if name == "_changed" else value)
