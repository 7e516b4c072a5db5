"""``babbitt events``: what happened, newest first."""

from __future__ import annotations

from typing import Annotated

import typer

from babbitt.cli.options import JsonOption, LimitOption, StoreOption, print_json, print_table, when
from babbitt.errors import UnknownNode
from babbitt.store.reader import StoreReader


def events(
    store: StoreOption,
    site: Annotated[str | None, typer.Option(help="Only of this site.")] = None,
    node: Annotated[str | None, typer.Option(help="Only of this node.")] = None,
    limit: LimitOption = 50,
    json: JsonOption = False,
) -> None:
    """Print events of the nodes' checks and of the host."""
    reader = StoreReader(store)
    if not any(site in (None, n.site) and node in (None, n.node) for n in reader.nodes()) and (site or node):
        raise UnknownNode(
            f"the store knows no node {node or 'of site ' + str(site)}; `babbitt status` lists those it knows"
        )
    found = reader.events(site, node, limit)
    if json:
        print_json(found)
        return
    rows = [
        (
            when(e.t),
            f"{e.site}/{e.node}",
            ("info", "warning", "alarm")[e.sev],
            e.check,
            e.text,
        )
        for e in found
    ]
    print_table("Events", ("time", "node", "severity", "check", "what"), rows, "Nothing has happened yet.")
