"""docs/simulators.md against the simulators: keys with defaults, faults, constants, and an example that is a scenario."""

from __future__ import annotations

import json
import re
import tomllib

import msgspec
import pytest
from pages import blocks, code, section, tables, text

from babbitt_tools.scenario import file
from babbitt_tools.scenario.cast import VELOCITY_H, VELOCITY_HH
from babbitt_tools.scenario.fleet import NODE_BYTES
from babbitt_tools.scenario.trouble import SHOWN
from babbitt_tools.sim import machine
from babbitt_tools.sim.coldroom import Building
from babbitt_tools.sim.sensor import MOMENT_US

PAGE = text("simulators.md")
KEYS = {code(t.columns[0])[0] if code(t.columns[0]) else "": t for t in tables(section(PAGE, "The file"))}


@pytest.mark.parametrize(
    ("table", "struct"), [("", file.Scenario), ("[[nodes]]", file.NodePart), *file.PARTS.items()]
)
def test_every_key_of_a_file_is_there_with_its_default(table: str, struct: type[msgspec.Struct]) -> None:
    said = {key: row[1] for row in KEYS[table].rows for key in code(row[0])}
    fields = msgspec.structs.fields(struct)
    assert set(said) == {one.name for one in fields}
    for one in fields:
        if one.default not in (None, msgspec.NODEFAULT):
            assert said[one.name] == f"`{json.dumps(one.default)}`", one.name


def test_every_table_of_keys_is_of_the_file() -> None:
    assert set(KEYS) == {"", "[[nodes]]", *file.PARTS}


def test_the_example_is_a_scenario() -> None:
    (example,) = (block for block in blocks(PAGE) if block.language == "toml")
    found = file.understand(tomllib.loads(example.text), "the example")
    assert [name for name, _ in found.named] == ["pump", "freezer", "fan"]


def test_every_scenario_and_every_fault_is_explained() -> None:
    scenarios, faults = tables(section(PAGE, "Scenarios"))
    assert [code(row[0])[0] for row in scenarios.rows] == list(file.SCENARIOS)
    assert [code(row[0])[0] for row in faults.rows] == list(file.FAULTS)
    for column, device in ((1, "adxl345"), (2, "ds18b20")):
        there = {code(row[0])[0]: row[column] for row in faults.rows if row[column]}
        assert list(there) == [f for f in file.FAULTS if f in SHOWN[device]]
        for fault, cell in there.items():
            name = SHOWN[device][fault][1]
            assert (code(cell) == [name]) if name else not code(cell), fault


def test_the_constants_are_those_of_the_code() -> None:
    b = Building()
    for words in (
        f"at failure `A` = {machine.STRIKE_G:g} g", f"damping `z` = {machine.DAMPING:g}", f"`exp({machine.GROWTH:g} (x - 1))`",
        f"adds up to {machine.SPENT_MM_S:g} mm/s", f"a slip of {100 * machine.FULL_LOAD_SLIP:g} %", f"{machine.COUPLING_G[0]:g} g on x",
        f"{b.air / 1e3:g} kJ/K, {b.product / 1e6:g} MJ/K", f"walls {b.wall:g} W/K, air to product {b.exchange:g} W/K",
        f"`Ts` + {b.hysteresis_c:g} K", f"| {b.compressor / 1e3:g} kW;", f"a strip curtain keeps {100 * b.curtain:g} % of it out",
        f"{b.per_k_inside:g} (Ta - Ts)", f"{b.per_k_outside:g} (To - 18)", f"a defrost of {b.heater / 1e3:g} kW, {b.defrost_s // 60} minutes",
        f"a grid of {MOMENT_US // 1000} ms", f"beyond {VELOCITY_H / 1e3:g} and {VELOCITY_HH / 1e3:g} mm/s",
        f"takes {NODE_BYTES / 1e6:g} MB of resident memory",
    ):  # fmt: skip
        assert words in PAGE, words


def test_the_width_of_the_example_is_that_of_its_formula() -> None:
    (width,) = re.findall(r"half its height: ([\d.]+) Hz for the first line at 89.6 Hz", PAGE)
    assert float(width) == pytest.approx(2 * 3.14159 * 0.01**2 * 89.6, abs=0.005)
