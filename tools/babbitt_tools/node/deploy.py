"""Bring the firmware on a node up to date over its console: only what changed, and all of it or nothing.

Files go to `next/` on the node, `next/plan.json` comes last, and the node's boot.py puts them in their places at the
next start (`firmware/boot.py`). Until the plan is there the node runs its old version, whatever happens to the cable;
what had arrived is not sent again. Who the node is and what it measures stays as it is.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from babbitt_tools.errors import NodeAnswer
from babbitt_tools.node.bundle import Bundle, digest, firmware_of
from babbitt_tools.node.link import MOUNTED, Link

NEXT, BOOT = "next", "boot.py"
SKIP = ("spool", "waves", "baselines", *MOUNTED)
_BLOCK = 4096
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Changes:
    """`send` (path: content), `arrived` of them are on the node already; `remove` paths; `same` files stay."""

    send: dict[str, bytes]
    arrived: dict[str, str]
    remove: tuple[str, ...]
    same: int

    @property
    def nothing(self) -> bool:
        """Whether the node has it all."""
        return not self.send and not self.remove

    @property
    def bytes(self) -> int:
        """What has to be sent."""
        return sum(len(data) for path, data in self.send.items() if path not in self.arrived)


def changes(wanted: Mapping[str, bytes], there: Mapping[str, str], package: str = "babbitt_node") -> Changes:
    """What makes a node with files `there` (path: SHA-256) one with `wanted`. Only files of the firmware's package are
    removed: an old .py would be found before the new .mpy."""
    send = {path: data for path, data in wanted.items() if there.get(path) != digest(data)}
    arrived = {
        path: _name(data) for path, data in send.items() if there.get(f"{NEXT}/{_name(data)}") == digest(data)
    }
    old = tuple(sorted(p for p in there if p.startswith(package + "/") and p not in wanted))
    return Changes(send, arrived, old, len(wanted) - len(send))


def look(link: Link, bundle: Bundle) -> Changes:
    """Stop the node and compare. Raises PortError, NodeAnswer."""
    link.stop()
    found = link.ask("hashes", skip=SKIP)
    wanted = firmware_of(bundle)
    difference = changes(wanted, found["files"])
    room = sum(
        -(-len(d) // _BLOCK) * _BLOCK for p, d in difference.send.items() if p not in difference.arrived
    )
    if room + 4 * _BLOCK > found["free"]:
        raise NodeAnswer(
            f"{link.port}: the flash is full: {found['free']} bytes free, the new files take {room}. Nothing was changed. "
            "`babbitt node pull` saves what is on it; a smaller spool_bytes in node.json makes room"
        )
    return difference


def send(link: Link, difference: Changes, progress: Progress | None = None) -> None:
    """Put the changes on the node; they are in force at its next start. Raises PortError, NodeAnswer."""
    if difference.nothing:
        return
    link.run(f"import os\nif {NEXT!r} not in os.listdir():\n    os.mkdir({NEXT!r})")
    done = 0

    def told(count: int) -> None:
        nonlocal done
        done += count
        if progress is not None:
            progress(done, difference.bytes)

    for path, data in difference.send.items():
        if path not in difference.arrived:
            link.write(f"{NEXT}/{_name(data)}", data, told)
    _check(link, difference)
    later = dict(difference.send)
    if (boot := later.pop(BOOT, None)) is not None:  # it does the moving: one file, moved at once
        link.run(f"import os\nos.rename('{NEXT}/{_name(boot)}', {BOOT!r})")
    plan = {
        "move": [[_name(data), path] for path, data in sorted(later.items())],
        "remove": difference.remove,
    }
    link.write(f"{NEXT}/plan.new", json.dumps(plan).encode())
    link.run(f"import os\nos.rename('{NEXT}/plan.new', '{NEXT}/plan.json')")


def _check(link: Link, difference: Changes) -> None:
    """Read back: what is on the node is what was sent."""
    found: dict[str, Any] = link.ask("hashes", skip=(*SKIP, "babbitt_node"))["files"]
    for path, data in difference.send.items():
        if found.get(f"{NEXT}/{_name(data)}") != digest(data):
            raise NodeAnswer(
                f"{link.port}: {path} arrived damaged. The node keeps its old version; run the command again"
            )


def _name(data: bytes) -> str:
    """Of a file on its way: by its content, so that one that has arrived is known again."""
    return digest(data)[:16]
