"""One stay of a board in its boot loader, by esptool, in a process of its own: look, check, write, verify, reset.

    python -m babbitt_tools.node.session < plan.json

What happens comes as JSON lines, so that several boards can be flashed at once and each be told apart. A plan is an
object with `port`, `baud`, `writes` ([offset, file] each; none: only look) and what must be true before anything is
written: `chip`, `flash_bytes`, `mac` (null: whatever it is); `others` are MAC addresses of boards that are other nodes.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import esptool
from esptool.logger import TemplateLogger, log
from esptool.util import FatalError
from serial import SerialException

WARNED = "the board is as it was: nothing was written"
HALF = "the board is written in part and will not start: flash it again"


class _Quiet(TemplateLogger):  # type: ignore[misc]  # esptool has no types
    """esptool's words are kept for an error; its progress goes out as numbers."""

    def __init__(self) -> None:
        self.words: list[str] = []

    def print(self, *args: Any, **kwargs: Any) -> None:
        self.words.append(" ".join(map(str, args)))

    def note(self, message: str) -> None:
        self.words.append(message)

    warning = error = note

    def stage(self, finish: bool = False) -> None:
        """Nothing to collapse."""

    def progress_bar(
        self, cur_iter: int, total_iters: int, prefix: str = "", suffix: str = "", bar_length: int = 30
    ) -> None:
        say("progress", done=cur_iter, of=total_iters)

    def set_verbosity(self, verbosity: str) -> None:
        """There is one."""


def say(event: str, **facts: Any) -> None:
    """One line out."""
    print(json.dumps({"event": event, **facts}), flush=True)


def objection(plan: dict[str, Any], found: dict[str, Any]) -> tuple[str, str] | None:
    """(kind, what is wrong) if this is not the board of the plan."""
    if plan["chip"] is not None and found["chip"] != plan["chip"]:
        return (
            "wrong_chip",
            f"this is an {found['chip']}, the files are for an {plan['chip']}: take another board, or --board",
        )
    if plan["flash_bytes"] is not None and found["flash_bytes"] != plan["flash_bytes"]:
        return "wrong_flash", (
            f"its flash has {found['flash_bytes'] >> 20} MB, board.json says {plan['flash_bytes'] >> 20} MB: take the board.json of this board"
        )
    if plan.get("mac") is not None and found["mac"] != plan["mac"]:
        return (
            "wrong_board",
            f"this is the board {found['mac']}, expected {plan['mac']}: are two boards swapped?",
        )
    if (other := plan.get("others", {}).get(found["mac"])) is not None:
        return (
            "wrong_board",
            f"this is the board {found['mac']}, which is {other}: are two boards swapped? --replace makes another node of it",
        )
    return None


def run(plan: dict[str, Any]) -> int:
    """Carry out a plan; returns the exit status."""
    quiet = _Quiet()
    log.set_logger(quiet)
    began = time.monotonic()
    touched = False
    esp: Any = None
    try:
        esp = esptool.detect_chip(plan["port"], connect_attempts=plan.get("attempts", 5))
        mac = ":".join(f"{byte:02x}" for byte in esp.read_mac())
        esp = esptool.run_stub(esp)
        esptool.attach_flash(esp)
        size = esptool.cmds.detect_flash_size(esp)
        found = {
            "chip": esp.CHIP_NAME.lower().replace("-", ""),
            "mac": mac,
            "flash_bytes": int(str(size).removesuffix("MB")) << 20 if str(size).endswith("MB") else 0,
        }
        say("found", **found)
        wrong = objection(plan, found)
        if wrong is not None:
            esptool.reset_chip(esp, "hard-reset")
            say("error", kind=wrong[0], text=wrong[1], state=WARNED)
            return 1
        if plan["writes"]:
            if plan["baud"] > esp.ESP_ROM_BAUD:
                esp.change_baud(plan["baud"])
            parts = [(offset, Path(file).read_bytes()) for offset, file in plan["writes"]]
            touched = True
            esptool.write_flash(esp, parts, flash_size="keep")
            say("written", bytes=sum(len(data) for _, data in parts))
            esptool.verify_flash(esp, parts)
            say("verified")
        esptool.reset_chip(esp, "hard-reset")
        say("done", seconds=round(time.monotonic() - began, 2))
    except (FatalError, SerialException, OSError, AttributeError, TypeError) as error:
        # The last two: pyserial's own, when the device is gone under it.
        say(
            "error",
            kind=type(error).__name__,
            text=str(error) or repr(error),
            state=HALF if touched else WARNED,
            log=quiet.words[-12:],
        )
        return 1
    finally:
        if esp is not None:
            esp._port.close()
    return 0


if __name__ == "__main__":
    sys.exit(run(json.load(sys.stdin)))
