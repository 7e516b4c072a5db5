"""`babbitt node sim` as a user runs it: three nodes of a file, on the broker of a host that runs; what is true of them comes out there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from plant import command, said

from babbitt.health.bearings import bearing
from babbitt.store.reader import StoreReader

pytestmark = pytest.mark.part("micropython")

FILE = """
seed = 11
speed = 2000
hours = 1.75

[[nodes]]
scenario = "bearing_wear"
name = "pump"
interval_s = 60
[nodes.bearing_wear]
part = "inner race"
onset_h = 0.6
life_h = 0.9

[[nodes]]
scenario = "cold_room"
name = "freezer"
interval_s = 120
[nodes.cold_room]
fade_start_h = 0.05
fade_h = 0.2

[[nodes]]
scenario = ["healthy", "flaky_wifi"]
name = "fan"
interval_s = 60
[nodes.flaky_wifi]
every_h = 0.4
outage_s = 0.5
"""


def test_three_nodes_tell_a_host_what_is_true_and_lose_nothing(tmp_path: Path, make_host: Any) -> None:
    (tmp_path / "plant.toml").write_text(FILE)
    host = make_host("--listen", "127.0.0.1:0", "--no-web")
    done = command(
        "node", "sim", "--file", tmp_path / "plant.toml", "--broker", host.address, "--json", timeout=120
    )
    answer = json.loads(done.stdout)
    assert (answer["seed"], answer["ok"]) == (11, True)
    nodes = {node["node"]: node for node in answer["nodes"]}
    assert list(nodes) == ["pump", "freezer", "fan"]
    assert nodes["fan"]["reconnects"] >= 1
    assert nodes["pump"]["reconnects"] == nodes["freezer"]["reconnects"] == 0
    for node in nodes.values():
        account = node["account"]
        assert account["sent"] == account["stored"] > 50
        assert (account["lost"], account["pending"], node["boots"], node["faults"]) == (0, 0, 1, [])

    rows = {row["node"]: row for row in said("ledger", "--store", host.store)["rows"]}
    for name, node in nodes.items():
        assert rows[name]["received"] == node["account"]["stored"]
        assert (rows[name]["missing"], rows[name]["state"]) == (0, "complete")

    reader = StoreReader(host.store)
    try:
        warned = {
            name: {(e.origin, e.check) for e in reader.events("sim", name, 1000) if e.sev > 0}
            for name in nodes
        }
        _, strongest = reader.series("sim", "pump", "vib.x.envfreq1", 0, 2**53, 10_000)
        _, velocity = reader.series("sim", "fan", "vib.x.velocity", 0, 2**53, 10_000)
        _, air = reader.series("sim", "freezer", "temp.mean", 0, 2**53, 10_000)
    finally:
        reader.close()
        host.stop()
    # The inner race: lines at its frequency and at the shaft's around it, of which each may be the strongest.
    shaft_hz = 1500 / 60
    lines = [bearing("6205").inner * shaft_hz + k * shaft_hz for k in (-1, 0, 1)] + [shaft_hz, 2 * shaft_hz]
    late = strongest[-20:]
    assert np.abs(late[:, None] - np.array(lines)).min(axis=1).max() < 2
    assert np.abs(strongest[:30, None] - np.array(lines)).min(axis=1).mean() > 2  # a sound bearing has none
    assert ("node", "x-env-usual") in warned["pump"]
    assert ("node", "temp-limit") in warned["freezer"]
    assert air[0] < -20 < -18 < air[-1]
    assert {origin for origin, _ in warned["fan"]} <= {"host"}
    assert 0.5 < float(np.mean(velocity)) < 2


def test_what_cannot_be_played_is_said_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "plant.toml").write_text('[[nodes]]\nscenario = "rust"\n')
    done = command("node", "sim", "--file", tmp_path / "plant.toml", code=1)
    assert done.stdout == ""
    assert f"babbitt: {tmp_path / 'plant.toml'}: nodes[0].scenario: 'rust' is no scenario" in done.stderr
    assert len(done.stderr.splitlines()) == 1, done.stderr
    done = command("node", "sim", "2", "--file", tmp_path / "plant.toml", code=2)
    assert "a file says itself how many nodes play what" in " ".join(done.stderr.split())
