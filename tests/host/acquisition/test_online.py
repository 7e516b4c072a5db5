"""Who is there: what the host says of nodes that come and go."""

from __future__ import annotations

import socket
from pathlib import Path

from nodesim import Wire, birth, state, until

from babbitt.service import Host
from babbitt.store.reader import StoreReader


def test_going_and_coming_back_are_events_and_a_host_that_starts_believes_nobody(
    broker_port: int, tmp_path: Path
) -> None:
    store = tmp_path / "store"
    wire = Wire(broker_port, "lathe", "north")
    with Host(store, broker=f"127.0.0.1:{broker_port}", kinds={}):
        reader = StoreReader(store)
        wire.send("birth", birth())
        wire.send("state", state())
        until(lambda: reader.nodes() and reader.nodes()[0].online)
        assert reader.events() == []
        wire.send("state", {"online": False})
        until(lambda: not reader.nodes()[0].online)
        wire.send("state", state())
        until(lambda: reader.nodes()[0].online)
        said = [(e.check, e.came_from, e.to, e.sev) for e in reader.events()]
        assert said == [("online", "offline", "online", 0), ("online", "online", "offline", 1)]
        wire.send("state", b"")  # nothing retained for the next host to hear
        until(lambda: reader.quarantine_total() == 1)
        reader.close()
    wire.close()
    with Host(store, broker=f"127.0.0.1:{broker_port}", kinds={}):
        reader = StoreReader(store)
        assert [n.online for n in reader.nodes()] == [False]
        reader.close()


def test_a_node_that_sleeps_is_not_lost_until_it_stays_away(broker_port: int, tmp_path: Path) -> None:
    store = tmp_path / "store"
    wire = Wire(broker_port, "lathe", "east")
    now = [1_789_000_000.0]
    asleep = {"online": False, "asleep": True, "every": 600}

    def links() -> list[tuple[bool, bool]]:
        return [(n.online, n.asleep) for n in reader.nodes() if n.site == "east"]

    with Host(store, broker=f"127.0.0.1:{broker_port}", kinds={}, clock=lambda: now[0]):
        reader = StoreReader(store)
        for _ in range(2):
            wire.send("birth", birth())
            wire.send("state", state())
            until(lambda: links() == [(True, False)])
            wire.send("state", asleep)
            until(lambda: links() == [(False, True)])
        now[0] += 1700
        wire.send("state", asleep)  # what the broker kept, after a break of the connection: no new sleep
        wire.send("reported", {"i": "9f3a01bc"})
        until(lambda: reader.quarantine_total() == 1)
        assert (links(), reader.events("east")) == ([(False, True)], [])
        now[0] += 110
        until(lambda: links() == [(False, False)])
        wire.send("state", asleep)
        wire.send("reported", {"i": "9f3a01bc"})
        until(lambda: reader.quarantine_total() == 2)
        assert links() == [(False, False)]
        wire.send("birth", birth())
        wire.send("state", state())
        until(lambda: links() == [(True, False)])
        said = [(e.check, e.came_from, e.to, e.sev) for e in reader.events("east")]
        assert said == [("online", "offline", "online", 0), ("online", "asleep", "offline", 1)]
        wire.send("state", asleep)
        until(lambda: links() == [(False, True)])
        reader.close()
    with Host(store, broker=f"127.0.0.1:{broker_port}", kinds={}, clock=lambda: now[0]):
        reader = StoreReader(store)
        assert links() == [(False, True)]  # a host that starts waits anew
        began = now[0]

        def lost_later() -> bool:
            now[0] += 60
            return links() == [(False, False)]

        until(lost_later)
        assert now[0] - began > 1800
        assert [e.to for e in reader.events("east")] == ["offline", "online", "offline"]
        reader.close()
    wire.send("state", b"")
    wire.close()


def test_a_host_whose_broker_is_not_there_says_so(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:  # accepts, and never speaks MQTT
        port = silent.getsockname()[1]
        with Host(tmp_path / "store", broker=f"127.0.0.1:{port}", kinds={}) as host:
            assert not host.listening(0.3)
