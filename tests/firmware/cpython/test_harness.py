"""The harness must notice what goes wrong on MicroPython: otherwise every green test there means nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from mp_runner import HEAP, Runner


@pytest.fixture
def run(mp: Runner, tmp_path: Path):
    def run(name: str, source: str, wanted: list[str]):
        file = tmp_path / f"{name}.py"
        file.write_text(source, encoding="utf-8")
        return mp.result(file, wanted)

    return run


def test_a_failing_assertion_carries_its_line(run):
    source = "def test_a():\n    assert 1 == 2\ndef test_b():\n    pass\n"
    result = run("harness_fails", source, ["test_a", "test_b"])
    assert result.verdicts["test_b"] is None
    assert 'harness_fails.py", line 2' in result.verdicts["test_a"]
    assert "AssertionError" in result.verdicts["test_a"]


def test_a_dead_process_is_not_a_pass(run):
    source = (
        "import micropython\n"
        "def test_a():\n    pass\n"
        "@micropython.viper\ndef test_b():\n    ptr32(0)[0] = 1\n"
    )
    result = run("harness_dies", source, ["test_a", "test_b", "test_c"])
    assert result.verdicts["test_a"] is None
    assert set(result.verdicts) == {"test_a"}
    assert "died on MicroPython at test_b (exit status -11)" in result.died


def test_a_file_that_cannot_be_imported_says_why(run):
    result = run("harness_import", "import dataclasses\n", ["test_a"])
    assert result.verdicts == {}
    assert "harness_import.py" in result.died and "dataclasses" in result.died


def test_a_file_that_does_not_compile_says_why(run):
    result = run("harness_syntax", "match 1:\n    case 1: pass\n", ["test_a"])
    assert "mpy-cross refused" in result.died and "SyntaxError" in result.died


def test_the_heap_is_that_of_a_node(run):
    heap = int(HEAP.removesuffix("k")) * 1024
    source = f"def test_big():\n    bytearray({heap})\ndef test_fits():\n    bytearray(60000)\n"
    result = run("harness_heap", source, ["test_big", "test_fits"])
    assert "MemoryError" in result.verdicts["test_big"]
    assert result.verdicts["test_fits"] is None


def test_the_node_runs_compiled(run):
    source = "import babbitt_node.errors as e\ndef test_a():\n    print(e.__file__)\n"
    assert run("harness_mpy", source, ["test_a"]).output.endswith("errors.mpy")
