"""What the interface answers. Times are Unix milliseconds UTC, values physical units; ``x-unit`` in the schema names
the unit of every number that has one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from babbitt.protocol.limits import T_MAX
from babbitt.web.api.answer import PLAIN_TEXT, Answer, Millis, in_unit
from babbitt.web.api.verdicts import Assessment, Diagnosis, FleetLife

T = TypeVar("T")


class Node(Answer):
    """A node as it was last heard."""

    site: str
    node: str
    asset: str = Field(description="What it watches; empty before its first birth.")
    kind: str = Field(description="machine or cold_room; empty before its first birth.")
    online: bool
    asleep: bool = Field(description="It said that it sleeps, and is not overdue.")
    last_t: Annotated[int | None, in_unit("ms", "Time of its newest record.")]
    heard: Annotated[int | None, in_unit("ms", "The host's time when anything last came in.")]
    differences: int = Field(description="How often its checks said something else than the host gets.")
    skew_ms: Annotated[int | None, in_unit("ms", "How far its clock is ahead of the host's.")]
    skew_err_ms: Annotated[int | None, in_unit("ms", "How exactly that is known.")]
    drift_ppm: Annotated[float | None, in_unit("ppm", "How much too fast its oscillator runs.")]
    assessment: Assessment | None


class NodeDetail(Node):
    """A node with the messages it last sent, as they came (see docs/protocol.md), and its remaining life by its fleet."""

    birth: dict[str, Any] | None
    state: dict[str, Any] | None
    fleet: FleetLife | None = Field(
        None, description="null: no model was learnt from this store, or not applied yet."
    )
    first: Literal["own", "fleet"] = Field(
        "own", description="Which to show first: `assessment.remaining` (own) or `fleet.remaining`."
    )
    diagnosis: Diagnosis | None = Field(
        None, description="Machine: what its newest examined waveform told; null if there is none."
    )


class Channel(Answer):
    """A channel of a node. ``lo``, ``hi`` and ``limits`` are in ``unit``."""

    id: str
    unit: str = Field(description="As announced: g, degC, mm/s, 1 ...")
    exp: int = Field(description="Exponent of the values on the wire.")
    lo: float = Field(description="Least value of the sensor.")
    hi: float = Field(description="Greatest value of the sensor.")
    limits: dict[Literal["ll", "l", "h", "hh"], float] = Field(description="Of the node's limit checks.")


class Series(Answer):
    """Values of a channel, thinned so that the least and the greatest of each slice of time stay."""

    channel: str
    unit: str
    t: Annotated[list[int], in_unit("ms", "Times, ascending.")]
    value: list[float] = Field(description="One for each time, in `unit`.")


class Reported(Answer):
    """What a node last said about its configuration."""

    t: Millis
    version: int
    hash: str
    state: Literal["applied", "trial", "rejected", "rolled_back"]
    path: str
    reason: str


class Event(Answer):
    """One event, of a node's check or of the host."""

    id: int = Field(description="Grows with arrival.")
    t: Millis
    t_err: Annotated[int | None, in_unit("ms", "Error bound of the time; null: the node's own clock.")]
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
    held_s: Annotated[int, in_unit("s", "How long the condition had held.")]
    evidence: dict[str, int]
    text: str = Field(description="One sentence in plain words.")


class NewMark(BaseModel):
    """What a person says of an alarm."""

    model_config = ConfigDict(extra="forbid")

    event: int | None = Field(None, ge=1, le=2**53, description="The alarm; null with `reset`.")
    verdict: Literal["right", "wrong", "unsure", "new_normal", "reset"] = Field(
        description="new_normal: wrong, and the machine is learnt anew as it is now. reset: what was said of alarms of this"
        " node so far moves no threshold any more."
    )
    who: str = Field("", max_length=64, pattern=PLAIN_TEXT, description="Who says so.")
    note: str = Field("", max_length=400, pattern=PLAIN_TEXT, description="What it was, in words.")


class Mark(Answer):
    """What a person said of an alarm."""

    id: int = Field(description="Grows with every one.")
    site: str
    node: str
    event: int | None = Field(description="The alarm; null with `reset`. It may have expired.")
    t: Annotated[int | None, in_unit("ms", "Time of the alarm.")]
    origin: Literal["node", "host"]
    check: str
    channel: str | None
    to: str
    sev: Literal[0, 1, 2]
    verdict: Literal["right", "wrong", "unsure", "new_normal", "reset"]
    at: Annotated[int, in_unit("ms", "When it was said.")]
    since: Annotated[int, in_unit("ms", "Time of the node's newest record then.")]
    who: str
    note: str


class NewAcknowledgement(BaseModel):
    """That a person has seen an alarm."""

    model_config = ConfigDict(extra="forbid")

    event: int = Field(ge=1, le=2**53, description="The alarm.")
    who: str = Field(min_length=1, max_length=64, pattern=PLAIN_TEXT, description="Who has seen it.")
    note: str = Field("", max_length=400, pattern=PLAIN_TEXT, description="What was found or done, in words.")


class Acknowledgement(Answer):
    """That a person has seen an alarm."""

    id: int = Field(description="Grows with every one.")
    site: str
    node: str
    event: int = Field(description="The alarm. It may have expired.")
    t: Annotated[int, in_unit("ms", "Time of the alarm.")]
    at: Annotated[int, in_unit("ms", "When they said so.")]
    who: str
    note: str


class NewTurn(BaseModel):
    """What a person says of the life of a machine."""

    model_config = ConfigDict(extra="forbid")

    what: Literal["failed", "repaired", "withdrawn"] = Field(
        description="repaired: or replaced; a new life begins. withdrawn: what was said of that time is taken back."
    )
    t: Annotated[
        int | None,
        in_unit("ms", "When it happened; null: at its newest record, of withdrawn the last that was said."),
    ] = Field(None, ge=1, le=T_MAX)
    who: str = Field("", max_length=64, pattern=PLAIN_TEXT, description="Who says so.")
    note: str = Field("", max_length=400, pattern=PLAIN_TEXT, description="What it was, in words.")


class Life(Answer):
    """A life of a machine, from its first record or a repair to a failure or a repair."""

    site: str
    node: str
    number: int
    begin: Annotated[int, in_unit("ms", "When it began.")]
    end: Annotated[int | None, in_unit("ms", "When it ended; null: it goes on.")]
    failed: bool = Field(description="It ended with a failure.")


class Precision(Answer):
    """Alarms by the word of people."""

    right: int
    wrong: int = Field(description="The new normal included.")
    unsure: int
    unmarked: int
    hours: Annotated[
        int, in_unit("h", "Hours of the days in which the host judged, of all machines together.")
    ]
    precision: float | None = Field(description="right / (right + wrong), 0..1; null without either.")
    low: float | None = Field(description="Lower end of its exact 90 % interval.")
    high: float | None = Field(description="Upper end.")
    false_per_month: float | None = Field(
        description="Alarms called wrong a machine and month; null: nothing judged."
    )


class Tolerance(Answer):
    """How the thresholds of the host follow."""

    factor: float = Field(description="Learnt limits are multiplied by it: 0.8..2.")
    wrong: int
    right: int
    text: str = Field(description="Why, in plain words.")


class Judged(Answer):
    """The alarms of one node by the word of people."""

    site: str
    node: str
    host: Precision = Field(description="Alarms of the host.")
    checks: Precision = Field(description="Alarms of the node's own checks.")
    tolerance: Tolerance | None = Field(
        description="null: the thresholds of this kind of asset do not follow."
    )


class Judgement(Answer):
    """All nodes, and all of them together."""

    nodes: list[Judged]
    host: Precision
    checks: Precision


class Forecast(Answer):
    """A temperature to come."""

    minutes: Annotated[int, in_unit("min", "So far ahead.")]
    low: Annotated[float, in_unit("degC", "Lower end of the interval that holds nine times of ten.")]
    middle: Annotated[float, in_unit("degC", "In the middle.")]
    high: Annotated[float, in_unit("degC", "Upper end.")]


class Foreseen(Answer):
    """The temperatures of a channel to come."""

    channel: str
    t: Annotated[int, in_unit("ms", "From this time on.")]
    forecasts: list[Forecast] = Field(description="Empty while there is too little to learn from.")


class Training(Answer):
    """A training by the host, in a process of its own."""

    id: int
    name: str = Field(description="Of the model.")
    file: str
    state: Literal["waiting", "running", "done", "failed"]
    made: Annotated[int, in_unit("ms", "When it was asked for.")]
    began: Annotated[int | None, in_unit("ms", "When it began; null: not yet.")]
    ended: Annotated[int | None, in_unit("ms", "When it was over; null: not yet.")]
    what: str = Field(description="What goes on.")
    done: int = Field(description="So many parts of it are done,")
    of: int = Field(description="of so many.")
    text: str = Field(description="What came of it, or why it failed.")
    version: int | None = Field(description="Of the model that was made.")


class Account(Answer):
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


class Refused(Answer):
    """A message the host refused."""

    id: int
    t: Millis
    topic: str
    reason: str
    head: str = Field(description="Its first 200 bytes.")


class Span(Answer):
    """One channel of one node over a span of time, in ``unit``."""

    site: str
    node: str
    unit: str
    t: Annotated[int, in_unit("ms", "Time of the latest value.")]
    last: float
    low: float
    high: float


class Waveform(Answer):
    """A waveform that was taken."""

    id: str
    site: str
    node: str
    sensor: str
    axes: str
    t: Annotated[int | None, in_unit("ms", "Time of the first sample; null: the node had no clock.")]
    received: Millis
    by: str
    of: str
    samples: int = Field(description="Of each axis.")
    pre: int = Field(description="So many of them before the trigger.")
    windows: int
    rate_hz: Annotated[float, in_unit("Hz", "Measured rate of its first window.")]
    overflow: int
    clip: int


class Samples(Answer):
    """The samples of a waveform; a list for each axis."""

    wave: Waveform
    unit: str
    time_s: Annotated[list[float], in_unit("s", "Of every sample since the first.")]
    window: list[int] = Field(description="Which window a sample is of; between windows there are gaps.")
    axes: dict[str, list[float]] = Field(description="Values in `unit` by axis.")


class Page(BaseModel, Generic[T]):
    """A page of a list."""

    items: Sequence[T]
    next: str | None = Field(description="Give it as `cursor` to get what follows; null: this is the end.")
