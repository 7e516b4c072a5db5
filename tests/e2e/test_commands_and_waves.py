"""Commands from end to end: `babbitt command` to the real firmware, and the waveforms it takes in the host's store."""

from __future__ import annotations

import csv
import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from plant import SITE, START_MS, HostProcess, Plant, Tap, command, motor, said, until

from babbitt.acquisition.address import BrokerAddress
from babbitt.cli.command import Exchange, build
from babbitt.protocol.messages import Ack
from babbitt.protocol.waves import decode_chunk
from babbitt.store.waves import WaveShelf, WaveView
from babbitt_tools.vboard.world import COUNTS_PER_G, Fault

NAME = "motor-1"
HZ = 100.0
RATE = 3200.0


class Tone:
    """A world of one tone: `amplitude` g on x, half of it on y, gravity and a tenth on z. A new amplitude holds from the
    next burst on.
    """

    sensors = ("adxl345",)
    utc_start_ms = START_MS
    end_us = None

    def __init__(self) -> None:
        self.faults: dict[str, Fault] = {}
        self.amplitude = self._now = 1.0
        self._burst = -1

    def accel(self, burst_start_us: int, index: int, n: int, rate_hz: float) -> NDArray[np.int16]:
        if burst_start_us != self._burst:
            self._burst, self._now = burst_start_us, self.amplitude
        t = burst_start_us * 1e-6 + (index + np.arange(n)) / rate_hz
        wave = self._now * np.sin(2 * np.pi * HZ * t)
        counts = COUNTS_PER_G * np.column_stack([wave, wave / 2, 1 + wave / 10])
        return np.rint(counts).astype(np.int16)

    def temperature(self, t_us: int) -> float:
        raise LookupError("no thermometer")


Scene = tuple["Plant", "HostProcess", "Tone", "Line"]


class Line:
    """A line to a broker that lets `rate` bytes a second through towards it."""

    def __init__(self, port: int) -> None:
        self.rate = float("inf")
        self._broker = port
        self._door = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._door.getsockname()[1])
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with suppress(OSError):  # it is closed
            while True:
                inner, _ = self._door.accept()
                outer = socket.create_connection(("127.0.0.1", self._broker))
                for ends in ((inner, outer), (outer, inner)):
                    threading.Thread(target=self._pass, args=ends, daemon=True).start()

    def _pass(self, here: socket.socket, there: socket.socket) -> None:
        with suppress(OSError):
            while data := here.recv(1024):
                if there.getpeername()[1] == self._broker:
                    time.sleep(len(data) / self.rate)
                there.sendall(data)
        for end in (here, there):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self._door.close()


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    folder = tmp_path_factory.mktemp("commands")
    host = HostProcess(folder, "--listen", "127.0.0.1:0", "--no-web")
    host.start()
    plant = Plant(folder, host.store, host.port)
    world = Tone()
    config = motor("Motor 1", 10, hh=2_000_000, latch=True)
    config["sensors"][0] |= {"window": 512, "capture": 2048}
    config["checks"].append({"id": "y-odd", "type": "zscore", "channel": "vib.y.rms", "learn": 8})
    line = Line(host.port)
    broker = {"host": "127.0.0.1", "port": line.port, "keepalive_s": 5}
    try:
        plant.add(NAME, world, config, 50, broker=broker)
        plant.wait(lambda: plant.newest(NAME) >= (1, 1), 30)
        plant.delivered(NAME)
        yield plant, host, world, line
    finally:
        plant.close()
        line.close()
        host.stop()


def order(host: HostProcess, do: str, *what: str, **capture: Any) -> Ack:
    """The last ack of a command that is given as `babbitt command` gives it."""
    wanted = build(do, list(what), {"sensor": None, "axes": None, "samples": None} | capture)
    return Exchange(BrokerAddress.parse(host.address), SITE, NAME).run(wanted, 30).ack


def taken(host: HostProcess, before: int) -> list[WaveView]:
    """The waveforms in the store, newest first, once there are more than `before`."""
    return until(lambda: (views := WaveShelf(host.store).views())[before:] and views, 30)  # type: ignore[no-any-return]


def exported(host: HostProcess, wave: str, folder: Path) -> tuple[list[str], NDArray[np.float64]]:
    """Names of the columns and the numbers of an exported CSV."""
    path = folder / "wave.csv"
    command("waves", "export", wave, "--store", host.store, "--format", "csv", "--output", path)
    with path.open() as file:
        names = next(csv.reader(file))
        return names, np.loadtxt(file, delimiter=",")


def is_the_tone(x: NDArray[np.float64], rate: float, amplitude: float) -> None:
    """One window is the sine that the world played: its amplitude, and no sample further off than the sensor rounds."""
    t = np.arange(len(x)) / rate
    basis = np.column_stack([np.sin(2 * np.pi * HZ * t), np.cos(2 * np.pi * HZ * t), np.ones_like(t)])
    fit, *_ = np.linalg.lstsq(basis, x, rcond=None)
    assert np.hypot(fit[0], fit[1]) == pytest.approx(amplitude, abs=1 / COUNTS_PER_G)
    assert np.abs(x - basis @ fit).max() < 1.5 / COUNTS_PER_G  # at 3200 Hz the sensor gives even counts only


def test_a_waveform_by_command(scene: Scene, tmp_path: Path) -> None:
    plant, host, *_ = scene
    words = ("capture", "--axes", "xz", "--samples", 1500, "--broker", host.address)
    answer = said("command", SITE, NAME, *words)
    assert (answer["state"], answer["wave"], answer["boot"]) == ("done", "1-0", 1)
    assert len(taken(host, 0)) == 1
    (view,) = said("waves", "--store", host.store, "--site", SITE, "--node", NAME)
    assert (view["node"], view["sensor"], view["axes"], view["by"]) == (NAME, "vib", "xz", "command")
    assert (view["samples"], view["windows"], view["of"]) == (1500, 3, answer["id"])
    assert view["pre"] in (0, 512)
    assert view["rate_hz"] == pytest.approx(RATE, rel=0.005)
    names, table = exported(host, view["id"], tmp_path)
    assert names == ["time_s", "window", "x_g", "z_g"]
    assert table.shape == (1500, 4)
    for window in range(3):
        part = table[table[:, 1] == window]
        rate = 1 / np.diff(part[:, 0]).mean()
        assert rate == pytest.approx(RATE, rel=0.005)
        is_the_tone(part[:, 2], RATE, 1.0)
        is_the_tone(part[:, 3], RATE, 0.1)
        assert part[:, 3].mean() == pytest.approx(1.0, abs=0.02)
    until(lambda: plant.view(NAME).state["waves"] == {"kept": [], "dropped": 0}, 20)  # type: ignore[index]
    assert [e.to for e in plant.events(NAME, "command")] == ["taken", "done"]
    assert len(plant.events(NAME, "waveform")) == 1


def test_a_recorded_command_does_nothing_when_it_is_played_again(
    scene: Scene,
) -> None:
    host = scene[1]
    tap = Tap(host.port, f"babbitt/1/{SITE}/{NAME}/cmd")
    acks = Tap(host.port, f"babbitt/1/{SITE}/{NAME}/ack")
    try:
        assert order(host, "report").state == "done"
        topic, recorded = until(tap.first)
        assert json.loads(until(acks.first)[1])["state"] == "done"
        tap.send(topic, recorded)
        again = json.loads(until(acks.first)[1])
        assert (again["id"], again["state"], again["error"]) == (
            json.loads(recorded)["id"], "refused", "replayed",
        )  # fmt: skip
        kept = json.loads(recorded) | {"n": again["n"] + 1}
        tap.send(topic, kept | {"boot": 2})
        assert json.loads(until(acks.first)[1])["error"] == "replayed"
        tap.send(topic, b'{"id":"c-broken","n":')
        assert json.loads(until(acks.first)[1])["error"] == "bad_message"
        assert acks.rest() == []
    finally:
        tap.close()
        acks.close()
    wrong = order(host, "capture", sensor="none")
    assert (wrong.error, wrong.reason) == ("not_available", "sensor: there is no accelerometer none")


def test_a_waveform_by_alarm_begins_before_it(scene: Scene, tmp_path: Path) -> None:
    plant, host, world, _ = scene
    before = len(WaveShelf(host.store).views())
    world.amplitude = 4.0
    view = taken(host, before)[0]
    world.amplitude = 1.0
    assert (view.by, view.of, view.axes, view.samples) == ("check", "x-high", "xyz", 2048)
    assert view.pre == 512
    path = tmp_path / "wave.npz"
    command("waves", "export", view.id, "--store", host.store, "--format", "npz", "--output", path)
    found = np.load(path)
    first = found["window"] == 0
    is_the_tone(found["x"][first], RATE, 4.0)  # the very window that the check was alarmed by
    is_the_tone(found["y"][first], RATE, 2.0)
    (event,) = [e for e in plant.events(NAME, "x-high") if e.to == "HH"]
    rms = event.value
    assert rms == pytest.approx(found["x"][first].std(), rel=0.001)


def test_checks_are_released_and_learn_anew_and_another_recipe_runs(scene: Scene) -> None:
    plant, host, *_ = scene

    def states(check: str) -> list[str]:
        return [event.to for event in plant.events(NAME, check)]

    assert states("x-high") == ["HH"]  # long since back to 1 g, but latched
    assert order(host, "release", "x-high").checks == ["x-high"]
    plant.wait(lambda: states("x-high") == ["HH", "N"])
    assert order(host, "release").checks == []
    plant.wait(lambda: states("y-odd")[-1:] == ["N"])
    assert order(host, "relearn").checks == ["y-odd"]
    plant.wait(lambda: "learning" in states("y-odd"))
    assert order(host, "relearn", "nobody").error == "bad_message"
    assert order(host, "identify", "2").state == "done"
    assert order(host, "recipe", "7").state == "done"
    plant.wait(lambda: plant.rows(NAME)[-1][2] == 7)


def test_a_waveform_survives_a_break_of_the_link(scene: Scene) -> None:
    plant, host, _, line = scene
    board = plant.boards[NAME]
    before = len(WaveShelf(host.store).views())
    tap = Tap(host.port, f"babbitt/1/{SITE}/{NAME}/wave/+")
    births = Tap(host.port, f"babbitt/1/{SITE}/{NAME}/birth")
    try:
        until(births.first)  # the one the broker keeps
        line.rate = 30_000.0
        assert order(host, "capture", samples=16384).state == "done"
        first = until(tap.first)
        board.set_wifi(False)
        plant.wait(lambda: board.log_tail(5).count("broker_lost"), 20)
        assert len(WaveShelf(host.store).views()) == before  # in the midst of it
        board.set_wifi(True)
        line.rate = float("inf")
        view = taken(host, before)[0]
        assert until(births.first)
    finally:
        got = [first, *tap.rest()]
        tap.close()
        births.close()
    assert (view.samples, view.windows) == (16384, 32)
    parts = [decode_chunk(payload).part for _, payload in got]
    assert sorted(set(parts)) == list(range(33))
    assert parts.count(0) == 1
    assert len(parts) <= 34  # it went on where it was, and did not begin again


def test_a_waveform_survives_a_power_cut(scene: Scene) -> None:
    plant, host, _, line = scene
    before = len(WaveShelf(host.store).views())
    board = plant.boards[NAME]
    tap = Tap(host.port, f"babbitt/1/{SITE}/{NAME}/wave/+")
    line.rate = 30_000.0
    try:
        assert order(host, "capture", samples=8192).state == "done"
        first = until(tap.first)
    finally:
        board.kill()
        line.rate = float("inf")
        tap.close()
    assert len(WaveShelf(host.store).views()) == before  # in the midst of it
    board.start()
    view = taken(host, before)[0]
    assert view.id.endswith("-" + first[0].rpartition("/")[2])
    assert (view.samples, view.of[:2]) == (8192, "c-")
    plant.wait(lambda: (plant.view(NAME).birth or {}).get("boot") == 2)


def test_a_reboot_is_a_new_boot_with_its_cause(scene: Scene) -> None:
    plant, host, *_ = scene
    answer = said("command", SITE, NAME, "reboot", "--broker", host.address)
    assert (answer["state"], answer["boot"], answer["reset"]) == ("done", 3, "hard")
    plant.wait(lambda: (plant.view(NAME).birth or {}).get("boot") == 3)
    birth = plant.view(NAME).birth
    assert birth is not None
    assert birth["prev"]["clean"] is True
    assert order(host, "report").boot == 3
    plant.grown(NAME, 2)
    plant.ledger()
