"""Waveforms put together: any order, missing parts asked for, kept once whole, and the node told to forget them."""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from nodesim import INSTALL, Wire, birth, until
from nodesim import state as node_state

from babbitt.acquisition import waves
from babbitt.acquisition.waves import Waves
from babbitt.errors import StoreError
from babbitt.protocol.limits import SEQ_MAX
from babbitt.protocol.messages import Ack, Command, State, Topic, WaveInfo, decode_kind, encode
from babbitt.protocol.waves import Chunk, encode_chunk
from babbitt.service import Host
from babbitt.store.waves import WaveShelf

NODE = Topic("hall", "n1", "state")
SAMPLES = bytes(range(256)) * 24  # two parts


class Scene:
    """Waves with its own time; `sent` are the commands it gave."""

    def __init__(self, folder: Path) -> None:
        self.now = 1000.0
        self.sent: list[Command] = []
        self.shelf = WaveShelf(folder)
        self.fresh_start()

    def fresh_start(self) -> None:
        """As after a restart of the host."""
        self.waves = Waves(
            self.shelf, lambda site, node, command: self.sent.append(command), lambda: 5.0, lambda: self.now
        )

    def state(self, *kept: str, n: int = 4, **more: Any) -> None:
        told = {"cmd": n, "waves": {"kept": [[wave, 3] for wave in kept], "dropped": 0}}
        self.waves.state(NODE, msgspec.convert(node_state(**told, **more), State))

    def part(self, part: int, wave: int = 0, **more: Any) -> None:
        self.waves.chunk(Topic("hall", "n1", "wave", f"1-{wave}"), chunk(part, wave, **more))

    def after(self, seconds: float) -> list[Command]:
        """What was sent by then, taken off."""
        self.now += seconds
        self.waves.tick()
        sent, self.sent = self.sent, []
        return sent

    def answer(self, command: Command, state: str = "done", n: int = 0, **more: Any) -> None:
        self.waves.ack(NODE, Ack(INSTALL, 1, n or command.n, command.id, state, "wave", **more))


def chunk(part: int, wave: int = 0, samples: bytes = SAMPLES, parts: int = 3) -> Chunk:
    if part:
        body = samples[(part - 1) * 3072 : part * 3072]
    else:
        info = WaveInfo(
            INSTALL, f"1-{wave}", "vib", "xyz", "g", -6, 15625, 4, None, 0, "command", "c1", 0,
            [(1000, 1024, 3_200_000, 0, 0)], len(SAMPLES), zlib.crc32(SAMPLES),
        )  # fmt: skip
        body = encode(info)
    return Chunk(INSTALL, 1, wave, part, parts, body)


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path)


def whole(scene: Scene, wave: int = 0) -> bool:
    return scene.shelf.has("hall", "n1", INSTALL, f"1-{wave}")


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1), (0, 0, 2, 2, 1)])
def test_parts_in_any_order(scene: Scene, order: tuple[int, ...]) -> None:
    scene.state("1-0")
    for n, part in enumerate(order):
        assert not whole(scene), n
        scene.part(part)
    assert [view.id for view in scene.waves.fresh] == [f"hall/n1/{INSTALL}-1-0"]
    (done,) = scene.after(0)
    assert (done.cmd, done.wave, done.done, done.n, done.boot, done.i) == ("wave", "1-0", True, 5, 1, INSTALL)
    assert scene.after(5) == []  # one at a time
    scene.answer(done)
    assert scene.after(100) == []
    scene.part(1)  # sent twice: it is on disk
    assert scene.after(100) == []


def test_a_done_that_gets_lost_is_said_again(scene: Scene) -> None:
    scene.state("1-0")
    for part in range(3):
        scene.part(part)
    assert [c.done for c in scene.after(0)] == [True]
    assert [c.done for c in scene.after(waves.ANSWER_S)] == [True]
    scene.fresh_start()
    assert scene.after(100) == []  # nothing is known of the node
    scene.state("1-0", n=9)
    (done,) = scene.after(0)
    assert (done.done, done.n) == (True, 10)


def test_missing_parts_are_asked_for_with_growing_pauses(scene: Scene) -> None:
    scene.state("1-0")
    scene.part(0)
    scene.part(2)
    assert scene.after(waves.IDLE_S - 1) == []
    (ask,) = scene.after(1)
    assert (ask.cmd, ask.wave, ask.part, ask.done) == ("wave", "1-0", 1, False)
    scene.answer(ask)
    assert scene.after(2 * waves.IDLE_S - 1) == []
    (ask,) = scene.after(1)
    assert ask.part == 1
    scene.answer(ask)
    scene.part(1)
    assert whole(scene)


def test_one_that_never_came_is_asked_for_from_its_beginning(scene: Scene) -> None:
    scene.state("1-0", "1-1")
    first, second = scene.after(waves.IDLE_S), scene.after(waves.ANSWER_S)
    assert [(c.wave, c.part) for c in first + second] == [("1-0", 0), ("1-1", 0)]


def test_another_sender_was_faster(scene: Scene) -> None:
    scene.state("1-0", n=4)
    (ask,) = scene.after(waves.IDLE_S)
    assert ask.n == 5
    scene.answer(ask, "refused", n=8, error="replayed")
    scene.waves.ack(NODE, Ack(INSTALL, 1, 9, "c-other", "done", "report"))
    scene.waves.ack(NODE, Ack(INSTALL, 2, 99, "c-other", "done", "report"))  # of another boot
    (again,) = scene.after(2 * waves.IDLE_S)
    assert again.n == 10
    assert again.id != ask.id


def test_a_number_that_cannot_be_is_unlearnt(scene: Scene) -> None:
    scene.state("1-0", n=4)
    scene.waves.ack(NODE, Ack(INSTALL, 1, SEQ_MAX, "c-other", "done", "report"))
    (ask,) = scene.after(waves.IDLE_S)
    decode_kind("cmd", encode(ask))  # still a command
    scene.answer(ask, "refused", n=4, error="bad_message", reason="n: too far")
    scene.state("1-0", n=4)
    (again,) = scene.after(2 * waves.IDLE_S)
    assert again.n == 5


def test_a_waveform_the_node_dropped_is_forgotten(scene: Scene) -> None:
    scene.state("1-0")
    scene.part(0)
    scene.state()
    assert scene.after(1000) == []
    scene.state("1-0")
    for part in range(3):
        scene.part(part)
    (done,) = scene.after(0)
    scene.answer(done, "refused", error="not_available")
    assert scene.after(1000) == []


def test_a_new_boot_keeps_what_has_come(scene: Scene) -> None:
    scene.state("1-0")
    scene.part(0)
    scene.part(1)
    scene.state("1-0", boot=2, n=0)
    scene.part(2)
    assert whole(scene)
    (done,) = scene.after(0)
    assert (done.boot, done.n) == (2, 1)


def test_samples_that_do_not_fit_the_crc_are_asked_for_again(scene: Scene) -> None:
    scene.state("1-0")
    for attempt in range(waves.TRIES):
        for part in range(3):
            scene.part(part, samples=bytes(len(SAMPLES)))
        assert not whole(scene)
        asked = scene.after(waves.ANSWER_S)
        assert [c.part for c in asked] == ([0] if attempt < waves.TRIES - 1 else [])
    for part in range(3):
        scene.part(part)
    assert whole(scene)


def test_a_node_that_says_done_and_sends_nothing_is_not_asked_without_a_pause(scene: Scene) -> None:
    scene.state("1-0")
    for part in range(3):
        scene.part(part, samples=bytes(len(SAMPLES)))
    (ask,) = scene.after(0)
    scene.answer(ask)
    assert scene.after(waves.IDLE_S - 1) == []
    assert len(scene.after(1)) == 1


def test_a_full_disk_leaves_it_on_the_node(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise StoreError("the waveform cannot be written: No space left on device")

    scene.state("1-0")
    monkeypatch.setattr(scene.shelf, "save", full)
    for part in range(3):
        scene.part(part)
    assert scene.after(0) == []
    monkeypatch.undo()
    assert scene.after(waves.LONGEST_S - 1) == []
    (ask,) = scene.after(1)
    assert (ask.part, ask.done) == (0, False)
    scene.answer(ask)
    for part in range(3):
        scene.part(part)
    assert [c.done for c in scene.after(waves.ANSWER_S)] == [True]


def test_nodes_that_take_no_commands_get_none(scene: Scene) -> None:
    scene.waves.state(NODE, msgspec.convert(node_state(), State))
    scene.part(0)
    assert scene.after(1000) == []
    scene.state("1-0")
    scene.state("1-0", online=False)
    assert scene.after(1000) == []


def test_only_so_many_at_a_time(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waves, "OPEN_MAX", 1)
    scene.state("1-0", "1-1")
    scene.part(0, wave=1)
    for part in range(3):
        scene.part(part)
    assert whole(scene)
    scene.state("1-0", "1-1")  # its next state
    for part in range(3):
        scene.part(part, wave=1)
    assert whole(scene, 1)


def test_a_node_that_sends_more_than_it_keeps_is_not_followed(scene: Scene) -> None:
    scene.state()
    for n in range(100):
        scene.part(0, wave=n)
    asked = {scene.after(1000)[0].wave for _ in range(100)}
    assert len(asked) <= waves.KEPT_MAX


def test_a_damaged_part_is_named_and_disturbs_nothing(host: Host, wire: Wire) -> None:
    wire.send("birth", birth())
    wire.send("state", node_state(cmd=0, waves={"kept": [["1-0", 3]], "dropped": 0}))
    wire.send("wave/1-0", encode_chunk(chunk(1))[:-1] + b"?")
    for part in (0, 1, 2):
        wire.send("wave/1-0", encode_chunk(chunk(part)))
    wire.send("ack", {"i": INSTALL, "boot": 1, "n": 1, "id": "c-1", "cmd": "reboot", "state": "refused", "error": "busy",
                      "reason": "later"})  # fmt: skip
    node = wire.root.split("/")[3]
    shelf = WaveShelf(host.store_path)
    until(lambda: len(shelf.views(node=node)) == 1)
    until(lambda: len(host.reader.events(node=node)) == 2)
    texts = {event.check: (event.to, event.sev, event.text) for event in host.reader.events(node=node)}
    assert texts["command"] == ("refused", 1, "The node refused: reboot (c-1): busy: later")
    assert texts["waveform"][2].startswith(f"Waveform hall/{node}/{INSTALL}-1-0: 1024 samples of vib")
    (refused,) = [one for one in host.reader.quarantine() if node in one.topic]
    assert "CRC is wrong" in refused.reason
    assert np.array_equal(
        shelf.load(f"hall/{node}/{INSTALL}-1-0").g[:, 1] * 256, np.frombuffer(SAMPLES, "<i2")[1024:2048]
    )
