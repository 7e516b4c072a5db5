"""The host's log on standard error: lines for people, or a JSON object a line for programs."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime


class JsonFormatter(logging.Formatter):
    """One line of JSON a record: ``t`` (ISO 8601, UTC), ``level``, ``logger``, ``thread``, ``message``, and ``error`` with
    the traceback if there is one."""

    def format(self, record: logging.LogRecord) -> str:
        said = {
            "t": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "thread": record.threadName,
            "message": record.getMessage(),
        }
        if record.exc_info:
            said["error"] = self.formatException(record.exc_info)
        return json.dumps(said, ensure_ascii=False)


def configure(level: str, form: str) -> None:
    """Log from ``level`` on (`error`, `warning`, `info`, `debug`), in a ``form`` (`plain`, `json`)."""
    handler = logging.StreamHandler()
    handler.setFormatter(
        JsonFormatter() if form == "json" else logging.Formatter("%(asctime)s %(levelname)s %(message)s")
    )
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
