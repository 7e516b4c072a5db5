"""A configuration and a network are on trial until the broker was reached with them; what does not reach it is rolled back."""

from __future__ import annotations

import json
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from plant import SITE, Plant, Tap, motor, until, well

from babbitt_tools.vboard.board import VirtualBoard
from babbitt_tools.vboard.flash import firmware

NAME = "motor-1"
SECRET = "the wrong secret"


class Answers:
    """Everything a node says on `reported`, in order."""

    def __init__(self, plant: Plant, ending: ExitStack) -> None:
        self.tap = Tap(plant.port, f"babbitt/1/{SITE}/{NAME}/reported")
        ending.callback(self.tap.close)
        self.raw: list[bytes] = []

    def of(self, version: int) -> list[str]:
        """The states of a version so far, each once, in order."""
        self.raw += [payload for _, payload in self.tap.rest()]
        states = [doc["state"] for doc in map(json.loads, self.raw) if doc["version"] == version]
        return list(dict.fromkeys(states))


def begin(make_host: Any, make_plant: Any, ending: ExitStack) -> tuple[Plant, Answers]:
    host = make_host("--no-web", "--listen", "127.0.0.1:0")
    plant: Plant = make_plant(host.port)
    plant.add(NAME, well(), motor("Motor 1"), 200)
    plant.grown(NAME, 3)
    return plant, Answers(plant, ending)


def send(plant: Plant, answers: Answers, version: int, **document: Any) -> None:
    topic = f"babbitt/1/{SITE}/{NAME}/desired"
    answers.tap.send(topic, {"version": version, **document}, retain=True)


def kept(plant: Plant) -> dict[str, bytes]:
    """The files of settings on the flash."""
    return {path.name: path.read_bytes() for path in plant.flash(NAME).glob("*.json")}


def test_a_configuration_is_confirmed_when_the_host_has_a_record_of_it(
    make_host: Any, make_plant: Any, ending: ExitStack
) -> None:
    plant, answers = begin(make_host, make_plant, ending)
    send(plant, answers, 5, config=motor("Motor 1", 20))
    plant.wait(lambda: answers.of(5) == ["trial", "applied"])
    assert not {"trial.json", "trial.state.json"} & set(kept(plant))
    assert json.loads(kept(plant)["config.json"])["version"] == 5
    plant.grown(NAME, 2)
    plant.boards[NAME].kill()
    plant.boards[NAME].start()
    plant.grown(NAME, 2)
    assert answers.of(5) == ["trial", "applied"]
    assert (plant.view(NAME).birth or {})["config"]["version"] == 5


def test_what_does_not_start_is_rolled_back_by_the_third_start(
    make_host: Any, make_plant: Any, ending: ExitStack
) -> None:
    """The power goes before the trial could be confirmed, time and again: the radio is away."""
    plant, answers = begin(make_host, make_plant, ending)
    board = plant.boards[NAME]
    plant.boards[NAME].set_speed(1)
    send(plant, answers, 5, config=motor("Motor 1", 20))
    plant.wait(lambda: "trial.state.json" in kept(plant))
    board.kill()
    board.set_wifi(False)
    board.set_speed(20)
    last = plant.newest(NAME)

    def failures() -> int:
        return board.log_tail(100_000).count("publisher: network_down")

    for boots in (1, 2):
        if json.loads(kept(plant)["trial.state.json"])[0]["boots"] < boots:
            before = failures()
            board.start()
            plant.wait(lambda boots=boots: json.loads(kept(plant)["trial.state.json"])[0]["boots"] == boots)
            plant.wait(lambda before=before: failures() > before)
            assert plant.newest(NAME) == last, "rows that nobody was told the meaning of"
            board.kill()
    board.set_wifi(True)
    board.start()
    plant.wait(lambda: "rolled_back" in answers.of(5))
    assert "applied" not in answers.of(5)
    plant.grown(NAME, 1, 60)
    assert (plant.view(NAME).birth or {})["interval"] == 10


def test_a_wrong_wifi_password_strands_no_node(make_host: Any, make_plant: Any, ending: ExitStack) -> None:
    plant, answers = begin(make_host, make_plant, ending)
    before = json.loads(kept(plant)["node.json"])
    send(plant, answers, 6, network={"wifi": {"ssid": "hall", "password": SECRET}})
    plant.wait(lambda: answers.of(6) == ["trial", "rolled_back"], 60)
    assert json.loads(kept(plant)["node.json"]) == before
    plant.grown(NAME, 3)
    # The retained document comes again with the next connection, and is not tried again.
    plant.boards[NAME].kill()
    plant.boards[NAME].start()
    plant.grown(NAME, 3)
    assert answers.of(6) == ["trial", "rolled_back"]
    assert all(SECRET.encode() not in raw for raw in answers.raw)
    assert SECRET not in plant.boards[NAME].log_tail(10_000)
    assert [row["missing"] for row in plant.ledger()] == [0] * len(plant.ledger())

    # The same way, to a place that answers: another name for the same PC.
    send(plant, answers, 7, network={"broker": {"host": "localhost", "port": plant.port}})
    plant.wait(lambda: answers.of(7) == ["trial", "applied"], 60)
    assert json.loads(kept(plant)["node.json"])["broker"]["host"] == "localhost"
    assert json.loads(kept(plant)["node.json"])["wifi"] == before["wifi"]
    plant.grown(NAME, 3)
    until(lambda: "trial.json" not in kept(plant))


def test_a_configuration_that_crashes_every_start_is_rolled_back_by_the_node_alone(
    make_host: Any, make_plant: Any, ending: ExitStack, tmp_path: Path
) -> None:
    host = make_host("--no-web", "--listen", "127.0.0.1:0")
    plant: Plant = make_plant(host.port)
    story = (firmware()[1] / "main.py").read_text()
    defect = "node = Node(board)\n        if node.settled[1] == 5 and node.settled[4]: raise MemoryError('a defect')"
    assert "node = Node(board)" in story
    image = tmp_path / "image"
    image.mkdir()
    (image / "main.py").write_text(story.replace("node = Node(board)", defect))
    wifi, broker = {"ssid": "hall", "password": "virtual"}, {"host": "127.0.0.1", "port": plant.port}
    settings = {"site": SITE, "node": NAME, "wifi": wifi, "broker": broker}
    board = VirtualBoard(
        NAME, plant.flash(NAME), well(), node=settings, config=motor("Motor 1"), speed=1, image=image
    )
    plant.boards[NAME] = board
    board.start()
    plant.grown(NAME, 1)
    answers = Answers(plant, ending)
    births = Tap(plant.port, f"babbitt/1/{SITE}/{NAME}/birth")
    ending.callback(births.close)
    send(plant, answers, 5, config=motor("Motor 1", 20))
    plant.wait(lambda: "trial.state.json" in kept(plant))
    board.kill()
    board.set_speed(200)
    board.start()  # and nobody touches it any more
    plant.wait(lambda: "rolled_back" in answers.of(5), 60)
    assert "applied" not in answers.of(5)
    plant.grown(NAME, 3)
    birth = plant.view(NAME).birth or {}
    assert (birth["interval"], birth["boot"]) == (10, 4), "two starts on trial, then back"
    assert "a defect" in birth["crash"]
