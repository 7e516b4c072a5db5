"""The file system of a node as an image: LittleFS 2, as MicroPython's VfsLfs2 mounts it.

MicroPython mounts an image only if it has as many blocks as its partition (else EINVAL, and the board says for ever
that its file system is corrupted).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath

from littlefs import LittleFS, LittleFSError

from babbitt_tools.errors import BoardError

BLOCK = 4096
_FULL = LittleFSError.Error.LFS_ERR_NOSPC


def image(files: Mapping[str, bytes], size: int) -> bytes:
    """An image of exactly `size` bytes with `files` (path with slashes: content). The same files give the same bytes.

    Raises:
        BoardError: they do not fit, a path cannot be that of a file, or the size is no whole number of blocks.
    """
    if size % BLOCK or size < 4 * BLOCK:
        raise BoardError(
            f"a file system of {size} bytes: expected a multiple of {BLOCK}, at least {4 * BLOCK}"
        )
    system = _system(size // BLOCK)
    system.format()
    system.mount()
    name = ""
    try:
        for name, data in sorted(files.items()):
            folder = str(PurePosixPath(name).parent)
            if folder not in (".", "/"):
                system.makedirs(folder, exist_ok=True)
            with system.open(name, "wb") as file:
                file.write(data)
    except (LittleFSError, OSError) as error:
        if isinstance(error, LittleFSError) and error.code == _FULL:
            total = sum(map(len, files.values()))
            raise BoardError(
                f"the files ({total} bytes) do not fit a file system of {size} bytes: take fewer, or enlarge vfs in board.json"
            ) from None
        raise BoardError(
            f"{name!r} cannot be a file in a file system: {error or type(error).__name__}"
        ) from None
    system.unmount()
    return bytes(system.context.buffer)


def used(data: bytes) -> int:
    """Bytes in use, in whole blocks. Raises BoardError when `data` is no file system."""
    system = _opened(data)
    return int(system.used_block_count) * BLOCK


def read(data: bytes) -> dict[str, bytes]:
    """All files of an image (path without a leading slash: content). Raises BoardError when it is none."""
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


def _system(blocks: int) -> LittleFS:
    return LittleFS(
        block_size=BLOCK, block_count=blocks, read_size=32, prog_size=32, lookahead_size=32, mount=False
    )


def _opened(data: bytes) -> LittleFS:
    if not data or len(data) % BLOCK:
        raise BoardError(f"no file system of {len(data)} bytes: expected a multiple of {BLOCK}")
    system = _system(len(data) // BLOCK)
    system.context.buffer = bytearray(data)
    try:
        system.mount()
    except LittleFSError as error:
        raise BoardError(f"no file system of {len(data)} bytes: {error}") from None
    return system
