"""What people really meet with boards, and what to do: words in an error -> a sentence."""

from __future__ import annotations

import re

HINTS: tuple[tuple[str, str, str], ...] = (
    (
        "no_permission",
        r"permission denied|errno 13|access is denied",
        "You may not use this port. Linux: `sudo usermod -aG dialout $USER`, then log in anew. Windows: another program has it open.",
    ),
    (
        "busy",
        r"could not exclusively lock|resource busy|errno 16|resource temporarily unavailable|device or resource|\bin use\b",
        "Another program uses the port: close the terminal, editor or second Babbitt that has it open.",
    ),
    (
        "no_port",
        r"no such file|errno 2\b|filenotfound|could not open|failed to access|doesn't exist|does not exist|connection refused",
        "There is no board on this port. Plug it in with a cable that carries data (many only charge); `babbitt node ports` lists what is "
        "there. A board that shows no port at all lacks a driver: CP210x and CH34x are the usual chips on the board.",
    ),
    (
        "no_answer",
        r"timed out waiting for packet header|no serial data received|failed to connect|wrong boot mode|invalid head of packet",
        "The chip does not answer in its boot loader. Hold the button BOOT, press EN (or RST) once, let BOOT go when it connects. "
        "If that does not help: another cable, nothing on GPIO0, GPIO2 and GPIO12.",
    ),
    (
        "no_repl",
        r"could not enter raw repl|could not interrupt|timeout waiting for (first|second) eof",
        "MicroPython does not answer. Press EN (or RST) and try again within a few seconds; if it never does, there is none: "
        "`babbitt node flash`.",
    ),
    (
        "unplugged",
        r"device disconnected|readiness to read but returned no data|write failed|connection lost|broken pipe|input/output error"
        r"|errno 5\b|socket disconnected|connection reset|no more data to read from the serial port",
        "The board went away in the middle. Plug it in again and repeat the command.",
    ),
    (
        "flash_full",
        r"enospc|no space left|errno 28",
        "The node's flash is full. `babbitt node pull` saves what is on it; a smaller `spool_bytes` in node.json makes room.",
    ),
    (
        "mismatch",
        r"md5 of file does not match|verif(y|ication) failed|digest mismatch|checksum",
        "What was read back is not what was written: a bad cable or supply, or worn flash. Try a short cable on another port and --baud 115200.",
    ),
)
"""(name, pattern of what the tools say, what to do)."""


def hint(text: str) -> str | None:
    """What to do about an error of esptool, mpremote or pyserial; None if it is not known."""
    return next((words for _, pattern, words in HINTS if re.search(pattern, text, re.IGNORECASE)), None)


def explained(text: str) -> str:
    """The error in one line, and behind it what to do: ours, where it is known, instead of the "Hint:" and the address that
    esptool puts behind some of its errors.
    """
    words = hint(text)
    if words is None:
        return " ".join(text.split())
    said = re.split(r"\bHint:|\bfor troubleshooting steps visit:", text, maxsplit=1, flags=re.IGNORECASE)[0]
    return f"{' '.join(said.split()).rstrip(' .,')}. {words}"
