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
        until(lambda: reader.rejected_total() == 1)
        reader.close()
    wire.close()
    with Host(store, broker=f"127.0.0.1:{broker_port}", kinds={}):
        reader = StoreReader(store)
        assert [n.online for n in reader.nodes()] == [False]
        reader.close()


def test_a_host_whose_broker_is_not_there_says_so(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:  # accepts, and never speaks MQTT
        port = silent.getsockname()[1]
        with Host(tmp_path / "store", broker=f"127.0.0.1:{port}", kinds={}) as host:
            assert not host.listening(0.3)
