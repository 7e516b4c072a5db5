"""esptool from outside: a stay in the boot loader (`session.py`) as a process, and what it tells."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Mapping
from typing import Any

from babbitt_tools.errors import FlashError
from babbitt_tools.node.hints import explained

SILENCE_S = 120.0  # a session tells every block it writes; what is between is erasing and reading back
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
        FlashError: with the reason, what to do, and in what state the board is. A session that says nothing for SILENCE_S is
            ended.
    """
    state = "the board may be written in part: flash it again" if plan["writes"] else "nothing was written"
    found: dict[str, Any] = {}
    with tempfile.TemporaryFile("w+", errors="replace") as complaints:
        process = subprocess.Popen(
            [sys.executable, "-m", "babbitt_tools.node.session"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=complaints,
            text=True,
            errors="replace",
        )
        assert process.stdin is not None
        assert process.stdout is not None
        silent = threading.Event()
        watchdog = _watchdog(process, silent)
        try:
            with contextlib.suppress(BrokenPipeError):  # it is gone already: its exit status tells
                process.stdin.write(json.dumps(dict(plan)))
                process.stdin.flush()
            with contextlib.suppress(BrokenPipeError):
                process.stdin.close()
            for line in process.stdout:
                watchdog.cancel()
                watchdog = _watchdog(process, silent)
                event = _event(line)
                if event is None:
                    continue
                if told is not None:
                    told(event)
                if event["event"] == "found":
                    found = {key: value for key, value in event.items() if key != "event"}
                elif event["event"] == "done":
                    found["seconds"] = event["seconds"]
                elif event["event"] == "error":
                    raise FlashError(f"{plan['port']}: {explained(event['text'])} ({event['state']})")
            status = process.wait()
        finally:
            watchdog.cancel()
            if process.poll() is None:
                process.kill()
                process.wait()
            process.stdout.close()
        if silent.is_set():
            raise FlashError(
                f"{plan['port']}: esptool said nothing for {SILENCE_S:g} s and was ended ({state})"
            )
        if status != 0 or "seconds" not in found:
            complaints.seek(0)
            said = complaints.read().strip().splitlines()
            last = said[-1] if said else f"without a word, exit status {status}"
            raise FlashError(f"{plan['port']}: esptool ended unexpectedly: {last} ({state})")
    return found


def _watchdog(process: subprocess.Popen[str], silent: threading.Event) -> threading.Timer:
    def end() -> None:
        silent.set()
        process.kill()

    timer = threading.Timer(SILENCE_S, end)
    timer.daemon = True
    timer.start()
    return timer


def _event(line: str) -> dict[str, Any] | None:
    """What a line says; None: it is esptool's own words, printed past its logger."""
    try:
        event = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return event if isinstance(event, dict) and "event" in event else None
