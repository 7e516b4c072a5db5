"""Plays a scenario: as many virtual boards as it has nodes, their troubles when they are due, and the account in the end."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from babbitt.acquisition.address import BrokerAddress
from babbitt_tools.account import Account, numbered
from babbitt_tools.errors import BoardError, ScenarioError
from babbitt_tools.scenario.cast import Role
from babbitt_tools.scenario.heard import Hearer, Told
from babbitt_tools.scenario.relay import Relay
from babbitt_tools.scenario.trouble import Outages
from babbitt_tools.session import Session, node_settings
from babbitt_tools.vboard.board import VirtualBoard

SITE = "sim"
NODE_BYTES = 13_000_000  # resident memory of its process; measured, see docs/simulators.md
SHARE = 0.5  # of the free memory that nodes may take
LOOK_S = 1.0
JUDGED_S = 4.0


@dataclass(frozen=True, slots=True)
class Player:
    """One node at work."""

    role: Role
    board: VirtualBoard
    relay: Relay | None


def check_memory(nodes: int, free: int | None = None) -> None:
    """Raises ScenarioError when so many nodes do not fit into half of what memory is free (bytes; None: that of this PC)."""
    free = _free_bytes() if free is None else free
    most = int(free * SHARE / NODE_BYTES)
    if nodes > most:
        raise ScenarioError(
            f"{nodes} nodes take about {nodes * NODE_BYTES / 1e6:.0f} MB ({NODE_BYTES / 1e6:.0f} MB each), and {free / 1e6:.0f} MB are"
            f" free, of which they may take half: at most {most} nodes; ask for fewer, or end other programs"
        )


def _free_bytes() -> int:
    """Memory that is free or can be had at once."""
    try:
        with Path("/proc/meminfo").open() as file:
            for line in file:
                if line.startswith("MemAvailable:"):
                    return int(line.split()[1]) * 1024
    except OSError:
        pass
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2


class Fleet:
    """Boards on the broker of a host that is made for them, or on one that is there already.

    Args:
        roles: the nodes.
        speed: simulated seconds a real second, at most.
        broker: of a host that runs; None: an own host with an own broker, as the demo has them.
        folder: keep store and boards in it; None: a temporary one.

    Attributes: `players` by name; `session` of the own host, or None; `heard`.

    Raises:
        BoardError: a board that cannot be made, or a broker that does not answer.
    """

    def __init__(
        self, roles: Sequence[Role], speed: float, broker: BrokerAddress | None, folder: Path | None = None
    ) -> None:
        self._roles = roles
        self._speed = speed
        self._broker = broker
        self._counts: dict[str, dict[int, int]] = {role.node: {} for role in roles}
        self._looked = 0.0
        self.players: dict[str, Player] = {}
        self.session = Session(folder, SITE) if broker is None else None
        self._temporary = None if self.session or folder else tempfile.mkdtemp(prefix="babbitt-")
        self._folder = self.session.folder if self.session else Path(folder or self._temporary or "")

    def __enter__(self) -> Self:
        if self.session is not None:
            self.session.__enter__()
            self._broker = BrokerAddress(*self.session.host.address)
        assert self._broker is not None
        self.heard = Hearer(self._broker, SITE)
        try:
            if not self.heard.listening.wait(10):
                raise BoardError(
                    f"the broker {self._broker} does not answer; is the host running, and is this its address?"
                )
            for role in self._roles:
                self._add(role)
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End boards, relays, and what was started for them."""
        for player in self.players.values():
            player.board.stop()
        if self.session is not None:
            self.session.close()
        self.heard.close()
        for player in self.players.values():
            if player.relay is not None:
                player.relay.close()
        if self._temporary is not None:
            shutil.rmtree(self._temporary, ignore_errors=True)

    def step(self) -> None:
        """Let every trouble do what is due."""
        for player in self.players.values():
            for trouble in player.role.troubles:
                trouble.step(player.board)
        if time.monotonic() - self._looked > LOOK_S:
            self.look()

    def look(self) -> None:
        """Count what the nodes have numbered, as it is on their flash."""
        self._looked = time.monotonic()
        for name in self.players:
            newest = numbered(self._flash(name))
            if newest is not None:
                self._counts[name][newest[0]] = newest[1] + 1

    @property
    def over(self) -> bool:
        """Whether every node has lived to the end of its world."""
        ends = [(player.board.now_us, player.role.world.end_us) for player in self.players.values()]
        return all(end is not None and now >= end for now, end in ends)

    def errors(self) -> dict[str, str]:
        """Boards that ended by themselves, and why."""
        found = {}
        for name, player in self.players.items():
            if player.board.error is not None or not player.board.alive:
                found[name] = str(player.board.error or player.board.log_tail(3))
        return found

    def finish(self, timeout_s: float, wait: Callable[[float], None] = time.sleep) -> bool:
        """Heal all troubles, let time run at real speed, and wait until everything that was numbered is stored. False if that did not happen in
        time."""
        for player in self.players.values():
            for trouble in player.role.troubles:
                trouble.heal(player.board)
        end = time.monotonic() + timeout_s
        # At real speed a node that waits a minute before it tries again does: so first they all come back.
        while time.monotonic() < end and not all(self.told(n).online for n in self.players):
            wait(0.1)
        if self.session is not None:
            left = max(1.0, end - time.monotonic())
            whole = self.session.drain(left, wait, judged=False)
            self.session.drain(min(JUDGED_S, max(0.0, end - time.monotonic())), wait)
            return whole
        for player in self.players.values():
            player.board.set_speed(1.0)
        while time.monotonic() < end:
            self.look()
            if not any(one.pending for one in self.accounts()):
                return True
            wait(0.2)
        return False

    def told(self, node: str) -> Told:
        """What was heard of a node."""
        return self.heard.of(node)

    def sent(self, node: str) -> int:
        """Records it has numbered, as last looked at."""
        return sum(self._counts[node].values())

    def stored(self, node: str) -> int:
        """Records up to the host's watermark."""
        boot, seq = self.told(node).stored
        counts = self._counts[node]
        return sum(n for b, n in counts.items() if b < boot) + (seq + 1 if boot in counts else 0)

    def accounts(self) -> list[Account]:
        """What every node numbered against what the host has: by its ledger, or, of a host elsewhere, by what it told the node it has."""
        if self.session is not None:
            return self.session.accounts()
        found = []
        for name in self.players:
            sent, stored = self.sent(name), self.stored(name)
            lost = self.told(name).discarded
            found.append(Account(name, max(sent, stored), stored - lost, max(0, sent - stored), lost, 0))
        return found

    def _add(self, role: Role) -> None:
        assert self._broker is not None
        host, port = self._broker.host, self._broker.port
        outages = [one for one in role.troubles if isinstance(one, Outages)]
        relay = Relay((host, port)) if outages else None
        for one in outages:
            one.relay = relay
        through = (host, port) if relay is None else ("127.0.0.1", relay.port)
        if self.session is not None:
            board = self.session.add(role.node, role.world, role.config, self._speed, through=through)
        else:
            node = node_settings(SITE, role.node, *through)
            board = VirtualBoard(
                role.node,
                self._flash(role.node),
                role.world,
                node=node,
                config=role.config,
                speed=self._speed,
            )
            board.start()
        self.players[role.node] = Player(role, board, relay)

    def _flash(self, name: str) -> Path:
        return self._folder / "boards" / name
