"""The limits of wire protocol 1 (docs/protocol.md) as constants, and the types they make."""

from __future__ import annotations

from typing import Annotated, Final

from msgspec import Meta

VERSION: Final = 1
VALUE_MAX: Final = 2**30 - 1
SEQ_MAX: Final = 2**31 - 1
U_MAX: Final = 2**53 - 1
ROWS_MAX: Final = 32
CHANNELS_MAX: Final = 64
BIG_PAYLOAD: Final = 8192
PAYLOAD: Final = 4096
DEPTH_MAX: Final = 32
"""Objects and lists in a birth or a state are nested at most so deep."""
DIGITS_MAX: Final = 32
"""Characters of a number in a birth or a state, also in fields that are not known here."""
T_MIN: Final = 1_577_836_800_000
"""2020-01-01 in Unix ms: the earliest plausible time."""
T_MAX: Final = 4_102_444_800_000
"""2100-01-01 in Unix ms: the latest plausible time."""
T_AHEAD: Final = 24 * 3_600_000
"""So far ahead of the host's clock (ms) a time is still believed, unless it is simulated."""


def exactly(pattern: str) -> str:
    """``pattern`` for the whole string; ``$`` alone would let a newline follow, in Python and in JSON
    Schema."""
    return f"^{pattern}$(?!\\n)"


PLAIN: Final = exactly(r"[^\x00-\x1f\x7f]*")
"""Text that can be printed: a control character could take over a terminal."""

Install = Annotated[str, Meta(pattern=exactly(r"[0-9a-f]{8}"))]
Boot = Annotated[int, Meta(ge=1, le=SEQ_MAX)]
Seq = Annotated[int, Meta(ge=0, le=SEQ_MAX)]
Uptime = Annotated[int, Meta(ge=0, le=U_MAX)]
Time = Annotated[int, Meta(ge=-U_MAX, le=U_MAX)]
Value = Annotated[int, Meta(ge=-VALUE_MAX, le=VALUE_MAX)]
Quality = Annotated[int, Meta(ge=0, le=4)]
Count = Annotated[int, Meta(ge=0, le=U_MAX)]
Text = Annotated[str, Meta(max_length=128, pattern=PLAIN)]
ChannelId = Annotated[str, Meta(pattern=exactly(r"[a-z0-9_.]{1,32}"))]
Id = Annotated[str, Meta(pattern=exactly(r"[a-z0-9_.-]{1,32}"))]
Hash = Annotated[str, Meta(pattern=exactly(r"[0-9a-f]{16}"))]
Discards = Annotated[list[tuple[Boot, Seq, Seq]], Meta(max_length=8)]
WAVE_CHUNK: Final = 3072
"""Bytes of samples in a part of a waveform; the description in part 0 is no longer either."""
WAVE_SAMPLES: Final = 16384
"""Samples of an axis in a waveform."""
WAVE_PARTS: Final = 1 + WAVE_SAMPLES * 3 * 2 // WAVE_CHUNK
WAVE_WINDOWS: Final = 64
WAVES_KEPT: Final = 8
COMMAND_STEP: Final = 1000
"""The number of a command is at most so far beyond that of the one before."""
CommandId = Annotated[str, Meta(pattern=exactly(r"[a-z0-9-]{1,16}"))]
WaveId = Annotated[str, Meta(pattern=exactly(r"[0-9]{1,10}-[0-9]{1,5}"))]
