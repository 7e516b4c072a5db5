"""JSON Schemas of the protocol, made from the structures of :mod:`babbitt.protocol.messages`.

``python -m babbitt.protocol.schemas [FOLDER]`` writes them (default ``docs/protocol/schemas``); a test
keeps those in the repository current. They say what a schema can say; rules across fields are in
``messages.decode``.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import msgspec

from babbitt.protocol.messages import KINDS


def schemas() -> dict[str, dict[str, Any]]:
    """The schema of each kind of message, self-contained (JSON Schema 2020-12)."""
    out = {}
    for kind, type_ in KINDS.items():
        # A union of two plain objects has no tag to tell them apart, which msgspec wants and JSON Schema
        # does not.
        members = getattr(type_, "__args__", (type_,))
        found, parts = msgspec.json.schema_components(members, ref_template="#/$defs/{name}")
        out[kind] = {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "title": f"babbitt/1 {'$host' if kind == 'host' else kind}",
            **(found[0] if len(found) == 1 else {"anyOf": list(found)}),
            "$defs": parts,
        }
    return out


def text(schema: dict[str, Any]) -> str:
    """A schema as it is written to its file."""
    return json.dumps(schema, indent=2, sort_keys=True) + "\n"


def main() -> None:
    """Write all schemas."""
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "docs/protocol/schemas")
    folder.mkdir(parents=True, exist_ok=True)
    for kind, schema in schemas().items():
        (folder / f"{kind}.json").write_text(text(schema))


if __name__ == "__main__":
    main()
