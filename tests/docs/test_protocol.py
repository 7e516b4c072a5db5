"""docs/protocol.md against the structures and limits of the host: every field, every constant."""

from __future__ import annotations

import ast
import re
from typing import Any

import msgspec
import pytest
from pages import ROOT, code, section, tables, text

from babbitt.acquisition import commits, presence
from babbitt.protocol import limits, messages, waves
from babbitt.protocol.messages import KINDS
from babbitt.protocol.schemas import schemas
from babbitt.store import writer
from babbitt_node import clock, commands, publisher, segment
from babbitt_node import waves as node_waves

PAGE = text("protocol.md")
SECTIONS = {
    "birth": "birth",
    "state": "state",
    "data": "data",
    "event": "event",
    "commit": "commit",
    "desired": "desired and reported",
    "reported": "desired and reported",
    "host": "$host",
    "cmd": "cmd",
    "ack": "ack",
    "wave": "wave",
}


def structures(kind: str) -> list[type[msgspec.Struct]]:
    """The structures of a kind of message, inner ones too."""
    found: list[type[msgspec.Struct]] = []

    def visit(part: Any) -> None:
        for name in ("item_type", "value_type", "key_type"):
            if hasattr(part, name):
                visit(getattr(part, name))
        for inner in getattr(part, "types", ()) or getattr(part, "item_types", ()):
            visit(inner)
        if isinstance(part, msgspec.inspect.StructType):
            found.append(part.cls)
            for one in part.fields:
                visit(one.type)

    for member in getattr(KINDS[kind], "__args__", (KINDS[kind],)):
        visit(msgspec.inspect.type_info(member))
    return found


def fields(structure: type[msgspec.Struct]) -> list[str]:
    return [field.encode_name for field in msgspec.structs.fields(structure)]


def named(kind: str) -> set[str]:
    """The fields the page names for a kind of message: in the first column of its table, in examples, in brackets."""
    said = section(PAGE, SECTIONS[kind])
    found = {word for word in code(said) if re.fullmatch(r"\w+", word)}
    return found | set(re.findall(r'"(\w+)"', said))


@pytest.mark.parametrize("kind", KINDS)
def test_every_field_is_named(kind: str) -> None:
    assert structures(kind)
    missing = [f"{s.__name__}.{f}" for s in structures(kind) for f in fields(s) if f not in named(kind)]
    assert missing == []


@pytest.mark.parametrize("kind", ["birth", "state"])
def test_the_table_names_no_field_that_is_not_there(kind: str) -> None:
    (table,) = tables(section(PAGE, kind))
    said = [name for row in table.rows for name in code(row[0])]
    assert sorted(said) == sorted(fields(structures(kind)[0]))


def test_every_kind_of_message_is_a_topic() -> None:
    (table,) = (t for t in tables(PAGE) if t.columns[0] == "topic")
    said = {code(row[0])[0].removesuffix("/<id>").rsplit("/", 1)[-1].lstrip("$") for row in table.rows}
    assert said == set(KINDS)


def test_examples_decode() -> None:
    (event,) = re.findall(r'^    (\{"i".*?"ev":\{.*?\}\})$', section(PAGE, "event"), flags=re.M | re.S)
    messages.decode_kind("event", event.encode())
    for kind, heading in (
        ("commit", "commit"),
        ("host", "$host"),
        ("cmd", "cmd"),
        ("ack", "ack"),
        ("wave", "wave"),
    ):
        (example,) = re.findall(r"^    (\{.*?\})$", section(PAGE, heading), flags=re.M | re.S)
        messages.decode_kind(kind, example.encode())


def bound(schema: Any, *path: str) -> dict[str, Any]:
    """A part of a schema, references followed."""
    part = schema
    for name in path:
        while "$ref" in part:
            part = schema["$defs"][part["$ref"].rsplit("/", 1)[-1]]
        part = part[name]
    while "$ref" in part:
        part = schema["$defs"][part["$ref"].rsplit("/", 1)[-1]]
    return dict(part)


def spaced(n: int) -> str:
    return f"{n:,}".replace(",", " ")


def power(n: int) -> str:
    """A bound 2^k - 1 as the page writes it."""
    exponent = (n + 1).bit_length() - 1
    assert n == 2**exponent - 1
    return f"2^{exponent}-1"


def within(pattern: str) -> str:
    """The pattern in a constant of limits.py as the page writes it."""
    return "`" + pattern.removeprefix("^").split("$(?!")[0] + "`"


def pattern(kind: Any) -> str:
    return str(kind.__metadata__[0].pattern)


def expected() -> dict[str, str]:
    """The table of limits as the code has them."""
    birth, state, event = (schemas()[kind] for kind in ("birth", "state", "event"))
    whole = state["$defs"]["State"]["properties"]
    channel = birth["$defs"]["ChannelInfo"]["properties"]
    of_birth, of_event = birth["$defs"]["Birth"]["properties"], event["$defs"]["Event"]["properties"]
    rssi = next(part for part in whole["rssi"]["anyOf"] if "minimum" in part)
    return {
        "`birth`, `desired` payload": f"{spaced(limits.BIG_PAYLOAD)} bytes",
        "every other payload": f"{spaced(limits.PAYLOAD)} bytes",
        "nesting of a `birth` or `state`": str(limits.DEPTH_MAX),
        "a number in a `birth` or `state`": f"{limits.DIGITS_MAX} characters",
        "channels of a node": str(limits.CHANNELS_MAX),
        "checks of a node": str(of_birth["checks"]["maxItems"]),
        "sensors of a node": str(of_birth["sensors"]["maxItems"]),
        "rows in a batch": str(limits.ROWS_MAX),
        "channel id": within(pattern(limits.ChannelId)),
        "check id, sensor id": within(pattern(limits.Id)),
        "unit of a channel": f"{channel['unit']['maxLength']} characters",
        "`exp` of a channel": f"{channel['exp']['minimum']}..{channel['exp']['maximum']}",
        "boot, seq": f"1..{power(limits.SEQ_MAX)}, 0..{power(limits.SEQ_MAX)}",
        "`u`": f"0..{power(limits.U_MAX)}",
        "text fields (reasons, drivers, error names)": f"{limits.Text.__metadata__[0].max_length} characters",
        "`asset.name`": f"1..{birth['$defs']['AssetInfo']['properties']['name']['maxLength']} characters",
        "`discards`": f"{of_birth['discards']['maxItems']} triples",
        "`ev` of an event": f"{of_event['ev']['maxProperties']} entries",
        "`restarts`": f"{whole['restarts']['maxProperties']} entries",
        "`rssi`": f"{rssi['minimum']}..{rssi['maximum']}",
        "id of a command": within(pattern(limits.CommandId)),
        "id of a waveform": within(pattern(limits.WaveId)),
        "`n` of a command": f"1..{power(limits.SEQ_MAX)}, at most {spaced(limits.COMMAND_STEP)} above the last one",
        "samples of an axis in a waveform": spaced(limits.WAVE_SAMPLES),
        "windows of a waveform": str(limits.WAVE_WINDOWS),
        "samples in a part of a waveform": f"{spaced(limits.WAVE_CHUNK)} bytes",
        "parts of a waveform": str(limits.WAVE_PARTS),
        "waveforms a node keeps": str(limits.WAVES_KEPT),
    }


def test_limits_of_commands_and_waveforms_are_those_of_the_node() -> None:
    assert (commands.STEP, commands.LARGEST) == (limits.COMMAND_STEP, limits.PAYLOAD)
    assert (node_waves.SAMPLES, node_waves.WINDOWS, node_waves.KEPT) == (
        limits.WAVE_SAMPLES,
        limits.WAVE_WINDOWS,
        limits.WAVES_KEPT,
    )
    assert (node_waves.CHUNK, node_waves.HEAD) == (limits.WAVE_CHUNK, waves.HEAD)
    assert f"`{waves.MAGIC.decode()}`" in PAGE
    (table,) = (t for t in tables(section(PAGE, "wave")) if t.columns[0] == "offset")
    assert [int(row[0]) for row in table.rows] == [sum(int(r[1]) for r in table.rows[:n]) for n in range(8)]
    assert sum(int(row[1]) for row in table.rows) == waves.HEAD


def test_every_command_of_the_node_is_on_the_page() -> None:
    (table,) = tables(section(PAGE, "cmd"))
    names = [code(row[0])[0] for row in table.rows]
    assert sorted(names) == sorted(commands.DOERS)
    assert schemas()["cmd"]["$defs"]["Command"]["properties"]["cmd"]["pattern"].startswith(
        "^(" + "|".join(names) + ")$"
    )


def test_the_table_of_limits_is_that_of_the_code() -> None:
    (table,) = (t for t in tables(PAGE) if t.columns == ("limit", "value"))
    said = {row[0]: row[1] for row in table.rows}
    plausible = said.pop("plausible `t`")
    assert said == expected()
    assert plausible.startswith("2020-01-01 .. 2100-01-01; further than 24 h ahead of the host's clock")
    assert (limits.T_MIN, limits.T_MAX) == (clock.FIRST_MS, clock.LAST_MS) == (1577836800000, 4102444800000)
    assert limits.T_AHEAD == 24 * 3_600_000


def test_every_constant_of_the_limits_is_held_against_the_page() -> None:
    """A new constant in limits.py must be entered here, and so into a test and the page."""
    tree = ast.parse((ROOT / "host/babbitt/protocol/limits.py").read_text())
    there = {
        target.id
        for node in tree.body
        for target in (node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)])
        if isinstance(target, ast.Name)
    }
    in_table = {"BIG_PAYLOAD", "PAYLOAD", "DEPTH_MAX", "DIGITS_MAX", "CHANNELS_MAX", "ROWS_MAX", "ChannelId", "Id", "Boot", "Seq", "SEQ_MAX",
                "Uptime", "U_MAX", "Text", "Discards", "CommandId", "WaveId", "COMMAND_STEP", "WAVE_SAMPLES", "WAVE_WINDOWS",
                "WAVE_CHUNK", "WAVE_PARTS", "WAVES_KEPT", "T_MIN", "T_MAX", "T_AHEAD"}  # fmt: skip
    in_text = {"VERSION", "VALUE_MAX", "Value", "Install", "Hash", "Quality", "Time", "Count", "PLAIN"}
    assert there == in_table | in_text


def test_limits_that_stand_in_sentences() -> None:
    rules = section(PAGE, "Rules for every payload")
    assert f"babbitt/{limits.VERSION}/" in PAGE
    assert f"±{spaced(limits.VALUE_MAX)}" in rules
    assert (limits.PLAIN[1:].split("$")[0], "No control character in a text." in rules) == (
        r"[^\x00-\x1f\x7f]*",
        True,
    )
    assert (pattern(limits.Install)[1:].split("$")[0], "eight hexadecimal digits" in rules) == (
        "[0-9a-f]{8}",
        True,
    )
    assert (pattern(limits.Hash)[1:].split("$")[0], '"<16 hex digits>"' in PAGE) == ("[0-9a-f]{16}", True)
    assert [f"{q} " in rules.split("clock quality")[1] for q in range(5)] == [True] * 5
    assert "0..2^53-1" in PAGE
    assert (limits.Quality.__metadata__[0].ge, limits.Quality.__metadata__[0].le) == (0, 4)
    assert f"first {writer.QUARANTINE_HEAD} bytes" in rules
    assert f"at most {publisher.AHEAD} beyond the watermark" in section(PAGE, "commit").replace("\n", " ")
    assert f"Every {presence.EVERY_S:.0f} s" in section(PAGE, "$host")
    assert commits.EVERY_S == 1.0
    assert "one a second" in section(PAGE, "commit").replace("\n", " ")
    assert segment.MAX_PAYLOAD < limits.PAYLOAD


def test_reset_causes_and_states_are_those_of_the_code() -> None:
    birth = schemas()["birth"]["$defs"]["Birth"]["properties"]
    causes = re.search(r"\((.*?)\)", birth["reset"]["pattern"])
    assert causes
    (row,) = (r for t in tables(PAGE) for r in t.rows if r[0] == "`reset`")
    assert code(row[2]) == causes[1].split("|")
