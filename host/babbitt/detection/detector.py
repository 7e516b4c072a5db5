"""What every detector of several channels promises, so that one is as good as another for those who call it.

`score_one` sees what came before and nothing else, gives 1.0 at the limit, and changes nothing; `learn_one` takes a record in.
The whole state goes through `dump` and `load` (plain JSON types). Values that are None or no numbers are 'not measured'.
`tests/host/detection/test_detectors.py` holds every detector to it: docs/how-to/add-a-detector.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, Self

Values = Mapping[str, float | None]


class Detector(Protocol):
    """A streaming detector of one machine."""

    def learn_one(self, values: Values) -> None:
        """Take a record in."""
        ...

    def score_one(self, values: Values) -> float | None:
        """How unusual a record would be after those that were learnt: 1.0 is the limit; None while too little is known."""
        ...

    def drivers(self) -> tuple[str, ...]:
        """The channels that carry the score of the last record learnt, strongest first."""
        ...

    def dump(self) -> dict[str, Any]:
        """The state, in plain JSON types."""
        ...

    @classmethod
    def load(cls, state: dict[str, Any]) -> Self:
        """What ``dump`` gave. Raises KeyError, TypeError, ValueError for anything else."""
        ...
