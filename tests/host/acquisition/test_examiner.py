"""The running host examines waveforms by itself: those that come, and those that lay there when it started."""

from __future__ import annotations

import os
import signal
import sys
import time
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from nodesim import INSTALL, Wire, birth
from nodesim import state as node_state

from babbitt.protocol.messages import WaveInfo, encode
from babbitt.protocol.waves import Chunk, encode_chunk
from babbitt.service import Host
from babbitt.settings import MachinePart
from babbitt.store.diagnoses import DiagnosisShelf
from babbitt.store.waves import WaveShelf
from babbitt.store.writer import StoreWriter

sys.path.insert(0, str(Path(__file__).parents[1] / "health"))

from machines import RATE, SHAFT, knocks

BODY = 3072
MACHINES = {"hall/n1": MachinePart(rpm=60 * SHAFT, bearing="6205")}


def waited(what: Any, seconds: float = 60) -> Any:
    end = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)
    return found


def waveform(n: int, order: float = 3.5848) -> tuple[WaveInfo, bytes]:
    """A bearing with a defect, in four windows of one axis."""
    raw = np.round(knocks(order, seed=n + 1)[: 4 * 4096] * 1000).astype("<i2").tobytes()
    windows = [(5000 + 1300 * k, 4096, round(RATE * 1000), 0, 0) for k in range(4)]
    info = WaveInfo(
        INSTALL,
        f"1-{n}",
        "vib",
        "x",
        "g",
        -3,
        1,
        1,
        None,
        0,
        "command",
        "c1",
        0,
        windows,
        len(raw),
        zlib.crc32(raw),
    )
    return info, raw


def send(wire: Wire, info: WaveInfo, raw: bytes) -> None:
    """As a node sends it."""
    parts = 1 + -(-len(raw) // BODY)
    wire.send("state", node_state(cmd=0, waves={"kept": [[info.id, parts]], "dropped": 0}))
    bodies = [encode(info), *(raw[at : at + BODY] for at in range(0, len(raw), BODY))]
    for part, body in enumerate(bodies):
        wire.send(f"wave/{info.id}", encode_chunk(Chunk(INSTALL, 1, int(info.id[2:]), part, parts, body)))


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "store"


def host(store: Path, machines: dict[str, MachinePart] | None = None, **more: Any) -> Host:
    return Host(
        store, broker_listen="127.0.0.1:0", machines=MACHINES if machines is None else machines, **more
    )


def known(store: Path) -> None:
    """A store that has heard the node."""
    writer = StoreWriter(store)
    with writer.transaction():
        writer.node("hall", "n1")
    writer.close()


def told(running: Host) -> list[str]:
    return [event.to for event in reversed(running.reader.events()) if event.check == "cause"]


def test_what_comes_is_examined_and_a_damaged_one_stops_nothing(store: Path) -> None:
    kept = DiagnosisShelf(store)
    with host(store) as running:
        wire = Wire(running.address[1])
        wire.send("birth", birth())
        send(wire, *waveform(0))
        (one,) = waited(lambda: [d for d in kept.newest("hall", "n1") if d.state != "begun"])
        assert (one.wave, one.words) == (f"hall/n1/{INSTALL}-1-0", "outer race of bearing 6205")
        assert told(running) == ["outer race of bearing 6205"]
        waited(lambda: running.vitals().examined == 1)
        damaged = WaveShelf(store)._named(one.wave).with_name(f"{INSTALL}-1-7.wave")
        damaged.write_bytes(WaveShelf(store)._named(one.wave).read_bytes()[:-40])
        send(wire, *waveform(1, order=5.4152))
        waited(lambda: running.vitals().examined == 3)
        wire.close()
        assert running.vitals().unexamined == 1
        assert told(running) == ["outer race of bearing 6205", "inner race of bearing 6205"]
        failures = [e for e in running.reader.events() if e.check == "examination"]
        assert [e.sev for e in failures] == [1]
        assert running.examiner.pid is None


def test_a_host_that_starts_examines_what_was_not_and_what_could_not_be(store: Path) -> None:
    kept, shelf = DiagnosisShelf(store), WaveShelf(store)
    known(store)
    for n in range(2):
        shelf.save("hall", "n1", *waveform(n), 1000 + n)
    with host(store, analysis=False):
        time.sleep(2.5)  # a host that judges nothing examines nothing
    assert len(kept.missing()) == 2
    with host(store, machines={}) as running:
        waited(lambda: len(kept.known()) == 2 and all(one.state == "not examined" for one in kept.known()))
        assert told(running) == []
    with host(store) as running:
        waited(lambda: [one.state for one in kept.known()] == ["named", "named"])
        waited(lambda: told(running) == ["outer race of bearing 6205"])
        made = [one.made for one in kept.known()]
        waited(lambda: running.vitals().examined == 2)
    with host(store) as running:
        time.sleep(2.5)
        assert running.vitals().examined == 0
    assert [one.made for one in kept.known()] == made


def test_an_examination_that_is_cut_short_is_begun_again(store: Path) -> None:
    """The process is killed in the midst of it: it goes on with what was begun and what was not."""
    kept, shelf = DiagnosisShelf(store), WaveShelf(store)
    known(store)
    for n in range(12):
        shelf.save("hall", "n1", *waveform(n), 1000 + n)
    with host(store) as running:
        waited(lambda: len(kept.missing()) < 12)
        pid = running.examiner.pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        waited(lambda: running.examiner.pid != pid)
        assert len([one for one in kept.known() if one.state == "named"]) < 12
        waited(lambda: [one.state for one in kept.known()] == ["named"] * 12)
        assert told(running) == ["outer race of bearing 6205"]
        waited(lambda: running.vitals().examined == 12)
        assert running.vitals().unexamined == 0
