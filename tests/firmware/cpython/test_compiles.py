"""Every file of the firmware compiles for every chip, and imports only what an ESP32 has."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from mp_runner import FIRMWARE, compile_mpy

FILES = sorted(FIRMWARE.glob("**/*.py"))
TARGETS = {"x64": "the tests' MicroPython", "xtensawin": "ESP32 and ESP32-S3", "rv32imc": "ESP32-C3"}

# Built into MicroPython on ESP32 (1.29), or frozen into its images.
EVERYWHERE = {
    "array", "asyncio", "binascii", "collections", "deflate", "errno", "gc", "hashlib", "io", "json", "math",
    "micropython", "os", "random", "re", "select", "socket", "ssl", "struct", "sys", "time",
}  # fmt: skip
HARDWARE = {"machine", "network", "esp32", "esp", "onewire", "neopixel"}
# Blocks that must stay pure: what they may import of babbitt_node.
PURE = {
    "checks": ("babbitt_node.checks", "babbitt_node.dsp", "babbitt_node.errors", "babbitt_node.hal.compile"),
    "dsp": ("babbitt_node.dsp", "babbitt_node.errors", "babbitt_node.hal.compile"),
    "mqtt/packets.py": ("babbitt_node.wire", "babbitt_node.errors", "babbitt_node.hal.compile"),
    "mqtt/decoder.py": ("babbitt_node.wire", "babbitt_node.errors", "babbitt_node.hal.compile"),
    "mqtt/hello.py": ("babbitt_node.mqtt.packets", "babbitt_node.errors"),
    "wire.py": ("babbitt_node.mqtt.packets", "babbitt_node.errors", "babbitt_node.hal.compile"),
}


def imports(file: Path) -> set[str]:
    """Names of the modules a file imports, on MicroPython: the CPython side of an `implementation.name` test
    is left out.
    """
    found: set[str] = set()

    def walk(node: ast.AST) -> None:
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = _absolute(file, node)
            found.add(module)
            if module == "babbitt_node":
                found.update(f"{module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.If) and _is_micropython(node.test):
            for statement in node.body:
                walk(statement)
            return
        for child in ast.iter_child_nodes(node):
            walk(child)

    walk(ast.parse(file.read_text(encoding="utf-8")))
    return found


def _absolute(file: Path, node: ast.ImportFrom) -> str:
    """The module of a `from ... import`, relative ones resolved against the file's package."""
    if node.level == 0:
        return str(node.module)
    package = file.relative_to(FIRMWARE).parts[: -node.level]
    return ".".join((*package, *([node.module] if node.module else [])))


def _is_micropython(test: ast.expr) -> bool:
    """One of the ways in which the firmware asks what it runs on."""
    asked = ("sys.implementation.name == 'micropython'", "MICROPYTHON", "hasattr(sys, 'print_exception')")
    return ast.unparse(test) in asked


def _id(file: Path) -> str:
    return str(file.relative_to(FIRMWARE))


@pytest.mark.parametrize("march", sorted(TARGETS))
def test_every_file_compiles(march: str, tmp_path: Path) -> None:
    assert len(FILES) > 10
    said = {_id(file): compile_mpy(file, tmp_path / "out.mpy", march, _id(file)) for file in FILES}
    assert {name: text for name, text in said.items() if text} == {}, TARGETS[march]


def test_the_compiler_notices_what_a_chip_lacks(tmp_path: Path) -> None:
    mixed = "import micropython\n@micropython.viper\ndef f(x):\n    x.y += 1.0 + ptr8(x)\n"
    for source in ("match 1:\n    case 1: pass\n", mixed):
        file = tmp_path / "bad.py"
        file.write_text(source, encoding="utf-8")
        said = compile_mpy(file, tmp_path / "bad.mpy", "xtensawin")
        assert said is not None and "Error" in said


ON_BOARDS = [file for file in FILES if not file.stem.endswith("_cpython")]


@pytest.mark.parametrize("file", ON_BOARDS, ids=_id)
def test_imports_exist_on_the_node(file: Path) -> None:
    foreign = {name for name in imports(file) if name.split(".")[0] not in EVERYWHERE | {"babbitt_node"}}
    if file.parent.name == "hal" or file.parent == FIRMWARE:
        foreign -= HARDWARE
    assert foreign == set(), f"{_id(file)} imports what a node has not, or hardware outside hal/"


def test_no_board_imports_what_is_for_cpython_alone() -> None:
    assert len(ON_BOARDS) < len(FILES)
    found = {name for file in ON_BOARDS for name in imports(file) if name.endswith("_cpython")}
    assert found == set()


@pytest.mark.parametrize("block", sorted(PURE))
def test_pure_blocks_stay_pure(block: str) -> None:
    place = FIRMWARE / "babbitt_node" / block
    files = sorted(place.glob("*.py")) if place.is_dir() else [place]
    assert files
    for file in files:
        own = {name for name in imports(file) if name.startswith("babbitt_node.")}
        assert {name for name in own if not name.startswith(PURE[block])} == set(), _id(file)


def test_the_import_list_is_read_right(tmp_path: Path) -> None:
    file = tmp_path / "a.py"
    file.write_text(
        "import sys\nif sys.implementation.name == 'micropython':\n    import machine\n"
        "else:\n    import numpy\n"
        "def f():\n    from babbitt_node import wire\n    import json.decoder\n",
        encoding="utf-8",
    )
    assert imports(file) == {"sys", "machine", "babbitt_node", "babbitt_node.wire", "json.decoder"}
