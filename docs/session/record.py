"""Record the terminal session that docs/session/session.txt shows: real commands on a virtual board.

    python docs/session/record.py

Ports, addresses and names of temporary folders are made the same each time; everything else is as it was printed.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
MAIN = [sys.executable, "-c", "from babbitt.cli import main; main()"]
CONFIG = """{"asset": {"name": "Fan 1", "kind": "machine"}, "interval_s": 2,
 "sensors": [{"id": "vib", "driver": "adxl345", "bus": "spi0"}, {"id": "temp", "driver": "ds18b20", "bus": "ow0"}]}
"""
WHO = "--board virtual --site hall --broker 127.0.0.1:1883 --wifi plant --config config.json"
STEPS = (
    "node ports --look",
    "node build --board virtual --no-heap",
    f"node flash --node fan-1 {WHO}",
    f"node flash --node fan-2 {WHO}",
    "node doctor",
    "node monitor --broker 127.0.0.1:1883 --seconds 6",
    "node deploy",
    "node provision --node fan-7",
    "node pull",
)


def main() -> int:
    """Play the steps, write the file; returns the exit status."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "config.json").write_text(CONFIG)
        environment = os.environ | {
            "BABBITT_BOARDS": str(folder / "boards.json"),
            "BABBITT_WIFI_PASSWORD": "secret",
            "COLUMNS": "132",
            "TERM": "dumb",
        }
        host = subprocess.Popen(
            [*MAIN, "host", "--store", "store", "--listen", "127.0.0.1:0", "--no-web", "--accept-simulated-time"],
            cwd=folder, env=environment, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        board = subprocess.Popen(
            [*MAIN, "node", "virtual"], cwd=folder, env=environment, stdout=subprocess.PIPE, text=True
        )
        try:
            assert host.stdout is not None
            assert board.stdout is not None
            broker = re.search(r"127\.0\.0\.1:(\d+)", host.stdout.readline())
            said = board.stdout.readline()
            assert broker is not None
            environment["BABBITT_PORTS"] = port = said.split("--port ")[1].strip()
            shown = []
            for step in STEPS:
                command = step.replace("127.0.0.1:1883", f"127.0.0.1:{broker[1]}")
                done = subprocess.run(
                    [*MAIN, *command.split()],
                    cwd=folder,
                    env=environment,
                    capture_output=True,
                    text=True,
                    timeout=120,
                    check=False,
                )
                words = (
                    (done.stdout + done.stderr)
                    .replace(port, "/dev/ttyUSB0".ljust(len(port)))
                    .replace(f":{broker[1]}", ":1883")
                )
                shown.append(
                    f"$ babbitt {step}\n{words.rstrip()}\n"
                    + (f"(exit status {done.returncode})\n" if done.returncode else "")
                )
                time.sleep(1)
        finally:
            for process in (board, host):
                process.terminate()
                process.wait()
    (HERE / "session.txt").write_text(re.sub(r"[ \t]+$", "", "\n".join(shown), flags=re.M))
    return 0


if __name__ == "__main__":
    sys.exit(main())
