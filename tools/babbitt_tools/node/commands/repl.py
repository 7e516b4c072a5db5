"""`babbitt node repl`."""

from __future__ import annotations

import subprocess
import sys

from babbitt_tools.node import ports as there
from babbitt_tools.node.commands.options import PortOption


def repl(port: PortOption = None) -> None:
    """Open a prompt on the node (mpremote's; pyserial's over a network): Ctrl-C stops the node, Ctrl-D starts it again, Ctrl-] leaves."""
    device = there.one(port)
    words = ["mpremote", "connect", device, "repl"]
    if "://" in device:  # mpremote's prompt needs a device of the operating system
        words = ["serial.tools.miniterm", "--raw", "--eol", "CR", device, "115200"]
    raise SystemExit(subprocess.run([sys.executable, "-m", *words], check=False).returncode)
