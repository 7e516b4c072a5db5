"""``python -m babbitt.web.api FILE``: write the description of the interface (OpenAPI 3.1) to a file."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from babbitt.web.api.application import api
from babbitt.web.source import StoreSource


def main() -> int:
    """Write the description; the version of the program is left out of it."""
    found = api(lambda: StoreSource(Path())).openapi()
    found["info"].pop("version")
    Path(sys.argv[1]).write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
