"""docs/architecture.md, docs/hardware.md and the boards against the tree: every module named exists, every module is named."""

from __future__ import annotations

import importlib
import json
import re
from pathlib import Path

import pytest
from pages import DOCS, ROOT, code, section, tables, text

from babbitt_node.config import validate

PAGE = text("architecture.md")
PAGES = [*sorted(DOCS.rglob("*.md")), ROOT / "README.md", ROOT / "CONTRIBUTING.md"]


def modules(folder: str) -> list[str]:
    """The modules below a folder, as `dsp/features.py`."""
    found = [p.relative_to(ROOT / folder).as_posix() for p in (ROOT / folder).rglob("*.py")]
    return sorted(name for name in found if not name.endswith("__init__.py"))


def test_every_module_of_the_node_is_on_the_page() -> None:
    said = section(PAGE, "The node")
    named = set(code(said))
    folders = {name for name in named if name.endswith("/")}
    silent = [
        name
        for name in modules("firmware/babbitt_node")
        if name not in named
        and Path(name).name not in named
        and not any(name.startswith(folder) for folder in folders)
    ]
    assert silent == []


def test_every_module_on_the_page_is_there() -> None:
    for heading, folder in (("The node", "firmware/babbitt_node"), ("The host", "host/babbitt")):
        there = modules(folder)
        names = {Path(n).name for n in there}
        for table in tables(section(PAGE, heading)):
            for row in table.rows:
                for name in code(row[0]):
                    if name.endswith("/"):
                        assert (ROOT / folder / name).is_dir(), name
                    else:
                        assert name in there or name in names, f"{name} is not in {folder}"


def test_every_block_of_the_host_is_in_the_way_of_the_data() -> None:
    blocks = {p.name for p in (ROOT / "host/babbitt").iterdir() if p.is_dir() and not p.name.startswith("_")}
    assert [b for b in sorted(blocks) if b not in PAGE.split("Rules that a test keeps")[0]] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_every_path_named_on_a_page_is_there(page: Path) -> None:
    """A path from the root of the project, set as code; what a how-to page makes is not there yet."""
    made = set(re.findall(r"New file `([^`]+)`", page.read_text()))
    tops = ("firmware/", "host/", "tools/", "tests/", "bench/", "boards/", "docs/", "requirements/")
    named = {word for word in code(page.read_text()) if word.startswith(tops) and " " not in word}
    missing = [n for n in sorted(named - made) if "<" not in n and not any(ROOT.glob(n.rstrip("/")))]
    assert missing == []


def test_the_assessment_on_the_page_is_that_of_the_code() -> None:
    from babbitt.protocol.assessment import LEVELS, OUTLOOKS, Assessment, Interval

    for structure in (Assessment, Interval):
        said = PAGE.split(f"class {structure.__name__}:")[1].split("@dataclass")[0].split("`StoreReader`")[0]
        assert [f for f in structure.__dataclass_fields__ if not re.search(rf"\b{f}:", said)] == []
    assert [w for w in LEVELS + OUTLOOKS if f"'{w}'" not in PAGE] == []


def test_the_methods_of_the_reader_are_those_of_the_code() -> None:
    from babbitt.store.reader import StoreReader

    said = set(re.findall(r"\b(\w+)\(", PAGE.split("`StoreReader` (thread-safe")[1])) - {"list", "tuple"}
    there = {n for n, v in vars(StoreReader).items() if callable(v) and not n.startswith("_")} - {"close"}
    assert said == there


# ---- boards and hardware

BOARDS = sorted(p.parent for p in (ROOT / "boards").glob("*/board.json"))


@pytest.mark.parametrize("board", BOARDS, ids=lambda p: p.name)
def test_a_board_is_what_its_page_says(board: Path) -> None:
    own = json.loads((board / "board.json").read_text())["babbitt"]
    page = (board / "board.md").read_text()
    assert own["name"] == board.name
    pins = [own[key] for key in ("led", "wake") if own.get(key) is not None]
    for bus in own["buses"].values():
        pins += [value for key, value in bus.items() if key in {"sck", "mosi", "miso", "cs", "pin"}]
    numbers = set(re.findall(r"\d+", " ".join(row[0] for t in tables(page) for row in t.rows)))
    assert [pin for pin in pins if str(pin) not in numbers] == []


def test_every_key_of_a_board_is_explained() -> None:
    page = (ROOT / "boards/ESP32_GENERIC/board.md").read_text()
    for board in BOARDS:
        own = json.loads((board / "board.json").read_text())["babbitt"]
        keys = set(own) | {key for bus in own["buses"].values() for key in bus}
        assert [
            key for key in keys if f"`{key}`" not in page and f'"{key}"' not in page and key != "buses"
        ] == []


def test_every_driver_is_in_hardware() -> None:
    page = text("hardware.md").lower()
    drivers = [Path(n).stem for n in modules("firmware/babbitt_node/drivers")]
    assert len(drivers) >= 2
    assert [d for d in drivers if d not in page] == []


def test_what_is_flashed_is_there() -> None:
    for line in re.findall(r"^    mpremote cp (.*) :$", text("hardware.md"), flags=re.M):
        for name in line.replace("-r ", "").split():
            assert name in {"node.json", "config.json"} or (ROOT / name).exists(), name


def test_the_example_of_the_configuration_runs_on_every_board() -> None:
    (example,) = re.findall(r"^```json\n(.*?)^```$", text("configuration.md"), flags=re.M | re.S)
    for board in BOARDS:
        buses = json.loads((board / "board.json").read_text())["babbitt"]["buses"]
        validate(json.loads(example), {name: bus["type"] for name, bus in buses.items()})


def test_commands_of_the_readme_are_there() -> None:
    commands = importlib.import_module("babbitt.cli").COMMANDS
    from test_operations import GROUPS, options

    for page in PAGES:
        for line in re.findall(r"(?:^    |`)babbitt ([a-z]+\b[^`\n]*)", page.read_text(), flags=re.M):
            name, *rest = line.split()
            if name in GROUPS and not rest:
                continue
            if name in GROUPS:
                assert rest[0] in GROUPS[name], (
                    f"{page.name} names 'babbitt {name} {rest[0]}', which is no command"
                )
                name, rest = f"{name} {rest[0]}", rest[1:]
            if name.split()[0] in commands:
                known = {one for names in options(name) for one in names.split(", ")} | {"--help"}
                wrong = [word for word in rest if re.match(r"--[a-z]", word) and word not in known]
                assert wrong == [], f"{page.name}: babbitt {line}"
            else:
                raise AssertionError(f"{page.name} names 'babbitt {name}', which is no command")


def test_the_readme_is_a_page() -> None:
    readme = (ROOT / "README.md").read_text()
    assert len(readme.splitlines()) <= 60
    for who in ("Maintenance engineer", "Cold-store operator", "Integrator", "Developer"):
        assert f"**{who}" in readme
