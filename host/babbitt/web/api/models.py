"""What the interface answers. Times are Unix milliseconds UTC, values physical units; ``x-unit`` in the schema names
the unit of every number that has one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from babbitt.protocol.assessment import BASES, LEVELS, OUTLOOKS
from babbitt.protocol.cause import EXAMINED
from babbitt.protocol.limits import T_MAX
from babbitt.protocol.room import STATES

T = TypeVar("T")
PLAIN_TEXT = r"^[^\x00-\x1f\x7f]*$"


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
        description="Until they leave their limit, 0: they have. null: there is no fault, none is to be told within 32 h, or no limit."
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
    openings: float | None = Field(description="Doors opened since midnight UTC; null: nothing shows them.")
    open_min: Annotated[float | None, _in("min", "For so long in all.")]
    defrosts: int | None = Field(description="Defrosts since midnight UTC.")
    by_contact: list[Literal["door", "compressor", "defrost"]] = Field(
        description="What a contact told today; the rest is inferred from the temperature."
    )


class Reach(_Answer):
    """A slow variable on its way to a limit that people set."""

    channel: str
    limit: Literal["ll", "l", "h", "hh"]
    at: float = Field(description="The limit, in the unit of the channel.")
    left: Remaining


class Point(_Answer):
    """Where a machine worked: each has a baseline of its own."""

    recipe: int
    speed: Annotated[float | None, _in("r/min", "Speed of the shaft; null if no tachometer tells it.")]


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
    basis: Literal[BASES] = Field(  # type: ignore[valid-type]
        description="What it goes by besides limits people set: nothing (limits), sister machines, its own normal state."
    )
    since_ms: Annotated[
        int | None, _in("ms", "Since when what is told showed, before it was told; null if nothing is told.")
    ]
    point: Point | None = Field(
        description="Machine: where it worked; null for rooms and while it changes over."
    )
    reaches: list[Reach] = Field(description="Machine: channels on their way to a limit, the soonest first.")


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


class Advice(_Answer):
    """Whether maintenance is worth doing now."""

    now: bool
    chance: float = Field(description="Of a failure within `horizon`, 0..1.")
    horizon: Annotated[float, _in("h", "So far ahead is looked.")]
    risk: float = Field(description="What waiting costs on average, in the money of the settings.")
    gain: float = Field(description="What waiting gains.")
    text: str = Field(description="In one sentence.")


class Beside(_Answer):
    """How the model of the fleet and the machines' own models did on past lives."""

    asked: int = Field(description="At so many moments of lives that failed they were asked,")
    answered: int = Field(description="at so many the machines' own models gave a number.")
    own: Annotated[
        float | None, _in("h", "Error of the own models there, root mean square; null: never a number.")
    ]
    fleet: Annotated[float | None, _in("h", "Error of the fleet there, by cross-validation.")]
    first: Literal["fleet", "own"] = Field(description="Whose number is shown first where both give one.")


class FleetLife(_Answer):
    """Remaining life by what became of other machines of the kind."""

    at: Annotated[int, _in("ms", "When it was worked out.")]
    model: str
    version: int
    made: Annotated[int, _in("ms", "When the model was made.")]
    trained: str = Field(description="What it was learnt from, in words.")
    beside: Beside
    t: Annotated[int | None, _in("ms", "As of this time: the newest point of its history.")]
    remaining: Remaining | None = Field(description="null: there is no number, and `why`.")
    beyond: bool = Field(description="More than `p90` is possible: the model does not look farther.")
    why: str = Field(description="Why there is no number.")
    chance: float | None = Field(description="Of a failure within `horizon`.")
    horizon: Annotated[float | None, _in("h", "A twentieth of the mean life.")]
    advice: Advice | None = Field(description="null: costs are not in the settings, or there is no number.")


class FoundLine(_Answer):
    """A line that was looked for."""

    name: str
    hz: Annotated[float, _in("Hz", "Where it is.")]
    over: float = Field(description="How many times it stands over the background.")
    height: float | None = Field(description="In `unit`; null where only the ratio is known (an envelope).")
    unit: str


class Found(_Answer):
    """What was looked for in a waveform, and what was found."""

    what: Literal["bearing", "rotor", "gears", "electrical", "noise"]
    cause: str = Field(description="A named cause, `undetermined` or `none`.")
    text: str = Field(description="Why, in plain words, with what was ruled out.")
    lines: list[FoundLine]


class Facts(_Answer):
    """What the settings of the host said of the machine."""

    rpm: Annotated[float | None, _in("r/min", "Speed of the shaft where no tachometer tells it.")]
    bearing: str
    teeth: str
    line_hz: Annotated[float | None, _in("Hz", "Line frequency of its motor.")]
    poles: int | None
    axial: Literal["", "x", "y", "z"] = Field(description="Axis of the sensor along the shaft.")


class Diagnosis(_Answer):
    """What the host found in a waveform."""

    wave: str = Field(description="Id of the waveform.")
    site: str
    node: str
    sensor: str
    t: Annotated[int | None, _in("ms", "Time of its first sample; null if the node had no clock.")]
    received: Annotated[int, _in("ms", "When it had come.")]
    by: str = Field(description="What triggered it: command or check.")
    of: str = Field(description="Which one.")
    made: Annotated[int, _in("ms", "When it was examined.")]
    state: Literal[EXAMINED] = Field(  # type: ignore[valid-type]
        description="begun: it goes on. undetermined: something is seen that has no one name. not examined: it could not be told; failed: a"
        " defect or a damaged file; `text` says why."
    )
    words: str = Field(description="The cause in a few words.")
    causes: list[str] = Field(description="What was named.")
    found: list[Found]
    missing: dict[str, str] = Field(description="What was not looked for, and what that needs.")
    axis: str = Field(description="In which the bearing was looked for.")
    rpm: Annotated[float | None, _in("r/min", "The speed that was used.")]
    rpm_from: Literal["tachometer", "settings", ""]
    steady: bool = Field(description="The speed did not change while it was taken.")
    reference: str | None = Field(description="The waveform it was compared with.")
    against: str = Field(description="Which that is, or why there is none.")
    text: str = Field(description="Why there is nothing, if there is nothing.")
    facts: Facts
    tries: int


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


class Mark(_Answer):
    """What a person said of an alarm."""

    id: int = Field(description="Grows with every one.")
    site: str
    node: str
    event: int | None = Field(description="The alarm; null with `reset`. It may have expired.")
    t: Annotated[int | None, _in("ms", "Time of the alarm.")]
    origin: Literal["node", "host"]
    check: str
    channel: str | None
    to: str
    sev: Literal[0, 1, 2]
    verdict: Literal["right", "wrong", "unsure", "new_normal", "reset"]
    at: Annotated[int, _in("ms", "When it was said.")]
    since: Annotated[int, _in("ms", "Time of the node's newest record then.")]
    who: str
    note: str


class NewAcknowledgement(BaseModel):
    """That a person has seen an alarm."""

    model_config = ConfigDict(extra="forbid")

    event: int = Field(ge=1, le=2**53, description="The alarm.")
    who: str = Field(min_length=1, max_length=64, pattern=PLAIN_TEXT, description="Who has seen it.")
    note: str = Field("", max_length=400, pattern=PLAIN_TEXT, description="What was found or done, in words.")


class Acknowledgement(_Answer):
    """That a person has seen an alarm."""

    id: int = Field(description="Grows with every one.")
    site: str
    node: str
    event: int = Field(description="The alarm. It may have expired.")
    t: Annotated[int, _in("ms", "Time of the alarm.")]
    at: Annotated[int, _in("ms", "When they said so.")]
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
        _in("ms", "When it happened; null: at its newest record, of withdrawn the last that was said."),
    ] = Field(None, ge=1, le=T_MAX)
    who: str = Field("", max_length=64, pattern=PLAIN_TEXT, description="Who says so.")
    note: str = Field("", max_length=400, pattern=PLAIN_TEXT, description="What it was, in words.")


class Life(_Answer):
    """A life of a machine, from its first record or a repair to a failure or a repair."""

    site: str
    node: str
    number: int
    begin: Annotated[int, _in("ms", "When it began.")]
    end: Annotated[int | None, _in("ms", "When it ended; null: it goes on.")]
    failed: bool = Field(description="It ended with a failure.")


class Precision(_Answer):
    """Alarms by the word of people."""

    right: int
    wrong: int = Field(description="The new normal included.")
    unsure: int
    unmarked: int
    hours: Annotated[int, _in("h", "Hours of the days in which the host judged, of all machines together.")]
    precision: float | None = Field(description="right / (right + wrong), 0..1; null without either.")
    low: float | None = Field(description="Lower end of its exact 90 % interval.")
    high: float | None = Field(description="Upper end.")
    false_per_month: float | None = Field(
        description="Alarms called wrong a machine and month; null: nothing judged."
    )


class Tolerance(_Answer):
    """How the thresholds of the host follow."""

    factor: float = Field(description="Learnt limits are multiplied by it: 0.8..2.")
    wrong: int
    right: int
    text: str = Field(description="Why, in plain words.")


class Judged(_Answer):
    """The alarms of one node by the word of people."""

    site: str
    node: str
    host: Precision = Field(description="Alarms of the host.")
    checks: Precision = Field(description="Alarms of the node's own checks.")
    tolerance: Tolerance | None = Field(
        description="null: the thresholds of this kind of asset do not follow."
    )


class Judgement(_Answer):
    """All nodes, and all of them together."""

    nodes: list[Judged]
    host: Precision
    checks: Precision


class Forecast(_Answer):
    """A temperature to come."""

    minutes: Annotated[int, _in("min", "So far ahead.")]
    low: Annotated[float, _in("degC", "Lower end of the interval that holds nine times of ten.")]
    middle: Annotated[float, _in("degC", "In the middle.")]
    high: Annotated[float, _in("degC", "Upper end.")]


class Foreseen(_Answer):
    """The temperatures of a channel to come."""

    channel: str
    t: Annotated[int, _in("ms", "From this time on.")]
    forecasts: list[Forecast] = Field(description="Empty while there is too little to learn from.")


class Training(_Answer):
    """A training by the host, in a process of its own."""

    id: int
    name: str = Field(description="Of the model.")
    file: str
    state: Literal["waiting", "running", "done", "failed"]
    made: Annotated[int, _in("ms", "When it was asked for.")]
    began: Annotated[int | None, _in("ms", "When it began; null: not yet.")]
    ended: Annotated[int | None, _in("ms", "When it was over; null: not yet.")]
    what: str = Field(description="What goes on.")
    done: int = Field(description="So many parts of it are done,")
    of: int = Field(description="of so many.")
    text: str = Field(description="What came of it, or why it failed.")
    version: int | None = Field(description="Of the model that was made.")


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
