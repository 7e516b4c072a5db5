"""What the receiver hands to the ingest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

Raw = tuple[bytes, bytes, int]
"""A message as it came: topic, payload, packet identifier (0: nobody waits for an acknowledgement)."""


class Cut(bytes):
    """The beginning of a payload that was too long to be kept; ``size`` is how long it was."""

    size: int = 0


@dataclass(frozen=True, slots=True)
class Batch:
    """Messages that came together over one connection; packet identifiers are that connection's."""

    messages: list[Raw]
    connection: int = 0


class Source(Protocol):
    """Where batches come from."""

    def take(self, timeout_s: float) -> Batch | None:
        """What has come, None if nothing does in time."""

    def ack(self, batch: Batch) -> None:
        """It is on disk."""
