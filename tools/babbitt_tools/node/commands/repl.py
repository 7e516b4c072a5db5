"""`babbitt node repl`."""

from __future__ import annotations

import subprocess
import sys

from babbitt_tools.node import ports as there
from babbitt_tools.node.commands.options import PortOption


def repl(port: PortOption = None) -> None:
    """Open a prompt on the node, by mpremote: Ctrl-C stops the node, Ctrl-D starts it again, Ctrl-] leaves."""
    device = there.one(port)
    raise SystemExit(
        subprocess.run([sys.executable, "-m", "mpremote", "connect", device, "repl"], check=False).returncode
    )
