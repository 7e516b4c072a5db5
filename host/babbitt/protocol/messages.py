"""The messages of wire protocol 1, as docs/protocol.md defines them, and how they are decoded and checked.

``decode(topic, payload)`` gives one of the structures below or raises ProtocolError with a reason in plain
words and the path of the fault. Unknown fields are ignored. What the host thinks of a time stamp (plausible
or not) is not decided here: a record is not lost because of a bad clock.
"""

from __future__ import annotations

import math
import re
from typing import Annotated, Any, Final, NamedTuple

import msgspec
from msgspec import Meta, Struct, field

from babbitt.errors import ProtocolError, VersionError
from babbitt.protocol.limits import (
    BIG_PAYLOAD,
    CHANNELS_MAX,
    DEPTH_MAX,
    DIGITS_MAX,
    PAYLOAD,
    PLAIN,
    ROWS_MAX,
    SEQ_MAX,
    VALUE_MAX,
    VERSION,
    Boot,
    ChannelId,
    Count,
    Discards,
    Hash,
    Id,
    Install,
    Quality,
    Seq,
    Text,
    Time,
    Uptime,
    Value,
    exactly,
)


class Previous(Struct):
    """The boot before this one: its first unused seq and whether it ended by intention."""

    boot: Boot
    next: Seq
    clean: bool


class Oldest(Struct):
    """The oldest record the node still has."""

    boot: Boot
    seq: Seq


class AssetInfo(Struct):
    """What the node watches."""

    name: Annotated[str, Meta(min_length=1, max_length=64, pattern=PLAIN)]
    kind: Annotated[str, Meta(pattern=exactly("(machine|cold_room)"))]


class ChannelInfo(Struct):
    """One channel; ``lo``/``hi`` is the range the sensor can deliver, as values of the channel."""

    id: ChannelId
    unit: Annotated[str, Meta(max_length=16, pattern=PLAIN)]
    exp: Annotated[int, Meta(ge=-12, le=12)]
    lo: Value
    hi: Value


class SensorInfo(Struct, omit_defaults=True):
    """One sensor; for vibration with the nominal rate (Hz), the window (samples) and the band (Hz)."""

    id: Id
    driver: Text
    fault: Text | None
    rate: Count | None = None
    window: Count | None = None
    band: tuple[Count, Count] | None = None


class CheckInfo(Struct):
    """One check; its settings by name are read from the payload where they are needed."""

    id: Id
    type: Text
    channel: ChannelId


class ConfigInfo(Struct):
    """The configuration in force."""

    version: Count
    hash: Hash


class Birth(Struct):
    """Who the node is."""

    i: Install
    fw: Text
    board: Text
    boot: Boot
    reset: Annotated[str, Meta(pattern=exactly("(power_on|hard|watchdog|deep_sleep|soft|unknown)"))]
    prev: Previous | None
    oldest: Oldest
    discards: Discards
    q: Quality
    asset: AssetInfo
    interval: Annotated[int, Meta(ge=1, le=86400)]
    channels: Annotated[list[ChannelInfo], Meta(max_length=CHANNELS_MAX)]
    sensors: Annotated[list[SensorInfo], Meta(max_length=8)]
    checks: Annotated[list[CheckInfo], Meta(max_length=32)]
    config: ConfigInfo
    since: Seq = 0
    crash: Text | None = None


class Spool(Struct):
    """What the node keeps until the watermark covers it."""

    records: Count
    bytes: Count


class Discarded(Struct):
    """What a full spool threw away since installation."""

    rows: Count
    events: Count


class State(Struct):
    """How the node is."""

    online: bool
    i: Install
    boot: Boot
    u: Uptime
    t: Time | None
    q: Quality
    rssi: Annotated[int, Meta(ge=-200, le=100)] | None
    heap_free: Count
    heap_block: Count
    next: Seq
    sent: Annotated[int, Meta(ge=-1, le=SEQ_MAX)]
    spool: Spool
    discarded: Discarded
    discards: Discards
    faults: Annotated[dict[Id, Text], Meta(max_length=8)]
    refused: Count
    restarts: Annotated[dict[Text, Count], Meta(max_length=32)]
    lag: Count = 0


class Will(Struct):
    """The will of a node, sent by the broker: it is gone."""

    online: bool


Row = Annotated[list[Time | None], Meta(min_length=3, max_length=3 + CHANNELS_MAX)]


class Data(Struct):
    """A batch of records; row n is ``[u, t, recipe, values...]`` and has seq ``seq`` + n."""

    i: Install
    boot: Boot
    seq: Seq
    q: Quality
    rows: Annotated[list[Row], Meta(min_length=1, max_length=ROWS_MAX)]


class Event(Struct):
    """One check of the node changed its state."""

    i: Install
    boot: Boot
    seq: Seq
    u: Uptime
    t: Time | None
    q: Quality
    check: Id
    ch: ChannelId | None
    came_from: Text = field(name="from")
    to: Text = field()
    sev: Annotated[int, Meta(ge=0, le=2)] = field()
    value: Value | None = field()
    limit: Value | None = field()
    held: Count = field(name="for")
    ev: Annotated[dict[Text, Value], Meta(max_length=16)] = field()


class Commit(Struct, omit_defaults=True):
    """The watermark: everything of the installation up to here is on disk or known to be lost; boot 0: nothing
    yet."""

    i: Install
    boot: Annotated[int, Meta(ge=0, le=SEQ_MAX)]
    seq: Seq
    resend: Annotated[int, Meta(ge=0, le=1)] = 0


class Desired(Struct, omit_defaults=True):
    """The configuration to run, or the parts of node.json that lead to the broker; one of them."""

    version: Count
    config: dict[str, Any] | None = None
    network: dict[str, Any] | None = None

    def __post_init__(self) -> None:
        if (self.config is None) == (self.network is None):
            raise ValueError("either config or network")


class Reported(Struct, omit_defaults=True):
    """What became of a ``desired``: in force and confirmed, on trial, refused, or tried in vain, and why."""

    i: Install
    version: Count
    hash: Hash
    state: Annotated[str, Meta(pattern=exactly("(applied|trial|rejected|rolled_back)"))]
    path: Text = ""
    reason: Text = ""


class HostState(Struct, omit_defaults=True):
    """The host: whether it is there, its time (Unix ms), and a word that is new after every start."""

    online: bool
    t: Time | None = None
    session: Annotated[str, Meta(pattern=exactly("[0-9a-f]{8}"))] | None = None


Message = Birth | State | Will | Data | Event | Commit | Desired | Reported | HostState

KINDS: Final[dict[str, Any]] = {
    "birth": Birth,
    "state": State | Will,
    "data": Data,
    "event": Event,
    "reported": Reported,
    "desired": Desired,
    "commit": Commit,
    "host": HostState,
}
"""The structures by the last level of the topic (``$host`` without its sign)."""

_DECODERS = {kind: msgspec.json.Decoder(type_) for kind, type_ in KINDS.items() if kind != "state"}
_STATE = msgspec.json.Decoder(State)
_WILL = msgspec.json.Decoder(Will)
_NAME = re.compile("[a-z0-9-]{1,32}")
_STRING = re.compile(rb'"(?:[^"\\]|\\.)*"')
_NUMBER = re.compile(rb"-?[0-9][-+.0-9eE]*")
_BRACKET = re.compile(rb"[][{}]")


class Topic(NamedTuple):
    """A topic taken apart; ``node`` is empty for ``$host``."""

    site: str
    node: str
    kind: str


def parse_topic(topic: str) -> Topic:
    """Take a topic apart. Raises VersionError for another major version, ProtocolError for no topic of
    ours."""
    levels = topic.split("/")
    if len(levels) < 4 or levels[0] != "babbitt":
        raise ProtocolError(f"{topic[:128]} is not a topic of babbitt", "topic")
    if levels[1] != str(VERSION):
        raise VersionError(f"protocol version {levels[1][:32]} is not spoken here, only {VERSION}", "topic")
    site, rest = levels[2], levels[3:]
    node, kind = ("", "host") if rest == ["$host"] else (rest[0], "/".join(rest[1:]))
    if not _NAME.fullmatch(site) or (kind != "host" and not _NAME.fullmatch(node)):
        raise ProtocolError("site and node are 1 to 32 of a-z, 0-9 and -", "topic")
    if kind not in KINDS or (kind == "host") != (rest == ["$host"]):
        raise ProtocolError(f"unknown kind of message {kind[:32]}", "topic")
    return Topic(site, node, kind)


def decode(topic: str, payload: bytes) -> Message:
    """Decode and check one message. Raises ProtocolError (VersionError for another major version)."""
    return decode_kind(parse_topic(topic).kind, payload)


def decode_kind(kind: str, payload: bytes) -> Message:
    """As :func:`decode`, with the kind of message already known. Raises ProtocolError."""
    most = BIG_PAYLOAD if kind in {"birth", "desired"} else PAYLOAD
    if len(payload) > most:
        raise ProtocolError(f"{len(payload)} bytes, {most} are allowed")
    try:
        str(payload, "utf-8")  # msgspec does not look into what it skips
        if kind == "state":
            return _state(payload)
        message: Message = _DECODERS[kind].decode(payload)
    except msgspec.ValidationError as error:
        raise _explain(str(error)) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ProtocolError(f"not valid JSON in UTF-8: {error}") from None
    except RecursionError:
        raise ProtocolError("nested too deeply") from None
    if isinstance(message, Data):
        _check_rows(message)
    elif isinstance(message, Birth):
        _check_birth(message)
        _check_kept(payload)
    return message


def encode(message: Message) -> bytes:
    """The payload of a message."""
    return msgspec.json.encode(message)


def _state(payload: bytes) -> State | Will:
    """A state in full, or the will, which says no more than that the node is offline."""
    will = _WILL.decode(payload)
    if not will.online and b'"i"' not in payload:
        return will
    state = _STATE.decode(payload)
    _check_discards(state)
    _check_kept(payload)
    return state


def _check_kept(payload: bytes) -> None:
    """Births and states are kept as they came, unknown fields included: what is read here must be readable
    everywhere."""
    depth, bare = 0, _STRING.sub(b"", payload)
    for number in _NUMBER.findall(bare):
        # Infinity is no JSON when it is written again, and Python reads no whole number of 5000 digits.
        if len(number) > DIGITS_MAX or not math.isfinite(float(number)):
            raise ProtocolError(f"{number[:20].decode()}: a number beyond what can be held")
    for bracket in _BRACKET.findall(bare):
        depth += 1 if bracket in b"[{" else -1
        if depth > DEPTH_MAX:
            raise ProtocolError(f"nested more than {DEPTH_MAX} deep")


def _check_rows(data: Data) -> None:
    width = len(data.rows[0])
    for n, (row, seq) in enumerate(zip(data.rows, range(data.seq, data.seq + len(data.rows)), strict=True)):
        u, _, recipe, *values = row
        if seq > SEQ_MAX:
            raise ProtocolError(f"seq {seq} is beyond {SEQ_MAX}", f"rows[{n}]")
        if u is None or u < 0:
            raise ProtocolError("u is 0 or more and never null", f"rows[{n}][0]")
        if recipe is None or not 0 <= recipe <= VALUE_MAX:
            raise ProtocolError("recipe is 0 or more and never null", f"rows[{n}][2]")
        if len(row) != width:
            raise ProtocolError(f"{len(values)} values, the first row has {width - 3}", f"rows[{n}]")
        numbers = [value for value in values if value is not None]
        if numbers and (max(numbers) > VALUE_MAX or min(numbers) < -VALUE_MAX):
            raise ProtocolError(f"a value is beyond +-{VALUE_MAX}", f"rows[{n}]")


def _check_birth(birth: Birth) -> None:
    for name, listed in (("channels", birth.channels), ("sensors", birth.sensors), ("checks", birth.checks)):
        ids = [entry.id for entry in listed]
        for n, one in enumerate(ids):
            if one in ids[:n]:
                raise ProtocolError(f"{one} is there twice", f"{name}[{n}].id")
    _check_discards(birth)
    if (birth.oldest.boot, birth.oldest.seq) > (birth.boot, SEQ_MAX):
        raise ProtocolError("the oldest record is of a boot still to come", "oldest.boot")
    if birth.prev is not None and birth.prev.boot >= birth.boot:
        raise ProtocolError("the boot before is not before this boot", "prev.boot")


def _check_discards(said: Birth | State) -> None:
    for n, (boot, first, last) in enumerate(said.discards):
        if last < first:
            raise ProtocolError("the last is before the first", f"discards[{n}]")
        if boot > said.boot:
            raise ProtocolError("the discarded records are of a boot still to come", f"discards[{n}]")


_AT = re.compile(r" - at `(?:key in )?\$\.?(.*)`$")


def _explain(text: str) -> ProtocolError:
    """msgspec's message as a reason in plain words and a path."""
    found = _AT.search(text)
    path = found.group(1) if found else ""
    reason = _AT.sub("", text).replace("`", "").replace("Object missing required field ", "missing field ")
    return ProtocolError(reason[:1].lower() + reason[1:], path)
