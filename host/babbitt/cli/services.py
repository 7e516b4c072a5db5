"""Files that have the system start the host: a unit for systemd, a task for Windows.

A host may be killed at any moment (that is tested), so what ends it need not be gentle.
"""

from __future__ import annotations

import shlex
import shutil
import sys
from pathlib import Path
from xml.sax.saxutils import escape

UNIT = """[Unit]
Description=Babbitt host: condition monitoring
After=network-online.target mosquitto.service
Wants=network-online.target

[Service]
Type=notify
ExecStart={command}
Environment={settings}
User={user}
Restart=always
RestartSec=2
WatchdogSec=300
TimeoutStartSec=120
TimeoutStopSec=60
LimitNOFILE=65536
NoNewPrivileges=true
PrivateTmp=true
ProtectSystem=strict
ReadWritePaths={store}

[Install]
WantedBy=multi-user.target
"""

TASK = """<?xml version="1.0" encoding="UTF-16"?>
<Task version="1.4" xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task">
  <RegistrationInfo><Description>Babbitt host: condition monitoring</Description></RegistrationInfo>
  <Triggers><BootTrigger><Enabled>true</Enabled></BootTrigger></Triggers>
  <Principals><Principal id="Author"><UserId>S-1-5-19</UserId><RunLevel>LeastPrivilege</RunLevel></Principal></Principals>
  <Settings>
    <MultipleInstancesPolicy>IgnoreNew</MultipleInstancesPolicy>
    <DisallowStartIfOnBatteries>false</DisallowStartIfOnBatteries>
    <StopIfGoingOnBatteries>false</StopIfGoingOnBatteries>
    <ExecutionTimeLimit>PT0S</ExecutionTimeLimit>
    <RestartOnFailure><Interval>PT1M</Interval><Count>999</Count></RestartOnFailure>
    <Enabled>true</Enabled>
  </Settings>
  <Actions Context="Author">
    <Exec><Command>{command}</Command><Arguments>{arguments}</Arguments></Exec>
  </Actions>
</Task>
"""


def program() -> Path:
    """The ``babbitt`` that runs now."""
    beside = Path(sys.executable).with_name("babbitt.exe" if sys.platform == "win32" else "babbitt")
    return beside if beside.exists() else Path(shutil.which("babbitt") or sys.argv[0]).absolute()


def systemd(command: Path, settings: Path, store: Path, user: str) -> str:
    """The unit; ``store`` is the one folder it may write to."""
    return UNIT.format(
        command=shlex.join([str(command), "host"]).replace("%", "%%"), store=_quoted(store), user=user,
        settings=_quoted(f"BABBITT_CONFIG={settings}"),
    )  # fmt: skip


def windows(command: Path, settings: Path) -> str:
    """The task, which runs as LOCAL SERVICE from the start of the PC on."""
    return TASK.format(command=escape(str(command)), arguments=escape(f'--config "{settings}" host'))


def _quoted(text: object) -> str:
    said = str(text).replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    return f'"{said}"'
