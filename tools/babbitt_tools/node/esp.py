"""esptool from outside: a stay in the boot loader (`session.py`) as a process, and what it tells."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from typing import Any

from babbitt_tools.errors import FlashError
from babbitt_tools.node.hints import explained

SILENCE_S = 120.0
Told = Callable[[dict[str, Any]], None]


def look(port: str) -> dict[str, Any]:
    """`chip`, `mac`, `flash_bytes` of the board on a port, which is reset afterwards. Raises FlashError."""
    plan = {
        "port": port,
        "baud": 115200,
        "chip": None,
        "flash_bytes": None,
        "mac": None,
        "writes": [],
        "attempts": 2,
    }
    return run(plan)


def run(plan: Mapping[str, Any], told: Told | None = None) -> dict[str, Any]:
    """Carry out a plan of `session.py`; `told` hears every event. Returns what was found, and `seconds`.

    Raises:
        FlashError: with the reason, what to do, and in what state the board is.
    """
    process = subprocess.Popen(
        [sys.executable, "-m", "babbitt_tools.node.session"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    found: dict[str, Any] = {}
    try:
        process.stdin.write(json.dumps(dict(plan)))
        process.stdin.close()
        for line in process.stdout:
            try:
                event = json.loads(line)
            except ValueError:
                continue  # esptool's own words, printed past its logger
            if told is not None:
                told(event)
            if event["event"] == "found":
                found = {key: value for key, value in event.items() if key != "event"}
            elif event["event"] == "done":
                found["seconds"] = event["seconds"]
            elif event["event"] == "error":
                raise FlashError(f"{plan['port']}: {explained(event['text'])} ({event['state']})")
        if process.wait() != 0 or "seconds" not in found:
            said = process.stderr.read().strip().splitlines()
            raise FlashError(
                f"{plan['port']}: esptool ended unexpectedly: {said[-1] if said else 'without a word'}. Flash the board again"
            )
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
        process.stdout.close()
        process.stderr.close()
    return found
