"""What stands for MicroPython's image on a virtual board: a boot loader, a partition table and an app that are valid to
esptool, of the size of the real ones, with nothing in them. What runs is the PC's MicroPython (`console.py`).

    python -m babbitt_tools.vboard.micropython virtual micropython.bin
"""

from __future__ import annotations

import random
import sys
import tempfile
from pathlib import Path

from esptool.bin_image import ELFSection
from esptool.targets import CHIP_DEFS

from babbitt_tools.node import partitions
from babbitt_tools.node.boards import Board, load
from babbitt_tools.node.partitions import Partition

APP = 0x10000
BOOTLOADER_BYTES = 26_000
APP_BYTES = 1_700_000
_LOAD = {
    "esp32": 0x3FFB0000,
    "esp32s2": 0x3FFB0000,
    "esp32s3": 0x3FC90000,
    "esp32c3": 0x3FC90000,
    "esp32c6": 0x40810000,
}
"""An address of data RAM, for every chip of `boards.ARCHES`."""


def image(board: Board, app_bytes: int = APP_BYTES) -> bytes:
    """As MicroPython's own `firmware.bin`, to be written at `board.image_offset`: without a partition for files. `app_bytes`: its size."""
    start = board.image_offset
    upstream = [
        Partition("nvs", "data", "nvs", 0x9000, 0x6000),
        Partition("phy_init", "data", "phy", 0xF000, 0x1000),
    ]
    upstream.append(Partition("factory", "app", "factory", APP, 0x1F0000))
    whole = bytearray(b"\xff" * (APP - start))
    loader = _program(board.chip, BOOTLOADER_BYTES, board.flash_bytes)
    whole[: len(loader)] = loader
    table = partitions.table(upstream)
    at = partitions.OFFSET - start
    whole[at : at + len(table)] = table
    return bytes(whole) + _program(board.chip, app_bytes, board.flash_bytes)


def _program(chip: str, size: int, flash_bytes: int) -> bytes:
    """A program of about `size` bytes that compress as code does, to half their size."""
    dice = random.Random(size)
    words = [dice.randbytes(4) for _ in range(4096)]
    body = b"".join(dice.choice(words) for _ in range(size // 4))
    made = CHIP_DEFS[chip].BOOTLOADER_IMAGE()
    made.segments.append(ELFSection(b".data", _LOAD[chip], body, 0))
    made.entrypoint = _LOAD[chip]
    sizes = CHIP_DEFS[chip].FLASH_SIZES
    made.flash_size_freq = sizes[f"{flash_bytes >> 20}MB"] | CHIP_DEFS[chip].FLASH_FREQUENCY["40m"]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "program.bin")
        made.save(str(path))
        return path.read_bytes()


def main(arguments: list[str]) -> int:
    """Write the image of a board to a file."""
    if len(arguments) != 2:
        print("usage: python -m babbitt_tools.vboard.micropython BOARD FILE", file=sys.stderr)
        return 2
    Path(arguments[1]).write_bytes(image(load(arguments[0])))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
