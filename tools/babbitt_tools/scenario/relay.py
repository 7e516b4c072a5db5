"""An access point: passes TCP on to the broker, and can be switched off, which ends every connection through it."""

from __future__ import annotations

import contextlib
import socket
import threading

WAIT_S = 10.0


class Relay:
    """Listens on a free port of the loopback and passes everything on to `target`, both ways.

    Attributes: `port`; `cuts`, how many connections it has ended.
    """

    def __init__(self, target: tuple[str, int]) -> None:
        self._target = target
        self._up = True
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._server.getsockname()[1]
        self.cuts = 0
        threading.Thread(target=self._accept, name=f"relay-{self.port}", daemon=True).start()

    def switch(self, up: bool) -> None:
        """Off: all connections end at once, and new ones are closed as soon as they are made."""
        with self._lock:
            self._up = up
            if up:
                return
            gone, self._open = self._open, set()
        self.cuts += len(gone) // 2
        for one in gone:
            _end(one)

    def close(self) -> None:
        """End for good."""
        _end(self._server)
        self.switch(False)

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._server.accept()
            except OSError:
                return
            try:
                if not self._up:
                    raise ConnectionRefusedError
                far = socket.create_connection(self._target, WAIT_S)
            except OSError:
                _end(near)
                continue
            far.settimeout(None)
            for one in (near, far):
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._lock:
                self._open |= {near, far}
                up = self._up
            for pair in ((near, far), (far, near)):
                threading.Thread(target=self._pass, args=pair, name=f"relay-{self.port}", daemon=True).start()
            if not up:  # it was switched off in between
                self.switch(False)

    def _pass(self, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(data)
        with self._lock:
            self._open -= {source, sink}
        _end(source)
        _end(sink)


def _end(one: socket.socket) -> None:
    with contextlib.suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)
    one.close()
