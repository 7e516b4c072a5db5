"""What the interface answers. Times are Unix milliseconds UTC, values physical units; ``x-unit`` in the schema names
the unit of every number that has one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from babbitt.protocol.assessment import LEVELS, OUTLOOKS
from babbitt.protocol.room import STATES

T = TypeVar("T")


def _in(unit: str, description: str) -> Any:
    return Field(description=description, json_schema_extra={"x-unit": unit})


class _Answer(BaseModel):
    """Made from the views of the store, whose fields have the same names."""

    model_config = ConfigDict(from_attributes=True, protected_namespaces=())


Millis = Annotated[int, _in("ms", "Unix time in milliseconds, UTC.")]


class Remaining(_Answer):
    """A time still to come, as percentiles."""

    p10: Annotated[float, _in("h", "With a chance of 10 % it is shorter.")]
    p50: Annotated[float, _in("h", "As likely shorter as longer.")]
    p90: Annotated[float, _in("h", "With a chance of 10 % it is longer.")]


class Goods(_Answer):
    """Goods by a thermal model of them."""

    low: Annotated[float, _in("degC", "They are hardly colder.")]
    middle: Annotated[float, _in("degC", "The likeliest.")]
    high: Annotated[float, _in("degC", "They are hardly warmer.")]
    to_limit: Remaining | None = Field(
        description="Until they leave their limit; null: less likely than not within 32 h."
    )


class Room(_Answer):
    """What a cold room does."""

    channel: str = Field(description="The temperature this is told from.")
    state: Literal[STATES]  # type: ignore[valid-type]
    since_ms: Millis
    today: dict[str, float] = Field(description="Minutes by state since midnight UTC.")
    goods: Goods | None
    duty: float | None = Field(description="Share of the time the compressor ran, last days.")
    pull_k_h: Annotated[float | None, _in("K/h", "How fast it cools.")]
    recovery_min: Annotated[float | None, _in("min", "Until the air is back after a defrost or a door.")]
    power: float | None = Field(
        description="What the compressor draws out of the air; 1 is its own beginning."
    )


class Assessment(_Answer):
    """What the host thinks of an asset at one instant."""

    t_ms: Millis
    level: Literal[LEVELS]  # type: ignore[valid-type]
    anomaly: float | None = Field(description="1.0 is the limit of its own baseline; null while learning.")
    health: float | None = Field(description="0..100, an index of distance; null while learning.")
    drivers: list[str] = Field(description="Channels that carry the anomaly, strongest first.")
    outlook: Literal[OUTLOOKS]  # type: ignore[valid-type]
    remaining: Remaining | None = Field(
        description="Machine: useful life left. Cold room: time to the limit. null where nothing can be said."
    )
    room: Room | None = Field(description="Cold room: what it does; else null.")


class Node(_Answer):
    """A node as it was last heard."""

    site: str
    node: str
    asset: str = Field(description="What it watches; empty before its first birth.")
    kind: str = Field(description="machine or cold_room; empty before its first birth.")
    online: bool
    asleep: bool = Field(description="It said that it sleeps, and is not overdue.")
    last_t: Annotated[int | None, _in("ms", "Time of its newest record.")]
    heard: Annotated[int | None, _in("ms", "The host's time when anything last came in.")]
    differences: int = Field(description="How often its checks said something else than the host gets.")
    skew_ms: Annotated[int | None, _in("ms", "How far its clock is ahead of the host's.")]
    skew_err_ms: Annotated[int | None, _in("ms", "How exactly that is known.")]
    drift_ppm: Annotated[float | None, _in("ppm", "How much too fast its oscillator runs.")]
    assessment: Assessment | None


class NodeDetail(Node):
    """A node with the messages it last sent, as they came (see docs/protocol.md)."""

    birth: dict[str, Any] | None
    state: dict[str, Any] | None


class Channel(_Answer):
    """A channel of a node. ``lo``, ``hi`` and ``limits`` are in ``unit``."""

    id: str
    unit: str = Field(description="As announced: g, degC, mm/s, 1 ...")
    exp: int = Field(description="Exponent of the values on the wire.")
    lo: float = Field(description="Least value of the sensor.")
    hi: float = Field(description="Greatest value of the sensor.")
    limits: dict[Literal["ll", "l", "h", "hh"], float] = Field(description="Of the node's limit checks.")


class Series(_Answer):
    """Values of a channel, thinned so that the least and the greatest of each slice of time stay."""

    channel: str
    unit: str
    t: Annotated[list[int], _in("ms", "Times, ascending.")]
    value: list[float] = Field(description="One for each time, in `unit`.")


class Reported(_Answer):
    """What a node last said about its configuration."""

    t: Millis
    version: int
    hash: str
    state: Literal["applied", "trial", "rejected", "rolled_back"]
    path: str
    reason: str


class Event(_Answer):
    """One event, of a node's check or of the host."""

    id: int = Field(description="Grows with arrival.")
    t: Millis
    t_err: Annotated[int | None, _in("ms", "Error bound of the time; null: the node's own clock.")]
    site: str
    node: str
    origin: Literal["node", "host"]
    check: str
    channel: str | None
    came_from: str
    to: str
    sev: Literal[0, 1, 2] = Field(description="0 information or back to normal, 1 warning, 2 alarm.")
    value: float | None
    limit: float | None
    unit: str = Field(description="Of value and limit.")
    held_s: Annotated[int, _in("s", "How long the condition had held.")]
    evidence: dict[str, int]
    text: str = Field(description="One sentence in plain words.")


class Account(_Answer):
    """The account of one boot of one installation of a node."""

    site: str
    node: str
    install: str
    boot: int
    first: int
    next: int
    received: int
    duplicates: int
    missing: int
    discarded: int
    refused: int
    pending: int
    lost_windows: int
    state: Literal["complete", "pending", "unexplained"]
    note: str


class Refused(_Answer):
    """A message the host refused."""

    id: int
    t: Millis
    topic: str
    reason: str
    head: str = Field(description="Its first 200 bytes.")


class Span(_Answer):
    """One channel of one node over a span of time, in ``unit``."""

    site: str
    node: str
    unit: str
    t: Annotated[int, _in("ms", "Time of the latest value.")]
    last: float
    low: float
    high: float


class Waveform(_Answer):
    """A waveform that was taken."""

    id: str
    site: str
    node: str
    sensor: str
    axes: str
    t: Annotated[int | None, _in("ms", "Time of the first sample; null: the node had no clock.")]
    received: Millis
    by: str
    of: str
    samples: int = Field(description="Of each axis.")
    pre: int = Field(description="So many of them before the trigger.")
    windows: int
    rate_hz: Annotated[float, _in("Hz", "Measured rate of its first window.")]
    overflow: int
    clip: int


class Samples(_Answer):
    """The samples of a waveform; a list for each axis."""

    wave: Waveform
    unit: str
    time_s: Annotated[list[float], _in("s", "Of every sample since the first.")]
    window: list[int] = Field(description="Which window a sample is of; between windows there are gaps.")
    axes: dict[str, list[float]] = Field(description="Values in `unit` by axis.")


class Page(BaseModel, Generic[T]):
    """A page of a list."""

    items: Sequence[T]
    next: str | None = Field(description="Give it as `cursor` to get what follows; null: this is the end.")
