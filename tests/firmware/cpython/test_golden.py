"""The node's encoders give the golden messages of docs/protocol/golden, byte for byte, on both runtimes."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from mp_runner import Runner, compile_mpy, find_tool

from babbitt.protocol.messages import decode_kind

HERE = Path(__file__).resolve().parent
GOLDEN = HERE.parents[2] / "docs" / "protocol" / "golden"


def golden() -> dict[str, str]:
    """The golden messages that the node makes: name to payload."""
    return {path.stem: path.read_text() for path in GOLDEN.glob("*.node*.json")}


def test_on_cpython(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(HERE))
    import golden_payloads

    assert {name: payload.decode() for name, payload in golden_payloads.payloads().items()} == golden()
    assert len(golden()) == 12


def test_on_micropython(tmp_path: Path, mp: Runner) -> None:
    assert compile_mpy(HERE / "golden_payloads.py", tmp_path / "golden_payloads.mpy") is None
    code = "import sys; sys.path.insert(0, ''); import golden_payloads as g; g.main()"
    tool = find_tool("micropython")
    assert tool is not None
    # Twice the heap of a node: objects of a 64-bit process are twice as large.
    done = subprocess.run(
        [tool, "-X", "heapsize=240k", "-c", code],
        cwd=tmp_path,
        env={"MICROPYPATH": f"{mp.path()}:.frozen"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert dict(map(json.loads, done.stdout.splitlines())) == golden()


@pytest.mark.parametrize("name", sorted(golden()))
def test_the_host_takes_every_one(name: str) -> None:
    assert decode_kind(name.partition(".")[0], golden()[name].encode()) is not None
