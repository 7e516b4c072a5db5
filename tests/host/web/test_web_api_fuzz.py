"""The interface is fuzzed from its own description, on a real store behind a real server."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from page_store import demo_like

from babbitt.web import WebServer

END = 1_789_000_000_000


def test_every_answer_is_as_described(tmp_path: Path) -> None:
    demo_like(tmp_path / "store", END).close()
    with WebServer(tmp_path / "store") as server:
        url = f"{server.url}api/v1/openapi.json"
        # What JSON Schema cannot say (a start after the end, a cursor that was never given out) is 400, all else 422.
        expected = '["2xx", "3xx", "400", "404"]'
        (tmp_path / "st.toml").write_text(
            f"[checks.positive_data_acceptance]\nexpected-statuses = {expected}\n"
        )
        line = [sys.executable, "-m", "schemathesis.cli", "--config-file", "st.toml", "run", url]
        options = [
            "--max-examples",
            "30",
            "--generation-deterministic",
            "--no-color",
            "-c",
            "all",
            "--continue-on-failure",
        ]
        done = subprocess.run(
            [*line, *options], check=False, cwd=tmp_path, capture_output=True, text=True, timeout=300
        )
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
    assert "Tested: 25" in done.stdout
    generated = re.search(r"(\d+) generated", done.stdout)
    assert generated is not None
    assert int(generated[1]) > 500
