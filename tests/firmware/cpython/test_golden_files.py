"""The golden vectors in the repository are those that tests/golden/make_checks.py describes."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

from babbitt_node.checks import TYPES

GOLDEN = Path(__file__).resolve().parents[2] / "golden"


def test_files_and_script_agree() -> None:
    spec = importlib.util.spec_from_file_location("make_checks", GOLDEN / "make_checks.py")
    assert spec is not None and spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    files = {path.stem: path.read_text(encoding="utf-8") for path in (GOLDEN / "checks").glob("*.json")}
    assert files == script.build()


def test_all_types_all_states_and_every_reason_occur() -> None:
    vectors = [json.loads(path.read_text(encoding="utf-8")) for path in (GOLDEN / "checks").glob("*.json")]
    assert {v["spec"]["type"] for v in vectors} == set(TYPES)
    assert {row["state"] for v in vectors for row in v["transitions"]} == {"N", "L", "LL", "H", "HH"}
    assert all(v["why"] for v in vectors)
