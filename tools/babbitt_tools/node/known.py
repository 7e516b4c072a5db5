"""Which board is which node: what this PC has flashed, by MAC address. Two boards that were swapped are noticed by it."""

from __future__ import annotations

import json
import os
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import platformdirs

from babbitt_tools.errors import BoardError

_writing = threading.Lock()  # boards are flashed at once, each from a thread of its own


def place() -> Path:
    """BABBITT_BOARDS, else a file in the user's data folder."""
    said = os.environ.get("BABBITT_BOARDS")
    return Path(said) if said else Path(platformdirs.user_data_dir("babbitt")) / "boards.json"


def boards() -> dict[str, dict[str, Any]]:
    """MAC address -> `node` (SITE/NODE), `board`, `firmware`, `flashed` (UTC). Raises BoardError for a damaged file."""
    try:
        found: dict[str, dict[str, Any]] = json.loads(place().read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise BoardError(
            f"{place()} cannot be read ({error}): it says which board is which node; repair or remove it"
        ) from None
    if not isinstance(found, dict) or not all(
        isinstance(entry, dict) and isinstance(entry.get("node"), str) for entry in found.values()
    ):
        raise BoardError(
            f"{place()} is damaged: expected a node for every MAC address; it says which board is which node; repair or remove it"
        )
    return found


def others(name: str) -> dict[str, str]:
    """MAC addresses of all boards that are another node than `name` (SITE/NODE), and which. Raises BoardError."""
    return {mac: entry["node"] for mac, entry in boards().items() if entry["node"] != name}


def remember(mac: str, name: str, board: str, firmware: str) -> list[str]:
    """The board `mac` is the node `name` from now on; returns the boards that were it before. Raises BoardError."""
    now = datetime.now(UTC).isoformat(timespec="seconds")
    path = place()
    with _writing:
        entries = boards()
        before = [other for other, entry in entries.items() if entry["node"] == name and other != mac]
        for other in before:
            del entries[other]
        entries[mac] = {"node": name, "board": board, "firmware": firmware, "flashed": now}
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            half = path.with_suffix(".new")
            half.write_text(json.dumps(entries, indent=1, sort_keys=True), "utf-8")
            half.replace(path)
        except OSError as error:
            raise BoardError(f"{path} cannot be written: {error.strerror}") from None
    return before
