"""MicroPython's image for a board: where to get it, whether it is whole and for this chip, and with our partition table.

Babbitt does not download it. `IMAGES` names the file; its SHA-256 is taken down the first time it is put in the
cache, and every later use must have it.
"""

from __future__ import annotations

import json
from pathlib import Path

from esptool.bin_image import LoadFirmwareImage
from platformdirs import user_cache_path

from babbitt_tools.errors import BoardError
from babbitt_tools.node import partitions
from babbitt_tools.node.boards import Board
from babbitt_tools.node.bundle import digest, write

VERSION, DATE = "v1.27.0", "20251209"
SITE = "https://micropython.org/download/"
SUMS = "sums.json"


def file_name(board: Board) -> str:
    """The exact name of the image."""
    return f"{board.name}-{DATE}-{VERSION}.bin"


def where(board: Board) -> str:
    """What to tell somebody who has none."""
    return (
        f"MicroPython for this board is not here. Download {file_name(board)} from {SITE}{board.name}/ and give it with "
        f"--micropython FILE; it is kept in {cache()} from then on"
    )


def cache() -> Path:
    """The folder in which images are kept."""
    return user_cache_path("babbitt") / "micropython"


def take(board: Board, path: Path | None) -> bytes:
    """The image for `board`: a file, which goes into the cache, or from there.

    Raises:
        BoardError: there is none, it is damaged, for another chip, not the one that was taken down, or too large.
    """
    if board.name == "virtual" and path is None:
        from babbitt_tools.vboard import micropython

        return micropython.image(board)
    source = cache() / file_name(board) if path is None else path
    try:
        data = source.read_bytes()
    except FileNotFoundError:
        raise BoardError(where(board) if path is None else f"there is no file {path}") from None
    except OSError as error:
        raise BoardError(f"{source} cannot be read: {error.strerror}") from None
    check(board, data, str(source))
    if path is not None:
        keep(path.name, data)
    elif _sums().get(source.name) not in (None, digest(data)):
        raise BoardError(
            f"{source} is not the file that was put there: its SHA-256 differs. Download it again"
        )
    return data


def keep(name: str, data: bytes) -> None:
    """Put an image into the cache, with its hash.

    Raises:
        BoardError: another one of that name was there, or the cache cannot be written.
    """
    sums = _sums()
    if sums.get(name) not in (None, digest(data)):
        raise BoardError(
            f"another {name} was used before (SHA-256 {sums[name]}, this one {digest(data)}): the same name must be the same file. "
            f"If the new one is right, remove {cache() / name} and its line in {SUMS}"
        )
    known = json.dumps(sums | {name: digest(data)}, indent=1, sort_keys=True).encode()
    write(cache(), [(name, data), (SUMS, known)])


def check(board: Board, data: bytes, name: str) -> None:
    """Whether `data` is a whole image for `board`: boot loader and app, each of its chip and with its checksum and hash, and
    the app where board.json has it and not larger than its partition. `name` is the file in the text of an error.

    Raises:
        BoardError: it is not; the text says which part, and what to do.
    """
    table = partitions.OFFSET - board.image_offset
    try:
        app = next(p for p in partitions.parse(data[table : table + partitions.SIZE]) if p.kind == "app")
    except (BoardError, StopIteration):
        raise BoardError(
            f"{name} is no image of MicroPython for {board.chip}: no partition table at {table:#x}. Take {file_name(board)}"
        ) from None
    room = board.partition("factory")
    assert room is not None
    for what, at, end in (("boot loader", 0, table), ("app", app.offset - board.image_offset, len(data))):
        part = data[at:end]
        try:
            made = LoadFirmwareImage(board.chip, part)
            # Espressif's tools put a hash behind every image; one without it has a damaged header.
            whole = made.append_digest and made.stored_digest == made.calc_digest
            whole = whole and made.checksum == made.calculate_checksum()
        except Exception as error:  # esptool trusts what it reads: a damaged length leads anywhere
            raise BoardError(
                f"{name}: its {what} is damaged, or for another chip than {board.chip}: {error}"
            ) from None
        if getattr(made, "chip_id", made.ROM_LOADER.IMAGE_CHIP_ID) != made.ROM_LOADER.IMAGE_CHIP_ID:
            raise BoardError(f"{name}: its {what} is for another chip than {board.chip}")
        if not whole:
            raise BoardError(f"{name}: its {what} is damaged: the checksum differs. Download it again")
        if what == "app" and len(part) > room.size:
            raise BoardError(
                f"{name}: the app has {len(part)} bytes, the partition factory {room.size}: enlarge it in board.json"
            )
        if what == "app" and app.offset != room.offset:
            raise BoardError(f"{name}: its app lies at {app.offset:#x}, board.json says {room.offset:#x}")


def with_table(board: Board, data: bytes) -> bytes:
    """The image with the board's own partition table in place of its own."""
    at = partitions.OFFSET - board.image_offset
    return data[:at] + partitions.table(board.partitions) + data[at + partitions.SIZE :]


def _sums() -> dict[str, str]:
    try:
        found: dict[str, str] = json.loads((cache() / SUMS).read_text())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise BoardError(f"{cache() / SUMS} cannot be read ({error}): remove it") from None
    if not isinstance(found, dict):
        raise BoardError(f"{cache() / SUMS} is no table of hashes: remove it")
    return found
