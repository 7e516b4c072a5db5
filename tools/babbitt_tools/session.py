"""A host and its virtual boards in one folder, from the first record to the last one stored. `demo` and `replay` are told with it."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from babbitt.service import Host
from babbitt.store.reader import StoreReader
from babbitt_tools.account import Account, account, numbered
from babbitt_tools.errors import BoardError
from babbitt_tools.vboard.board import VirtualBoard
from babbitt_tools.vboard.world import World

SITE = "demo"


def node_settings(site: str, name: str, host: str, port: int) -> dict[str, Any]:
    """`node.json` of a virtual node."""
    return {
        "site": site,
        "node": name,
        "wifi": {"ssid": "plant", "password": "virtual"},
        "broker": {"host": host, "port": port, "keepalive_s": 600},
    }


class Session:
    """A host that accepts simulated time, an embedded broker on a free port of the loopback, and boards added one by one.

    Everything lives in `folder`; without one, in a temporary folder that goes when the session ends.

        with Session() as session:
            session.add("pump", world, config, speed=1000)
            session.drain(20)
            print(session.accounts())
    """

    def __init__(self, folder: Path | None = None, site: str = SITE) -> None:
        self.site = site
        self._temporary = folder is None
        self.folder = Path(tempfile.mkdtemp(prefix="babbitt-")) if folder is None else folder
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise BoardError(f"the folder {self.folder} cannot be made: {error.strerror}") from error
        if any(self.folder.iterdir()):
            raise BoardError(f"the folder {self.folder} is not empty; give a new one, or runs would be mixed")
        self.store = self.folder / "store"
        self.host = Host(self.store, broker_listen="127.0.0.1:0", accept_simulated=True)
        self.boards: dict[str, VirtualBoard] = {}
        self._drained: list[Account] | None = None

    def __enter__(self) -> Self:
        self.host.start()
        self.reader = StoreReader(self.store)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End boards, host and broker, in this order; remove the folder if it is a temporary one."""
        for board in self.boards.values():
            board.stop()
        end = time.monotonic() + 2  # for the broker to say that they are gone
        while (
            hasattr(self, "reader") and any(n.online for n in self.reader.nodes()) and time.monotonic() < end
        ):
            time.sleep(0.05)
        self.host.stop()
        if hasattr(self, "reader"):
            self.reader.close()
        if self._temporary:
            shutil.rmtree(self.folder, ignore_errors=True)

    def add(
        self,
        name: str,
        world: World,
        config: Mapping[str, Any],
        speed: float,
        runtime: str = "auto",
        through: tuple[str, int] | None = None,
    ) -> VirtualBoard:
        """Make a board, switch it on and return it; it reaches the broker `through` an address, else directly. Raises BoardError."""
        node = node_settings(self.site, name, *(through or self.host.address))
        board = VirtualBoard(
            name, self.flash(name), world, node=node, config=config, speed=speed, runtime=runtime
        )
        self.boards[name] = board
        board.start()
        return board

    def flash(self, name: str) -> Path:
        """The flash of a board."""
        return self.folder / "boards" / name

    def drain(
        self, timeout_s: float, wait: Callable[[float], None] = time.sleep, judged: bool = True
    ) -> bool:
        """Let all boards run at real speed and wait until every record they have numbered is stored and, if `judged`, judged.

        False if that did not happen in time.
        """
        for board in self.boards.values():
            board.set_speed(1.0)
        deadline = time.monotonic() + timeout_s
        quiet = 0  # settled twice in a row: the analysis wakes a moment after the last commit
        while quiet < 2:
            if time.monotonic() > deadline:
                return False
            quiet = quiet + 1 if self._settled(judged) else 0
            wait(0.2)
        return True

    def _settled(self, judged: bool) -> bool:
        before = {name: numbered(self.flash(name)) for name in self.boards}
        self._drained = None
        now = self.accounts()
        if any(a.pending or a.lost for a in now) or (judged and not self._judged()):
            return False
        if before != {name: numbered(self.flash(name)) for name in self.boards}:
            return False
        self._drained = now
        return True

    def _judged(self) -> bool:
        """Whether the host's judgement of every node is as new as its newest record."""
        return all(n.assessment is not None and n.assessment.t_ms == n.last_t for n in self.reader.nodes())

    def accounts(self) -> list[Account]:
        """Every board's records against the host's ledger: as they were when `drain` found all settled, for a board goes on and
        numbers its next record when it is due; else as they are now.
        """
        if self._drained is not None:
            return self._drained
        ledger = self.reader.ledger()
        return [account(name, self.flash(name), ledger) for name in self.boards]
