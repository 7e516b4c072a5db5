"""The file system of a node as an image: LittleFS 2, as MicroPython's VfsLfs2 mounts it.

MicroPython mounts an image only if it has as many blocks as its partition (else EINVAL, and the board says for ever
that its file system is corrupted).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import PurePosixPath

from littlefs import LittleFS, LittleFSError

from babbitt_tools.errors import BoardError

BLOCK = 4096


def image(files: Mapping[str, bytes], size: int) -> bytes:
    """An image of exactly `size` bytes with `files` (path with slashes: content). The same files give the same bytes.

    Raises:
        BoardError: they do not fit, or the size is no whole number of blocks.
    """
    if size % BLOCK or size < 4 * BLOCK:
        raise BoardError(
            f"a file system of {size} bytes: expected a multiple of {BLOCK}, at least {4 * BLOCK}"
        )
    system = _system(size // BLOCK)
    system.format()
    system.mount()
    try:
        for folder in sorted(
            {str(p) for name in files for p in PurePosixPath(name).parents if str(p) != "."}
        ):
            system.makedirs(folder, exist_ok=True)
        for name, data in sorted(files.items()):
            with system.open(name, "wb") as file:
                file.write(data)
    except LittleFSError as error:
        total = sum(map(len, files.values()))
        raise BoardError(
            f"the files ({total} bytes) do not fit a file system of {size} bytes ({error}): take fewer, or enlarge vfs in board.json"
        ) from None
    system.unmount()
    return bytes(system.context.buffer)


def used(data: bytes) -> int:
    """Bytes in use, in whole blocks."""
    system = _opened(data)
    return int(system.used_block_count) * BLOCK


def read(data: bytes) -> dict[str, bytes]:
    """All files of an image. Raises BoardError when it is none."""
    system = _opened(data)
    found: dict[str, bytes] = {}
    try:
        for root, _, names in system.walk("/"):
            for name in names:
                path = f"{root.rstrip('/')}/{name}"
                with system.open(path, "rb") as file:
                    found[path.lstrip("/")] = file.read()
    except LittleFSError as error:
        raise BoardError(f"the file system is damaged: {error}") from None
    return found


def fingerprint(data: bytes) -> str:
    """SHA-256 of an image."""
    return hashlib.sha256(data).hexdigest()


def _system(blocks: int) -> LittleFS:
    return LittleFS(
        block_size=BLOCK, block_count=blocks, read_size=32, prog_size=32, lookahead_size=32, mount=False
    )


def _opened(data: bytes) -> LittleFS:
    system = _system(len(data) // BLOCK)
    system.context.buffer = bytearray(data)
    try:
        system.mount()
    except LittleFSError as error:
        raise BoardError(f"no file system of {len(data)} bytes: {error}") from None
    return system
