"""Texts leave the modules and nothing else changes: meaning, line numbers, docstrings, what is no text."""

from __future__ import annotations

import ast
import statistics
import traceback
from pathlib import Path
from typing import Any

import pytest

from babbitt_tools import slim as slims
from babbitt_tools.slim import READER, TABLE, slim

NODE = Path(__file__).resolve().parents[2] / "firmware" / "babbitt_node"
MODULE = '''"""A module with a long docstring that stays."""

import sys

LONG = "a constant of the module stays where it is"


def fail(n, key="the default value of an argument"):
    """A docstring stays, for the help of it."""
    if n == 0:
        raise ValueError("Grad Celsius: °C is kept whole, %d of %d" % (n, 7))
    if n == 1:
        raise ValueError(
            "a text that goes on "
            "in the next line, %r" % key
        )
    print("short", b"bytes are no text", f"an f-string stays {n} as it is")
    return {"a text as a key": "same text twice", "b": "same text twice"}, sys
'''


def run(source: str, table: bytes) -> dict[str, Any]:
    """The names of a slimmed module, with a reader of the table in place of the node's."""
    source = source.replace("from babbitt_node.texts import text as _from_flash; ", "")
    names: dict[str, Any] = {"_from_flash": lambda at, size: table[at : at + size].decode()}
    exec(compile(source, "module.py", "exec"), names)
    return names


@pytest.mark.parametrize("n", [0, 1])
def test_errors_say_the_same_at_the_same_line(n: int) -> None:
    sources, table = slim({"module.py": MODULE})
    said = []
    for source in (MODULE, sources["module.py"]):
        with pytest.raises(ValueError, match=r"\S") as caught:
            run(source, table)["fail"](n)
        line = traceback.extract_tb(caught.value.__traceback__)[-1].lineno
        said.append((str(caught.value), line))
    assert said[0] == said[1]


def test_texts_go_and_everything_else_stays(capsys: pytest.CaptureFixture[str]) -> None:
    sources, table = slim({"module.py": MODULE})
    slimmed = sources["module.py"]
    assert len(slimmed.splitlines()) == len(MODULE.splitlines())
    for gone in ("Grad Celsius", "a text that goes on", "a text as a key", "same text twice"):
        assert gone not in slimmed
        assert table.count(gone.encode()) == 1
    for kept in (
        "long docstring",
        "constant of the module",
        "default value",
        "for the help",
        "bytes are no",
        "f-string stays",
    ):
        assert kept in slimmed
    assert run(slimmed, table)["fail"](2)[0] == run(MODULE, b"")["fail"](2)[0]
    assert capsys.readouterr().out.count("an f-string stays 2") == 2


def longer(source: str) -> str | None:
    """A module whose first text of one line says a little more; None: it has no such text."""
    lines = source.splitlines(keepends=True)
    for text in slims._texts(ast.parse(source)):
        if text.lineno == text.end_lineno:
            line = lines[text.lineno - 1].encode()
            end = (text.end_col_offset or 0) - 1
            lines[text.lineno - 1] = (line[:end] + b" (see log)" + line[end:]).decode()
            return "".join(lines)
    return None


def test_a_text_that_changes_leaves_most_other_modules_as_they_were() -> None:
    """A deploy sends what differs: before texts had pages, such a change was half of the firmware."""
    sources = {f.relative_to(NODE).as_posix(): f.read_text("utf-8") for f in sorted(NODE.rglob("*.py"))}
    before, _ = slim(sources)
    touched = []
    for name, source in list(sources.items())[::6]:  # all of them say the same, and take ten seconds
        if name != READER and (other := longer(source)) is not None:
            after, _ = slim(sources | {name: other})
            touched.append(sum(after[path] != before[path] for path in sources))
    assert len(touched) > 8
    assert statistics.median(touched) <= 1
    assert statistics.mean(touched) < 8


def test_a_module_without_texts_and_the_reader_stay_as_they_are() -> None:
    plain = "import sys\n\n\ndef f():\n    return sys\n"
    reader = (NODE / READER).read_text("utf-8")
    assert slim({"plain.py": plain, READER: reader})[0] == {"plain.py": plain, READER: reader}


def test_a_module_that_uses_the_name_of_the_call_is_refused() -> None:
    with pytest.raises(ValueError, match=r"a\.py: the name _from_flash"):
        slim({"a.py": "_from_flash = 1\n"})


def test_the_firmware_keeps_its_code_and_loses_its_texts() -> None:
    sources = {f.relative_to(NODE).as_posix(): f.read_text("utf-8") for f in sorted(NODE.rglob("*.py"))}
    slimmed, table = slim(sources)
    assert set(slimmed) == set(sources)
    assert TABLE not in sources
    assert table.count(b"\n") > 100
    for name, source in sources.items():
        ours, theirs = ast.parse(source), ast.parse(slimmed[name])
        functions = [(n.name, n.lineno) for n in ast.walk(ours) if isinstance(n, ast.FunctionDef)]
        assert functions == [(n.name, n.lineno) for n in ast.walk(theirs) if isinstance(n, ast.FunctionDef)]
        assert len(slimmed[name]) <= len(source) + 2000
