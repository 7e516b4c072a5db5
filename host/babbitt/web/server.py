"""The web server of the page: uvicorn in a thread of its own, NiceGUI on a FastAPI application.

NiceGUI keeps its state in module globals, so a process serves one page at a time; it can be stopped and
started again. NiceGUI is imported on the first start, not with this module: the command line stays
quick without it.
"""

from __future__ import annotations

import logging
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from babbitt.web.source import PageError, StoreSource, Unavailable

if TYPE_CHECKING:
    import uvicorn

    from babbitt.vitals import Vitals

_log = logging.getLogger(__name__)
_START_S = 60.0
_STOP_S = 10.0
_one_at_a_time = threading.Lock()


class WebServer:
    """Serves the page of one store.

    ``store_path`` is the store's folder; it need not exist yet. ``port`` 0 takes a free one. ``broker``
    is where nodes connect (``192.168.1.5:1883``), told to a viewer who has no node yet; ``vitals`` tells how
    the host is, for ``/metrics`` and ``/readyz``. ``start()``
    returns when the page answers; from then on ``port`` and ``url`` hold. Usable as a context manager.
    """

    def __init__(
        self,
        store_path: Path,
        host: str = "127.0.0.1",
        port: int = 0,
        broker: str = "",
        vitals: Callable[[], Vitals] | None = None,
    ) -> None:
        self.store_path = store_path
        self.host = host
        self.port = port
        self.broker = broker
        self.vitals = vitals
        self._thread: threading.Thread | None = None
        self._server: uvicorn.Server | None = None
        self._source: StoreSource | None = None
        self._failure: BaseException | None = None

    @property
    def url(self) -> str:
        """Where a browser finds the page, as ``http://127.0.0.1:8080/``."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}/"

    @property
    def running(self) -> bool:
        """True from the end of ``start()`` to the beginning of ``stop()``, unless the server ended by
        itself.
        """
        return self._thread is not None and self._thread.is_alive()

    def start(self) -> None:
        """Serve the page; returns when it answers.

        Raises PageError if the address cannot be used, if this process serves a page already, or if the
        server does not start.
        """
        if not _one_at_a_time.acquire(blocking=False):
            raise PageError("this process serves a page already: stop that one first")
        listener: socket.socket | None = None
        try:
            listener = self._listen()
            self._launch(listener)
        except BaseException:
            if listener is not None:
                listener.close()
            self._clean_up()
            raise
        _log.info("page at %s", self.url)

    def stop(self) -> None:
        """Close every connection and end the server's thread. Does nothing if it is not running."""
        if self._thread is None or self._server is None:
            return
        self._server.should_exit = True
        self._thread.join(_STOP_S)
        if self._thread.is_alive():
            _log.warning("the page's server did not end within %.0f s: its connections are cut", _STOP_S)
            self._server.force_exit = True
            self._thread.join(_STOP_S)
        self._clean_up()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _listen(self) -> socket.socket:
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        listener = socket.socket(family, socket.SOCK_STREAM)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((self.host, self.port))
        except (OSError, OverflowError) as error:
            listener.close()
            raise PageError(
                f"the page cannot listen on {self.host} port {self.port} ({error}): "
                "choose another port, or 0 for any free one"
            ) from error
        self.port = listener.getsockname()[1]
        return listener

    def _launch(self, listener: socket.socket) -> None:
        import uvicorn

        from babbitt.web.application import application

        self._source = StoreSource(self.store_path)
        config = uvicorn.Config(
            application(self._source, self.broker, self.health, self.vitals),
            log_config=None,
            log_level="warning",
            access_log=False,
            timeout_graceful_shutdown=1,
            ws_max_size=1_000_000,
        )
        self._server = uvicorn.Server(config)
        self._failure = None
        self._thread = threading.Thread(
            target=self._serve, args=(listener,), name="babbitt-page", daemon=True
        )
        self._thread.start()
        deadline = time.monotonic() + _START_S
        while not self._server.started:
            if not self._thread.is_alive():
                raise PageError(f"the page's server did not start: {self._failure or 'see the log'}")
            if time.monotonic() > deadline:
                self._server.should_exit = True
                raise PageError(f"the page's server did not start within {_START_S:.0f} s")
            time.sleep(0.01)

    def _serve(self, listener: socket.socket) -> None:
        assert self._server is not None
        try:
            self._server.run(sockets=[listener])
        except (Exception, SystemExit) as error:  # uvicorn exits the program where its start-up fails
            self._failure = error
            _log.exception("the page's server ended")
        finally:
            listener.close()

    async def health(self) -> dict[str, Any]:
        """What ``/healthz`` answers: that the page serves, and whether the store can be read."""
        assert self._source is not None
        answer = await self._source.read(lambda reader: reader.counts()[0])
        if isinstance(answer, Unavailable):
            return {"ok": True, "store": False, "reason": answer.reason, "nodes": 0}
        return {"ok": True, "store": True, "reason": None, "nodes": answer}

    def _clean_up(self) -> None:
        if self._source is not None:
            self._source.close()
        self._thread = self._server = self._source = None
        _one_at_a_time.release()
