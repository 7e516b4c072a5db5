"""docs/operations.md against the program: commands, options, defaults, JSON fields, names of errors and events."""

from __future__ import annotations

import ast
import dataclasses
import importlib
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest
import typer
from pages import code, section, tables, text

import babbitt
from babbitt.cli import COMMANDS, app
from babbitt.cli import node as boards
from babbitt.doctor.finding import KINDS
from babbitt.protocol.assessment import LEVELS, OUTLOOKS, Assessment, Interval
from babbitt.protocol.cause import Examined
from babbitt.protocol.room import Goods, Room
from babbitt.settings import CostsPart, HostPart, MachinePart, RetentionPart, RoomPart
from babbitt.store import waves
from babbitt.store.views import EventView, LedgerRow, LifeView, NodeView, QuarantineView
from babbitt.store.waves import WaveView
from babbitt.web import words
from babbitt.web.facts import facts
from babbitt_node.commands import DOERS
from babbitt_node.errors import NAMES
from babbitt_tools.account import Account
from babbitt_tools.demo import Line
from babbitt_tools.replay.outcome import Outcome
from babbitt_tools.scenario.report import Mark, Played

PAGE = text("operations.md")
GROUPS = {"node": boards.COMMANDS}
"""Commands that have commands."""
ALL = {name: entry for name, entry in COMMANDS.items() if name not in GROUPS} | {
    f"{group} {name}": entry for group, table in GROUPS.items() for name, entry in table.items()
}


def options(command: str) -> dict[str, Any]:
    """Every option of a command by its names, as typer builds it: {"--limit, -n": default}."""
    module, function, _ = ALL[command]
    single = typer.Typer(add_completion=False)
    single.command(command)(getattr(importlib.import_module(module), function))
    found = {}
    for param in typer.main.get_command(single).params:
        if param.param_type_name == "option" and param.name != "help":
            found[", ".join([*param.opts, *param.secondary_opts])] = param.default
    return found


def arguments(command: str) -> list[str]:
    """The arguments of a command, in order."""
    module, function, _ = ALL[command]
    single = typer.Typer(add_completion=False)
    single.command(command)(getattr(importlib.import_module(module), function))
    params = typer.main.get_command(single).params
    return [p.name for p in params if p.param_type_name == "argument" and p.name]


def options_said(command: str) -> dict[str, str]:
    """The options the page names in the section of a command, with the cell that says the default."""
    found = {}
    for table in tables(section(PAGE, f"babbitt {command}")):
        if table.columns[0] == "option":
            found |= {", ".join(code(row[0])): row[1] for row in table.rows}
    return found


def test_every_command_has_a_section_and_every_section_a_command() -> None:
    assert sorted(re.findall(r"^### babbitt (\w+)$", PAGE, flags=re.M)) == sorted(COMMANDS)
    for group, table in GROUPS.items():
        assert sorted(re.findall(rf"^#### babbitt {group} (\w+)$", PAGE, flags=re.M)) == sorted(table)


def test_the_program_lists_the_commands_of_a_group() -> None:
    for group, table in GROUPS.items():
        said = subprocess.run(
            [sys.executable, "-c", "from babbitt.cli import main; main()", group, "--help"],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        assert [name for name in table if f" {name} " not in said] == []


@pytest.mark.parametrize("command", ALL)
def test_every_option_is_there_with_its_default(command: str) -> None:
    there, said = options(command), options_said(command)
    assert set(said) == set(there)
    for names, default in there.items():
        if isinstance(default, str | int | float) and not isinstance(default, bool):
            assert said[names] == f"`{default}`", f"{command} {names}: the default is {default}"


def test_the_options_of_the_program_itself_are_there() -> None:
    root = typer.main.get_command(app)
    assert [p.opts for p in root.params if p.name != "help"] == [["--version"], ["--config"]]
    said = section(PAGE, "Commands").split("###")[0]
    assert "`--version`" in said
    assert "`--config`" in said


def test_every_setting_is_there_with_its_default() -> None:
    said = {}
    for table in tables(section(PAGE, "Settings")):
        part = code(table.columns[0])[0].strip("[]")
        said |= {(part, code(row[0])[0]): json.loads(code(row[1])[0]) for row in table.rows}
    there = {
        (part, name): value
        for part, settings in (
            ("host", HostPart()),
            ("retention", RetentionPart()),
            ("rooms", RoomPart()),
            ("costs", CostsPart()),
            ("machines", MachinePart()),
        )
        for name, value in msgspec.structs.asdict(settings).items()
    }
    assert said == there


def test_every_finding_of_the_doctor_is_explained() -> None:
    (table,) = (t for t in tables(section(PAGE, "babbitt doctor")) if t.columns[0] == "finding")
    assert sorted(name for row in table.rows for name in code(row[0])) == sorted(KINDS)


@pytest.mark.parametrize(
    "command",
    [
        *(
            "desired",
            "replay",
            "command",
            "waves",
            "backup",
            "restore",
            "store",
            "export",
            "broker",
            "import",
        ),
        "node sim",
        "mark",
        "acknowledge",
        "lives",
        "train",
    ],
)
def test_arguments_are_named(command: str) -> None:
    said = section(PAGE, f"babbitt {command}")
    words_for = {"config": "file", "dataset": "set"}
    assert "Arguments:" in said
    assert [a for a in arguments(command) if words_for.get(a, a) not in said.split("Arguments:")[1]] == []


def test_commands_without_arguments_are_all_others() -> None:
    named = {
        "desired",
        "diagnose",
        "forecast",
        "backtest",
        "record",
        "train",
        "models",
        "mark",
        "acknowledge",
        "lives",
        "replay",
        "command",
        "waves",
        "backup",
        "restore",
        "store",
        "export",
        "broker",
        "import",
        "node sim",
    }
    assert {c for c in ALL if arguments(c)} == named


def fields_said(what: str) -> set[str]:
    """The fields the table of JSON fields names for a thing; values in brackets are not fields."""
    (table,) = tables(section(PAGE, "JSON fields"))
    (cell,) = (row[1] for row in table.rows if row[0].split(" ")[0] == what)
    return set(code(re.sub(r"\([^)]*\)", "", cell).split(";")[0]))


@pytest.mark.parametrize(
    ("what", "view", "more"),
    [
        ("node", NodeView, set()), ("assessment", Assessment, set()), ("remaining", Interval, set()),
        ("played", Played, set()), ("mark", Mark, set()),
        ("room", Room, set()), ("goods", Goods, set()),
        ("row", LedgerRow, set()), ("life", LifeView, set()), ("event", EventView, set()), ("refused", QuarantineView, set()),
        ("diagnosis", Examined, set()),
        ("waveform", WaveView, set()), ("asset", Line, {"faults"}), ("outcome", Outcome, set()), ("account", Account, set()),
    ],
)  # fmt: skip
def test_json_fields_are_those_of_the_views(what: str, view: Any, more: set[str]) -> None:
    assert fields_said(what) == {f.name for f in dataclasses.fields(view)} | more


def test_commands_with_json_are_those_that_report() -> None:
    assert {c for c in ALL if "--json" in options(c)} == set(ALL) - {"host", "node repl"}


def test_every_error_of_the_node_is_explained() -> None:
    said: list[str] = []
    for table in tables(PAGE):
        if table.columns[0] == "error":
            assert all(all(row) for row in table.rows), (
                "an error without a meaning or without what to look at"
            )
            said += [name for row in table.rows for name in code(row[0])]
    assert sorted(said) == sorted(NAMES)


def test_every_command_of_a_node_that_people_give_is_explained() -> None:
    (table,) = (t for t in tables(section(PAGE, "babbitt command")) if t.columns[0] == "command")
    assert {code(row[0])[0] for row in table.rows} == set(DOERS) - {"wave"}


def test_the_limits_of_waveforms_are_those_of_the_store() -> None:
    gigabytes = waves.TOTAL_MAX / 1e9
    assert (
        f"At most {waves.NODE_MAX} of a node and {gigabytes:.0f} GB of all are kept, none longer than the setting `waveforms` says"
        in PAGE
    )


def host_events() -> set[str]:
    """The names under which the host's code writes events: found in the code, not in its comments."""
    found = set()
    for path in Path(babbitt.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
                continue
            name: ast.expr | None = None
            if node.func.attr == "host_event" and len(node.args) > 2:
                name = node.args[2]
            elif node.func.attr == "append" and isinstance(node.args[0], ast.Tuple):
                owner = node.func.value
                if (isinstance(owner, ast.Name) and owner.id == "notes") or (
                    isinstance(owner, ast.Attribute) and owner.attr == "notes"
                ):
                    name = node.args[0].elts[1]
            if name is not None:
                assert isinstance(name, ast.Constant), f"{path}:{node.lineno}: a name that is worked out"
                found.add(str(name.value))
    return found


def test_every_event_of_the_host_is_explained() -> None:
    (table,) = (t for t in tables(PAGE) if t.columns[0] == "host event")
    assert len(host_events()) >= 6
    assert {code(row[0])[0] for row in table.rows} == host_events()


def test_every_word_of_the_page_is_explained() -> None:
    said = section(PAGE, "The page")
    for word in [*words.LEVEL_WORDS.values(), words.NOT_JUDGED, *words.CLOCK_WORDS.values()]:
        assert word in said, word
    told = {row[0] for table in tables(said) for row in table.rows}
    for outlook in OUTLOOKS:
        begins = {
            "beyond limit": "beyond its limit",
            "trend": "useful life",
            "lives": "no trend; by the lives of others",
        }
        assert any(t.startswith(begins.get(outlook, outlook)) for t in told), outlook
    assert set(words.LEVEL_WORDS) == set(LEVELS)


def test_every_fact_about_a_node_is_explained() -> None:
    node = NodeView("s", "n", "", "", True, None, None, None, None, None)
    (table,) = (t for t in tables(PAGE) if t.columns[0] == "fact")
    named = {word for row in table.rows for word in row[0].split(", ")}
    assert named == {name for name, _ in facts(node)}


def test_the_numbers_for_prometheus_are_named_by_what_they_count() -> None:
    from babbitt.vitals import Vitals
    from babbitt.web.metrics import exposition

    assert "`/metrics`" in PAGE
    assert all(line.startswith(("#", "babbitt_")) for line in exposition(Vitals()).splitlines())


def test_the_answer_of_healthz_is_as_shown() -> None:
    (shown,) = re.findall(r"`(\{\"ok\".*?\})`", PAGE)
    assert list(json.loads(shown)) == ["ok", "store", "reason", "nodes"]
