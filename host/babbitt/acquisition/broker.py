"""The embedded broker: iotcore (rumqttd) in a process of its own, watched and started again when it dies.

Its state is in memory only and old messages fall out silently beyond its segments: both are harmless here,
for the nodes keep every record until the host's watermark covers it.
"""

from __future__ import annotations

import logging
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from babbitt.errors import BrokerError

log = logging.getLogger(__name__)

READY_S = 15.0
BACKOFF_S = (0.1, 5.0)
STEADY_S = 30.0

# Small segments: rumqttd keeps a log in memory for each subscription, by default hundreds of megabytes.
_CONFIG = """
id = 0
[router]
id = 0
max_connections = 10010
max_outgoing_packet_count = 200
max_segment_size = 16777216
max_segment_count = 4
[v4.1]
name = "babbitt"
listen = "{listen}:{port}"
next_connection_delay_ms = 1
[v4.1.connections]
connection_timeout_ms = 60000
max_payload_size = 20480
max_inflight_count = 100
dynamic_filters = true
"""


class EmbeddedBroker:
    """A broker of the host's own. ``port`` 0 takes a free one, which it keeps over restarts.

    ``start`` raises BrokerError if the address cannot be used or the broker does not come up. ``pid`` is
    that of its process now, ``restarts`` counts how often it had to be started again.
    """

    def __init__(self, listen: str = "127.0.0.1", port: int = 0) -> None:
        self.listen = listen
        self.port = port
        self.restarts = 0
        self._process: subprocess.Popen[bytes] | None = None
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._stop = threading.Event()
        self._watch: threading.Thread | None = None

    @property
    def pid(self) -> int | None:
        """The process id of the broker, None while it is not running."""
        process = self._process
        return process.pid if process is not None and process.poll() is None else None

    def start(self) -> None:
        """Start it and wait until it accepts connections."""
        self.port = _bindable(self.listen, self.port)
        self._folder = tempfile.TemporaryDirectory(prefix="babbitt-broker-")
        config = Path(self._folder.name) / "broker.toml"
        config.write_text(_CONFIG.format(listen=self.listen, port=self.port))
        self._stop.clear()
        try:
            self._launch(config)
        except BrokerError:
            self.stop()
            raise
        self._watch = threading.Thread(
            target=self._supervise, args=(config,), name="babbitt-broker", daemon=True
        )
        self._watch.start()

    def stop(self) -> None:
        """End it and give the port free. Safe to call twice."""
        self._stop.set()
        if self._watch is not None:
            self._watch.join()
            self._watch = None
        self._end()
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None

    def _launch(self, config: Path) -> None:
        # A session of its own: Ctrl-C is meant for the host, which then ends the broker in order.
        self._process = subprocess.Popen(
            [sys.executable, "-m", "babbitt.acquisition.broker_process", str(config)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        )
        end = time.monotonic() + READY_S
        while not self._answers():
            if self._process.poll() is not None:
                raise BrokerError(f"the broker ended at once with code {self._process.returncode}")
            if time.monotonic() > end:
                raise BrokerError(
                    f"the broker does not listen on {self.listen}:{self.port} after {READY_S:.0f} s"
                )
            if self._stop.wait(0.02):
                return

    def _answers(self) -> bool:
        try:
            socket.create_connection((_reachable(self.listen), self.port), timeout=0.5).close()
        except OSError:
            return False
        return True

    def _supervise(self, config: Path) -> None:
        pause, longest = BACKOFF_S
        began = time.monotonic()
        while not self._stop.is_set():
            process = self._process
            if process is not None and process.poll() is None:
                self._stop.wait(0.1)
                continue
            code = process.returncode if process is not None else None
            if time.monotonic() - began > STEADY_S:
                pause = BACKOFF_S[0]
            log.error("the broker ended with code %s; starting it again in %.1f s", code, pause)
            if self._stop.wait(pause):
                return
            pause = min(longest, pause * 2)
            began = time.monotonic()
            self._end()
            self.restarts += 1
            try:
                self._launch(config)
            except (BrokerError, OSError) as error:
                log.error("the broker does not start: %s", error)
                self._end()

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        if process.stdin is not None:
            process.stdin.close()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _reachable(listen: str) -> str:
    return {"0.0.0.0": "127.0.0.1", "": "127.0.0.1", "::": "::1"}.get(listen, listen)


def _bindable(listen: str, port: int) -> int:
    """The port, or a free one for 0. Raises BrokerError if it cannot be bound."""
    family = socket.AF_INET6 if ":" in listen else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((listen, port))
        except OSError as error:
            raise BrokerError(
                f"the broker cannot listen on {listen}:{port}: {error.strerror}; is another one running"
                f" there?"
            ) from error
        return int(probe.getsockname()[1])
