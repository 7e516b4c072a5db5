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
    WAVE_PARTS,
    WAVE_SAMPLES,
    WAVE_WINDOWS,
    WAVES_KEPT,
    Boot,
    ChannelId,
    CommandId,
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
    WaveId,
    exactly,
)
from babbitt.protocol.waves import Chunk, decode_chunk


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
    """One check; its settings by name are read from the payload where they are needed. A vote on other checks
    has no channel."""

    id: Id
    type: Text
    channel: ChannelId | None = None


class RunningInfo(Struct):
    """How the node knows that the machine runs (``channel`` None: it always does), and how long what takes."""

    channel: ChannelId | None
    above: Value
    hysteresis: Count
    starting_s: Count
    settle_s: Count
    run_in_h: Count


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
    hold: Count = 0
    crash: Text | None = None
    running: RunningInfo | None = None


class Spool(Struct):
    """What the node keeps until the watermark covers it."""

    records: Count
    bytes: Count


class Discarded(Struct):
    """What a full spool threw away since installation."""

    rows: Count
    events: Count


class JudgeInfo(Struct):
    """For which recipe the node judges, whether the machine runs, and how often baselines were written to flash."""

    recipe: Annotated[int, Meta(ge=0, le=255)]
    machine: Annotated[str, Meta(pattern=exactly("(off|starting|running)"))]
    writes: Count


class Waves(Struct):
    """The waveforms a node keeps, (id, parts) each, and how many it had to throw away."""

    kept: Annotated[
        list[tuple[WaveId, Annotated[int, Meta(ge=1, le=WAVE_PARTS)]]], Meta(max_length=WAVES_KEPT)
    ]
    dropped: Count


class State(Struct):
    """How the node is. ``cmd`` and ``waves`` are None for a node that takes no commands."""

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
    judge: JudgeInfo | None = None
    cmd: Seq | None = None
    waves: Waves | None = None


class Will(Struct, omit_defaults=True):
    """The will of a node, sent by the broker: it is gone. Or what a node says before it sleeps (``asleep``): it comes
    back once in ``every`` seconds."""

    online: bool
    asleep: bool = False
    every: Annotated[int, Meta(ge=1, le=86400)] | None = None


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


# u of its first sample, samples of each axis, measured rate in mHz, FIFO overruns, clipped samples
WaveWindow = tuple[
    Uptime,
    Annotated[int, Meta(ge=1, le=WAVE_SAMPLES)],
    Annotated[int, Meta(ge=1, le=VALUE_MAX)],
    Count,
    Count,
]
Axes = Annotated[str, Meta(pattern=exactly("(x|y|z|xy|xz|yz|xyz)"))]
Samples = Annotated[int, Meta(ge=64, le=WAVE_SAMPLES)]


class Command(Struct, omit_defaults=True):
    """What a node is to do once. ``n`` is above that of every command this boot has taken."""

    i: Install
    boot: Boot
    n: Annotated[int, Meta(ge=1, le=SEQ_MAX)]
    id: CommandId
    cmd: Annotated[str, Meta(pattern=exactly("(capture|wave|relearn|release|recipe|identify|reboot|report)"))]
    sensor: Id | None = None
    axes: Axes | None = None
    samples: Samples | None = None
    wave: WaveId | None = None
    part: Annotated[int, Meta(ge=0, lt=WAVE_PARTS)] | None = None
    done: bool = False
    checks: Annotated[list[Id], Meta(max_length=32)] | None = None
    recipe: Annotated[int, Meta(ge=0, le=255)] | None = None
    seconds: Annotated[int, Meta(ge=1, le=600)] | None = None


class Ack(Struct, omit_defaults=True):
    """What became of a command. ``n`` is the number of the last one this boot has taken."""

    i: Install
    boot: Boot
    n: Seq
    id: CommandId
    state: Annotated[str, Meta(pattern=exactly("(taken|done|refused|failed)"))]
    cmd: Text = ""
    error: Text = ""
    reason: Text = ""
    wave: WaveId | None = None
    checks: Annotated[list[Id], Meta(max_length=32)] | None = None


class WaveInfo(Struct):
    """What a waveform is: part 0 of it. A sample is raw x num / den x 10^exp of the unit."""

    i: Install
    id: WaveId
    sensor: Id
    axes: Axes
    unit: Annotated[str, Meta(max_length=16, pattern=PLAIN)]
    exp: Annotated[int, Meta(ge=-12, le=12)]
    num: Annotated[int, Meta(ge=1, le=VALUE_MAX)]
    den: Annotated[int, Meta(ge=1, le=VALUE_MAX)]
    t: Time | None
    q: Quality
    by: Annotated[str, Meta(pattern=exactly("(command|check)"))]
    of: Id
    pre: Annotated[int, Meta(ge=0, le=WAVE_SAMPLES)]
    windows: Annotated[list[WaveWindow], Meta(min_length=1, max_length=WAVE_WINDOWS)]
    bytes: Count
    crc: Annotated[int, Meta(ge=0, le=2**32 - 1)]


class HostState(Struct, omit_defaults=True):
    """The host: whether it is there, its time (Unix ms), and a word that is new after every start."""

    online: bool
    t: Time | None = None
    session: Annotated[str, Meta(pattern=exactly("[0-9a-f]{8}"))] | None = None


Message = (
    Birth
    | State
    | Will
    | Data
    | Event
    | Commit
    | Desired
    | Reported
    | HostState
    | Command
    | Ack
    | WaveInfo
    | Chunk
)

KINDS: Final[dict[str, Any]] = {
    "birth": Birth,
    "state": State | Will,
    "data": Data,
    "event": Event,
    "reported": Reported,
    "desired": Desired,
    "commit": Commit,
    "host": HostState,
    "cmd": Command,
    "ack": Ack,
    "wave": WaveInfo,
}
"""The structures by the last level of the topic (``$host`` without its sign); ``wave`` is what part 0 of a
waveform holds."""

_DECODERS = {kind: msgspec.json.Decoder(type_) for kind, type_ in KINDS.items() if kind != "state"}
_STATE = msgspec.json.Decoder(State)
_WILL = msgspec.json.Decoder(Will)
_NAME = re.compile("[a-z0-9-]{1,32}")
_WAVE = re.compile("wave/([0-9]{1,10}-[0-9]{1,5})")
_STRING = re.compile(rb'"(?:[^"\\]|\\.)*"')
_NUMBER = re.compile(rb"-?[0-9][-+.0-9eE]*")
_BRACKET = re.compile(rb"[][{}]")


class Topic(NamedTuple):
    """A topic taken apart; ``node`` is empty for ``$host``, ``wave`` for all but ``wave/<id>``."""

    site: str
    node: str
    kind: str
    wave: str = ""


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
    if wave := _WAVE.fullmatch(kind):
        return Topic(site, node, "wave", wave[1])
    if kind not in KINDS or kind == "wave" or (kind == "host") != (rest == ["$host"]):
        raise ProtocolError(f"unknown kind of message {kind[:32]}", "topic")
    return Topic(site, node, kind)


def decode(topic: str, payload: bytes) -> Message:
    """Decode and check one message. Raises ProtocolError (VersionError for another major version)."""
    return decode_at(parse_topic(topic), payload)


def decode_at(topic: Topic, payload: bytes) -> Message:
    """As :func:`decode`, with the topic taken apart already. Raises ProtocolError."""
    if topic.kind != "wave":
        return decode_kind(topic.kind, payload)
    chunk = decode_chunk(payload)
    if chunk.id != topic.wave:
        raise ProtocolError(f"a part of {chunk.id} on the topic of {topic.wave}", "topic")
    if chunk.part == 0:
        info = decode_kind("wave", chunk.body)
        assert isinstance(info, WaveInfo)
        if (info.i, info.id) != (chunk.i, chunk.id):
            raise ProtocolError("the description is of another waveform", "id")
    return chunk


def decode_kind(kind: str, payload: bytes) -> Message:
    """As :func:`decode`, with the kind of message already known. Raises ProtocolError."""
    check_size(kind, len(payload))
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
    elif isinstance(message, WaveInfo):
        _check_wave(message)
    elif isinstance(message, Command):
        _check_command(message)
    return message


def check_size(kind: str, size: int) -> None:
    """Raises ProtocolError for a payload of more bytes than a message of its kind may have."""
    most = BIG_PAYLOAD if kind in {"birth", "desired"} else PAYLOAD
    if size > most:
        raise ProtocolError(f"{size} bytes, {most} are allowed")


def encode(message: Message) -> bytes:
    """The payload of a message."""
    return msgspec.json.encode(message)


def _state(payload: bytes) -> State | Will:
    """A state in full, or the will, which says no more than that the node is offline."""
    will = _WILL.decode(payload)
    if not will.online and b'"i"' not in payload:
        if will.asleep and will.every is None:
            raise ProtocolError("a node that sleeps says how often it comes back", "every")
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


def _check_wave(info: WaveInfo) -> None:
    samples = sum(window[1] for window in info.windows)
    if samples > WAVE_SAMPLES:
        raise ProtocolError(f"{samples} samples, {WAVE_SAMPLES} are allowed", "windows")
    if info.bytes != 2 * samples * len(info.axes):
        raise ProtocolError(f"{samples} samples of {len(info.axes)} axes are not {info.bytes} bytes", "bytes")
    if info.pre > samples:
        raise ProtocolError(f"more than the {samples} samples there are", "pre")


def _check_command(command: Command) -> None:
    needs = {"wave": "wave", "recipe": "recipe", "identify": "seconds"}.get(command.cmd)
    if needs and getattr(command, needs) is None:
        raise ProtocolError(f"{command.cmd} needs it", needs)


_AT = re.compile(r" - at `(?:key in )?\$\.?(.*)`$")


def _explain(text: str) -> ProtocolError:
    """msgspec's message as a reason in plain words and a path."""
    found = _AT.search(text)
    path = found.group(1) if found else ""
    reason = _AT.sub("", text).replace("`", "").replace("Object missing required field ", "missing field ")
    return ProtocolError(reason[:1].lower() + reason[1:], path)
