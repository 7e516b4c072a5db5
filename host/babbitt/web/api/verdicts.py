"""What the interface answers of the host's judgement: how an asset is, how long it has, why."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from babbitt.protocol.assessment import BASES, LEVELS, OUTLOOKS
from babbitt.protocol.cause import EXAMINED
from babbitt.protocol.room import STATES
from babbitt.web.api.answer import Answer, Millis, in_unit


class Remaining(Answer):
    """A time still to come, as percentiles."""

    p10: Annotated[float, in_unit("h", "With a chance of 10 % it is shorter.")]
    p50: Annotated[float, in_unit("h", "As likely shorter as longer.")]
    p90: Annotated[float, in_unit("h", "With a chance of 10 % it is longer.")]


class Goods(Answer):
    """Goods by a thermal model of them."""

    low: Annotated[float, in_unit("degC", "They are hardly colder.")]
    middle: Annotated[float, in_unit("degC", "The likeliest.")]
    high: Annotated[float, in_unit("degC", "They are hardly warmer.")]
    to_limit: Remaining | None = Field(
        description="Until they leave their limit, 0: they have. null: there is no fault, none is to be told within 32 h, or no limit."
    )


class Room(Answer):
    """What a cold room does."""

    channel: str = Field(description="The temperature this is told from.")
    state: Literal[STATES]  # type: ignore[valid-type]
    since_ms: Millis
    today: dict[str, float] = Field(description="Minutes by state since midnight UTC.")
    goods: Goods | None
    duty: float | None = Field(description="Share of the time the compressor ran, last days.")
    pull_k_h: Annotated[float | None, in_unit("K/h", "How fast it cools.")]
    recovery_min: Annotated[float | None, in_unit("min", "Until the air is back after a defrost or a door.")]
    power: float | None = Field(
        description="What the compressor draws out of the air; 1 is its own beginning."
    )
    openings: float | None = Field(description="Doors opened since midnight UTC; null: nothing shows them.")
    open_min: Annotated[float | None, in_unit("min", "For so long in all.")]
    defrosts: int | None = Field(description="Defrosts since midnight UTC.")
    by_contact: list[Literal["door", "compressor", "defrost"]] = Field(
        description="What a contact told today; the rest is inferred from the temperature."
    )


class Reach(Answer):
    """A slow variable on its way to a limit that people set."""

    channel: str
    limit: Literal["ll", "l", "h", "hh"]
    at: float = Field(description="The limit, in the unit of the channel.")
    left: Remaining


class Point(Answer):
    """Where a machine worked: each has a baseline of its own."""

    recipe: int
    speed: Annotated[float | None, in_unit("r/min", "Speed of the shaft; null if no tachometer tells it.")]


class Assessment(Answer):
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
        int | None,
        in_unit("ms", "Since when what is told showed, before it was told; null if nothing is told."),
    ]
    point: Point | None = Field(
        description="Machine: where it worked; null for rooms and while it changes over."
    )
    reaches: list[Reach] = Field(description="Machine: channels on their way to a limit, the soonest first.")


class Advice(Answer):
    """Whether maintenance is worth doing now."""

    now: bool
    chance: float = Field(description="Of a failure within `horizon`, 0..1.")
    horizon: Annotated[float, in_unit("h", "So far ahead is looked.")]
    risk: float = Field(description="What waiting costs on average, in the money of the settings.")
    gain: float = Field(description="What waiting gains.")
    text: str = Field(description="In one sentence.")


class Beside(Answer):
    """How the model of the fleet and the machines' own models did on past lives."""

    asked: int = Field(description="At so many moments of lives that failed they were asked,")
    answered: int = Field(description="at so many the machines' own models gave a number.")
    own: Annotated[
        float | None, in_unit("h", "Error of the own models there, root mean square; null: never a number.")
    ]
    fleet: Annotated[float | None, in_unit("h", "Error of the fleet there, by cross-validation.")]
    first: Literal["fleet", "own"] = Field(description="Whose number is shown first where both give one.")


class FleetLife(Answer):
    """Remaining life by what became of other machines of the kind."""

    at: Annotated[int, in_unit("ms", "When it was worked out.")]
    model: str
    version: int
    made: Annotated[int, in_unit("ms", "When the model was made.")]
    trained: str = Field(description="What it was learnt from, in words.")
    beside: Beside
    t: Annotated[int | None, in_unit("ms", "As of this time: the newest point of its history.")]
    remaining: Remaining | None = Field(description="null: there is no number, and `why`.")
    beyond: bool = Field(description="More than `p90` is possible: the model does not look farther.")
    why: str = Field(description="Why there is no number.")
    chance: float | None = Field(description="Of a failure within `horizon`.")
    horizon: Annotated[float | None, in_unit("h", "A twentieth of the mean life.")]
    advice: Advice | None = Field(description="null: costs are not in the settings, or there is no number.")


class FoundLine(Answer):
    """A line that was looked for."""

    name: str
    hz: Annotated[float, in_unit("Hz", "Where it is.")]
    over: float = Field(description="How many times it stands over the background.")
    height: float | None = Field(description="In `unit`; null where only the ratio is known (an envelope).")
    unit: str


class Found(Answer):
    """What was looked for in a waveform, and what was found."""

    what: Literal["bearing", "rotor", "gears", "electrical", "noise"]
    cause: str = Field(description="A named cause, `undetermined` or `none`.")
    text: str = Field(description="Why, in plain words, with what was ruled out.")
    lines: list[FoundLine]


class Facts(Answer):
    """What the settings of the host said of the machine."""

    rpm: Annotated[float | None, in_unit("r/min", "Speed of the shaft where no tachometer tells it.")]
    bearing: str
    teeth: str
    line_hz: Annotated[float | None, in_unit("Hz", "Line frequency of its motor.")]
    poles: int | None
    axial: Literal["", "x", "y", "z"] = Field(description="Axis of the sensor along the shaft.")


class Diagnosis(Answer):
    """What the host found in a waveform."""

    wave: str = Field(description="Id of the waveform.")
    site: str
    node: str
    sensor: str
    t: Annotated[int | None, in_unit("ms", "Time of its first sample; null if the node had no clock.")]
    received: Annotated[int, in_unit("ms", "When it had come.")]
    by: str = Field(description="What triggered it: command or check.")
    of: str = Field(description="Which one.")
    made: Annotated[int, in_unit("ms", "When it was examined.")]
    state: Literal[EXAMINED] = Field(  # type: ignore[valid-type]
        description="begun: it goes on. undetermined: something is seen that has no one name. not examined: it could not be told; failed: a"
        " defect or a damaged file; `text` says why."
    )
    words: str = Field(description="The cause in a few words.")
    causes: list[str] = Field(description="What was named.")
    found: list[Found]
    missing: dict[str, str] = Field(description="What was not looked for, and what that needs.")
    axis: str = Field(description="In which the bearing was looked for.")
    rpm: Annotated[float | None, in_unit("r/min", "The speed that was used.")]
    rpm_from: Literal["tachometer", "settings", ""]
    steady: bool = Field(description="The speed did not change while it was taken.")
    reference: str | None = Field(description="The waveform it was compared with.")
    against: str = Field(description="Which that is, or why there is none.")
    text: str = Field(description="Why there is nothing, if there is nothing.")
    facts: Facts
    tries: int
