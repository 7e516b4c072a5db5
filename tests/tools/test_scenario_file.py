"""The file of a scenario: what it means, and that what is wrong is said with its file, its key and what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from babbitt_node.config import validate
from babbitt_tools.errors import ScenarioError
from babbitt_tools.scenario.cast import cast, morning_before, seed_of
from babbitt_tools.scenario.file import CAN, SCENARIOS, load, of_names, understand
from babbitt_tools.scenario.fleet import NODE_BYTES, check_memory
from babbitt_tools.scenario.trouble import SHOWN, Failing, _outages
from babbitt_tools.vboard.flash import virtual_board
from babbitt_tools.vboard.world import check_fault

BUSES = {name: bus["type"] for name, bus in virtual_board()["babbitt"]["buses"].items()}
START_MS = 1_789_000_000_000


def test_a_file_says_who_plays_what(tmp_path: Path) -> None:
    path = tmp_path / "plant.toml"
    path.write_text(
        'seed = 7\nspeed = 50\nhours = 3\n[[nodes]]\nscenario = "healthy"\ncount = 2\nname = "fan"\n'
        '[[nodes]]\nscenario = ["bearing_wear", "flaky_wifi"]\n[nodes.bearing_wear]\npart = "ball"\nlife_h = 2\n'
    )
    said = load(path)
    assert (said.seed, said.speed, said.hours) == (7, 50, 3)
    assert [name for name, _ in said.named] == ["fan-1", "fan-2", "bearing-wear-flaky-wifi"]
    roles = cast(said, START_MS)
    assert [role.scenario for role in roles] == ["healthy", "healthy", "bearing_wear+flaky_wifi"]
    assert roles[0].truth == ("nothing is wrong with it",)
    assert roles[2].fault_hz == pytest.approx(25 * 39.04 / 7.94 * (1 - (7.94 / 39.04) ** 2))
    assert roles[2].failure_ms == START_MS + 6 * 3_600_000
    assert {role.world.end_us for role in roles} == {3 * 3_600_000_000}


NODE = '[[nodes]]\nscenario = "bearing_wear"\n'


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("seed = ", "is no TOML"),
        ("seed = 1", "nodes: is missing; give [[nodes]] tables"),
        ("nodes = []", "nodes: expected `array` of length >= 1"),
        ("[[nodes]]\ncount = 2", "nodes[0].scenario: is missing; give healthy, bearing_wear"),
        ('[[nodes]]\nscenario = "rust"', "nodes[0].scenario: 'rust' is no scenario; there are healthy,"),
        ('[[nodes]]\nscenario = ["healthy", "cold_room"]', "nodes[0].scenario: ['healthy', 'cold_room'] cannot be played by one"),
        (f"sped = 3\n{NODE}", "sped: there is no such key; there are nodes, seed, speed, hours"),
        (f"speed = 0\n{NODE}", "speed: expected `float` >= 0.01"),
        (f"{NODE}cont = 3", "nodes[0].cont: there is no such key; there are scenario, count, name"),
        (f"{NODE}[nodes.bearing_wear]\nlief_h = 3", "nodes[0].bearing_wear.lief_h: there is no such key; there are part, bearing,"),
        (f"{NODE}[nodes.bearing_wear]\nlife_h = 0", "nodes[0].bearing_wear.life_h: expected `float` > 0"),
        (f'{NODE}[nodes.bearing_wear]\npart = "cage"', "nodes[0].bearing_wear.part: invalid enum value 'cage'"),
        (f'{NODE}[nodes.bearing_wear]\nbearing = "9999"', "nodes[0].bearing_wear.bearing: '9999' is not in the catalogue"),
        (f"{NODE}[nodes.cold_room]\nfade_h = 3", "nodes[0].cold_room: this node does not play it; add it to `scenario`"),
        (f'{NODE}name = "Pump 7"', "nodes[0].name: expected `str` matching"),
        (f'{NODE}name = "a"\n{NODE}name = "a"\n{NODE}name = "a-1"', "two of them would be called a-1"),
        ('[[nodes]]\nscenario = "sensor_faults"\n[nodes.sensor_faults]\nfaults = ["crc"]', "the sensor of healthy cannot be 'crc'"),
        ('[[nodes]]\nscenario = "sensor_faults"\n[nodes.sensor_faults]\nfor_h = 3', "sensor_faults.for_h: longer than every_h"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_with_file_key_and_what_to_do(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "plant.toml"
    path.write_text(text)
    with pytest.raises(ScenarioError) as caught:
        load(path)
    assert str(caught.value).startswith(str(path))
    assert words in str(caught.value)
    assert "\n" not in str(caught.value).replace(text, "")


def test_a_file_that_is_not_there_or_no_text(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match=r"plant.toml is not there; docs/simulators.md shows"):
        load(tmp_path / "plant.toml")
    (tmp_path / "x.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(ScenarioError, match="no text in UTF-8"):
        load(tmp_path / "x.toml")


def test_names_of_the_command_line_take_turns() -> None:
    said = of_names(["healthy", "cold_room+clock_jump"], 3, 1, 600)
    assert [name for name, _ in said.named] == ["healthy-1", "cold-room-clock-jump", "healthy-2"]
    with pytest.raises(ScenarioError, match=r"--scenario: nodes\[0\].scenario: 'x' is no scenario"):
        of_names(["x"], 1, 1, 600)


def test_every_scenario_is_a_node_that_can_be() -> None:
    for role in cast(of_names(list(SCENARIOS), len(SCENARIOS), 1, 600), START_MS):
        assert validate(dict(role.config), BUSES)["asset"]["name"] == role.node
        assert role.truth
    for is_room, device in ((False, "adxl345"), (True, "ds18b20")):
        assert tuple(SHOWN[device]) == CAN[is_room]
        for shown, _ in SHOWN[device].values():
            if shown is not None:
                check_fault(device, shown)


def test_the_seed_of_a_node_is_that_of_its_name() -> None:
    assert seed_of(1, "a") == seed_of(1, "a") != seed_of(2, "a")
    alone = cast(of_names(["healthy"], 1, 5, 600), START_MS)[0]
    among = cast(of_names(["healthy", "cold_room"], 2, 5, 600), START_MS)[0]
    assert (alone.world.accel(0, 0, 64, 3200.0) == among.world.accel(0, 0, 64, 3200.0)).all()


def test_troubles_come_when_the_seed_says() -> None:
    part = understand({"nodes": [{"scenario": "flaky_wifi"}]}, "x").nodes[0].part("flaky_wifi")
    first, again, other = (_outages(part, seed) for seed in (1, 1, 2))
    drawn = [next(first) for _ in range(400)]
    assert drawn == [next(again) for _ in range(400)]
    assert drawn[0] != next(other)
    assert drawn[-1][0] / 400 / 3.6e9 == pytest.approx(1.0, rel=0.15)
    assert all(1.0 <= length <= 3.0 for _, length in drawn)

    faults = understand({"nodes": [{"scenario": "sensor_faults"}]}, "x").nodes[0].part("sensor_faults")
    failing = Failing(faults, "adxl345", None)
    at = [failing.at(round(hour * 3.6e9)) for hour in (0.9, 1.0, 1.49, 1.5, 2.1, 6.1, 7.1)]
    assert at == [None, "disconnected", "disconnected", None, "stuck", "spikes", "disconnected"]


def test_a_run_begins_in_the_morning_of_the_day_before() -> None:
    assert morning_before(1_789_003_723) % 86_400_000 == 6 * 3_600_000
    assert 0 < 1_789_003_723_000 - morning_before(1_789_003_723) < 2 * 86_400_000


def test_more_nodes_than_fit_are_refused_with_how_many_do() -> None:
    check_memory(10, 20 * NODE_BYTES)
    with pytest.raises(ScenarioError, match=r"11 nodes take about 143 MB \(13 MB each\).*at most 10 nodes"):
        check_memory(11, 20 * NODE_BYTES)
