"""A node that crashed says so with its next birth, once."""

from __future__ import annotations

import json
from contextlib import ExitStack
from typing import Any

from plant import SITE, Plant, Tap, motor, well

NAME = "motor-1"


def test_a_crash_is_told_in_the_next_birth_and_only_there(
    make_host: Any, make_plant: Any, ending: ExitStack
) -> None:
    host = make_host("--no-web", "--listen", "127.0.0.1:0")
    plant: Plant = make_plant(host.port)
    tap = Tap(host.port, f"babbitt/1/{SITE}/{NAME}/birth")
    ending.callback(tap.close)
    board = plant.add(NAME, well(), motor("Motor 1"), 600)
    plant.grown(NAME, 2)
    board.kill()
    node = plant.flash(NAME) / "node.json"
    sound = node.read_text()
    node.write_text(json.dumps({**json.loads(sound), "spool_bytes": 7}))
    board.start()
    crash = plant.flash(NAME) / "crash.txt"
    plant.wait(crash.exists)
    plant.wait(lambda: "spool_bytes" in crash.read_text())
    node.write_text(sound)  # the board restarts by itself, 30 s after every crash
    plant.wait(lambda: not crash.exists(), 40)
    board.kill()
    board.start()
    plant.grown(NAME, 2)
    told = [json.loads(payload)["crash"] for _, payload in tap.rest()]
    assert (told[0], told[-1]) == (None, None)
    said = [line for line in told if line]
    assert said
    assert all("config_invalid" in line for line in said)
    assert all("spool_bytes" in line for line in said)
    assert "spool_bytes" in (plant.flash(NAME) / "crash.told.txt").read_text()
    assert "Traceback" in (plant.flash(NAME) / "crash.told.txt").read_text()
