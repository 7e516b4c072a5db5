"""The import rules of docs/architecture.md, read from the source."""

from __future__ import annotations

import ast
from pathlib import Path

import babbitt

HOST = Path(babbitt.__file__).parent
BLOCKS = [
    "acquisition",
    "manipulation",
    "detection",
    "health",
    "prognosis",
    "advisory",
    "subject",
    "pipeline",
    "analysis",
    "examination",
    "redraw",
    "examiner",
    "service",
    "doctor",
    "web",
    "cli",
]
"""In the order of the flow; `errors`, `settings`, `vitals`, `protocol` and `store` may be imported by all of them."""
GROUND = ["errors", "settings", "vitals", "protocol", "store"]


def imports(path: Path) -> set[str]:
    """The second levels of all `babbitt` modules that a file imports, anywhere in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            names = [node.module or ""]
            if node.module == "babbitt":
                names = [f"babbitt.{alias.name}" for alias in node.names]
        found |= {name.split(".")[1] for name in names if name.startswith("babbitt.")}
    return found


def block(path: Path) -> str:
    return path.relative_to(HOST).parts[0].removesuffix(".py")


def faults(path: Path, used: set[str]) -> list[str]:
    """What a file of a block must not import."""
    own = block(path)
    if own in GROUND:
        allowed = set(GROUND[: GROUND.index(own) + 1])
    else:
        allowed = {*GROUND, *BLOCKS[: BLOCKS.index(own) + 1]} - (
            {"web"} if own != "cli" and own != "web" else set()
        )
    return [f"{path.relative_to(HOST)} imports {name}" for name in sorted(used - allowed)]


def test_a_block_imports_only_what_lies_before_it() -> None:
    files = [path for path in HOST.rglob("*.py") if path != HOST / "__init__.py"]
    assert len(files) > 30
    assert [fault for path in files for fault in faults(path, imports(path))] == []


def test_the_rule_finds_an_upstream_import() -> None:
    assert faults(HOST / "store" / "x.py", {"pipeline"}) == ["store/x.py imports pipeline"]
    assert faults(HOST / "detection" / "x.py", {"prognosis", "store", "manipulation"}) == [
        "detection/x.py imports prognosis"
    ]
    assert faults(HOST / "pipeline.py", {"web"}) == ["pipeline.py imports web"]


def test_the_host_takes_only_the_configuration_and_the_pure_parts_of_the_node() -> None:
    pure = ("config", "checks", "dsp", "mqtt", "judge", "assembly", "operating", "errors")
    allowed = tuple(f"babbitt_node.{name}" for name in pure)
    for path in HOST.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("babbitt_node"):
                assert (node.module or "").startswith(allowed), f"{path}: {node.module}"
