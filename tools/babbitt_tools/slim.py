"""Makes the firmware fit: texts for people leave the modules and stay on flash until somebody needs them.

A module's string constants live on the heap of a node from its import on, and a good error text is longer than
the code that raises it. So before the modules are compiled, every text of a function (a string constant of
SHORTEST characters or more with a blank in it, no docstring) goes to `texts.txt` and is replaced by a call that
reads it from there: `NodeError("crc", "a reading arrived damaged")` becomes `NodeError("crc", _from_flash(1234,
25))`, with `from babbitt_node.texts import text as _from_flash` in front of the module's first import. Lines keep their
numbers, so that tracebacks still point into the source. What a module means does not change.

The texts of a module begin at a multiple of PAGE bytes: most changes of a text leave those of other modules, and so their code,
where they were, and a deploy sends one module and the table instead of half the firmware.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping

SHORTEST = 12
PAGE = 128
READER = "texts.py"
TABLE = "texts.txt"
_CALL = "_from_flash"
_IMPORT = f"from babbitt_node.texts import text as {_CALL}; "


def slim(sources: Mapping[str, str]) -> tuple[dict[str, str], bytes]:
    """The modules of the package (path in the package: source) without their texts, and the table of texts.

    Sources without texts, and the reader of the table itself, come back as they are.

    Raises:
        ValueError: a module uses the name of the call for something else.
        SyntaxError: a module is no Python.
    """
    table = bytearray()
    places: dict[str, tuple[int, int]] = {}
    slimmed = {}
    for path, source in sources.items():
        if _CALL in source:
            raise ValueError(f"{path}: the name {_CALL} is that of the build; take another one")
        slimmed[path] = source if path == READER else _module(source, table, places)
        table += b"\n" * (-len(table) % PAGE)
    return slimmed, bytes(table)


def _module(source: str, table: bytearray, places: dict[str, tuple[int, int]]) -> str:
    tree = ast.parse(source)
    found = sorted(_texts(tree), key=lambda node: (node.lineno, node.col_offset), reverse=True)
    first = next((node for node in tree.body if isinstance(node, (ast.Import, ast.ImportFrom))), None)
    if not found or first is None:
        return source
    lines = [line.encode() for line in source.splitlines(keepends=True)]  # offsets of the tree are in bytes
    for node in found:
        text = str(node.value)
        if text not in places:
            data = text.encode()
            places[text] = (len(table), len(data))
            table += data + b"\n"
        _replace(lines, node, f"{_CALL}({places[text][0]}, {places[text][1]})")
    lines[first.lineno - 1] = _IMPORT.encode() + lines[first.lineno - 1]
    return b"".join(lines).decode()


def _replace(lines: list[bytes], node: ast.Constant, code: str) -> None:
    """Put `code` where a constant is; a constant of several lines stands in brackets and leaves empty ones."""
    assert node.end_lineno is not None
    first, last = node.lineno - 1, node.end_lineno - 1
    head, tail = lines[first][: node.col_offset], lines[last][node.end_col_offset :]
    lines[first : last + 1] = [head + code.encode() + b"\n" * (last - first) + tail] + [b""] * (last - first)


def _texts(tree: ast.Module) -> list[ast.Constant]:
    """The texts inside functions."""
    found: dict[int, ast.Constant] = {}
    for function in ast.walk(tree):
        if not isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)):
            continue
        left_alone = {id(node) for node in _left_alone(function)}
        for statement in function.body:
            for node in ast.walk(statement):
                if isinstance(node, ast.Constant) and id(node) not in left_alone and _is_text(node.value):
                    found[id(node)] = node
    return list(found.values())


def _left_alone(function: ast.AST) -> list[ast.AST]:
    """Docstrings, and parts of f-strings."""
    found: list[ast.AST] = []
    for node in ast.walk(function):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            found.append(node.value)
        elif isinstance(node, ast.JoinedStr):
            found.extend(ast.walk(node))
    return found


def _is_text(value: object) -> bool:
    return isinstance(value, str) and len(value) >= SHORTEST and " " in value
