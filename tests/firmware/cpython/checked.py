"""Run the node's arithmetic on CPython with the width of an ESP32 enforced.

`load()` imports `babbitt_node.dsp` and `babbitt_node.checks` afresh, with every intermediate result checked:
inside viper functions it must be a signed 32-bit int (viper would wrap), elsewhere a 31-bit small int
(MicroPython would allocate a long one), and a float is refused everywhere. What reads the settings runs
once at the start, where allocation is allowed, and is left alone.
"""

from __future__ import annotations

import ast
import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import babbitt_node

ROOT = Path(str(babbitt_node.__file__)).parent
PREFIXES = ("babbitt_node.dsp", "babbitt_node.checks")
FREE = ("__init__", "read_settings", "_value", "is_id")


class Escaped(AssertionError):
    """An intermediate result does not fit the ESP32."""


class Widest:
    """The largest magnitudes seen, to show that the checks saw real work."""

    small = 0
    viper = 0


def _narrow(value: Any) -> Any:
    if isinstance(value, float):
        raise Escaped(f"float {value}")
    if type(value) is int:
        if not -(2**30) <= value < 2**30:
            raise Escaped(f"{value} is no 31-bit small int")
        Widest.small = max(Widest.small, abs(value))
    return value


def _wide(value: Any) -> Any:
    if isinstance(value, float):
        raise Escaped(f"float {value}")
    if type(value) is int:
        if not -(2**31) <= value < 2**31:
            raise Escaped(f"{value} overflows 32 bits in viper")
        Widest.viper = max(Widest.viper, abs(value))
    return value


class _Wrap(ast.NodeTransformer):
    """Wrap every operation, call and item in a function in a check of its result."""

    def __init__(self) -> None:
        self._check: list[str | None] = [None]

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        viper = any(isinstance(d, ast.Attribute) and d.attr == "viper" for d in node.decorator_list)
        self._check.append(None if node.name in FREE else "_wide" if viper else "_narrow")
        node.body = [self.visit(statement) for statement in node.body]
        self._check.pop()
        return node

    def _wrapped(self, node: ast.expr) -> ast.expr:
        name = self._check[-1]
        return node if name is None else ast.Call(ast.Name(name, ast.Load()), [node], [])

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        self.generic_visit(node)
        return self._wrapped(node)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> ast.AST:
        self.generic_visit(node)
        return self._wrapped(node)

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        return self._wrapped(node)

    def visit_Subscript(self, node: ast.Subscript) -> ast.AST:
        self.generic_visit(node)
        return self._wrapped(node) if isinstance(node.ctx, ast.Load) else node

    def visit_AugAssign(self, node: ast.AugAssign) -> ast.AST:
        source: ast.expr
        if isinstance(node.target, ast.Name):
            source = ast.Name(node.target.id, ast.Load())
        elif isinstance(node.target, ast.Subscript):
            source = ast.Subscript(node.target.value, node.target.slice, ast.Load())
        else:
            source = ast.Attribute(node.target.value, node.target.attr, ast.Load())
        assigned = ast.Assign([node.target], ast.BinOp(source, node.op, node.value))
        self.generic_visit(assigned)
        return assigned


class _Loader(importlib.machinery.SourceFileLoader):
    def get_code(self, fullname: str) -> Any:
        tree = _Wrap().visit(ast.parse(self.get_data(self.path)))
        return compile(ast.fix_missing_locations(tree), self.path, "exec", dont_inherit=True)

    def exec_module(self, module: ModuleType) -> None:
        vars(module).update(_narrow=_narrow, _wide=_wide)
        super().exec_module(module)


class _Finder(importlib.abc.MetaPathFinder):
    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if not fullname.startswith(PREFIXES):
            return None
        file = ROOT.joinpath(*fullname.split(".")[1:])
        package = file.is_dir()
        source = file / "__init__.py" if package else file.with_suffix(".py")
        return importlib.util.spec_from_file_location(
            fullname,
            source,
            loader=_Loader(fullname, str(source)),
            submodule_search_locations=[str(file)] if package else None,
        )


def load() -> dict[str, ModuleType]:
    """The checked modules, by the last part of their names. The ordinary ones stay what `import` gives."""
    with active():
        names = ("dsp.intmath", "dsp.kernels", "dsp.features", "dsp.fft", "dsp.scaling", "dsp.spectrum")
        names += ("dsp.envelope", "dsp.levels", "dsp.spectra", "dsp.plan", "checks")
        found = {name.split(".")[-1]: importlib.import_module("babbitt_node." + name) for name in names}
        for kind in found["checks"].TYPES:
            found["checks"].find(kind)  # now, while its module is found here
        return found


_loaded: dict[str, ModuleType] = {}


@contextmanager
def active() -> Iterator[None]:
    """While it lasts `import` gives the checked modules."""
    ordinary = {name: sys.modules.pop(name) for name in list(sys.modules) if name.startswith(PREFIXES)}
    attributes = {name: vars(babbitt_node).get(name) for name in ("dsp", "checks")}
    sys.modules.update(_loaded)
    for name in PREFIXES:
        if name in _loaded:
            setattr(babbitt_node, name.split(".")[-1], _loaded[name])
    finder = _Finder()
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
        for name in [name for name in sys.modules if name.startswith(PREFIXES)]:
            _loaded[name] = sys.modules.pop(name)
        sys.modules.update(ordinary)
        for name, module in attributes.items():
            if module is not None:
                setattr(babbitt_node, name, module)
