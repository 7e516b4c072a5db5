"""`babbitt node provision`."""

from __future__ import annotations

import json

import babbitt_node
from babbitt_tools.node import known, settings
from babbitt_tools.node import ports as there
from babbitt_tools.node.boards import Board
from babbitt_tools.node.commands.options import (
    BrokerOption,
    CaOption,
    CertOption,
    ConfigOption,
    JsonOption,
    KeyOption,
    NodeOption,
    NtpOption,
    PasswordFileOption,
    PortOption,
    ServerNameOption,
    SiteOption,
    UserOption,
    WifiFileOption,
    WifiOption,
    answers,
    console,
    print_json,
)  # fmt: skip
from babbitt_tools.node.link import Link


def provision(
    port: PortOption = None,
    site: SiteOption = None,
    node: NodeOption = None,
    broker: BrokerOption = None,
    wifi: WifiOption = None,
    wifi_password_file: WifiFileOption = None,
    user: UserOption = None,
    password_file: PasswordFileOption = None,
    ca: CaOption = None,
    cert: CertOption = None,
    key: KeyOption = None,
    server_name: ServerNameOption = None,
    ntp: NtpOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Tell a node, over its console, who it is and where its broker is. What is not given stays as it is.

    Its files are replaced one by one, each whole or not at all, node.json last: a cable that is pulled leaves the old node.
    """
    given = answers(**locals())
    out = console(as_json)
    with Link(there.one(port)) as link:
        link.stop()
        board = Board("node", json.loads(link.read("board.json")))
        before = (
            json.loads(link.read("node.json"))
            if "node.json" in link.run("import os\nprint(os.listdir())")
            else None
        )
        identity = settings.identity(board, given, before)
        parts = dict(identity.certificates)
        if config is not None:
            parts["config.json"] = json.dumps(settings.configuration(board, config)).encode()
        parts["node.json"] = json.dumps(identity.document).encode()
        for name, data in parts.items():
            link.write(name + ".new", data)
            link.run(f"import os\nos.rename({name + '.new'!r}, {name!r})")
        if config is not None:  # what was on trial is over
            link.run(
                "import os\nfor name in ('trial.state.json', 'trial.json'):\n    if name in os.listdir():\n        os.remove(name)"
            )
        mac = link.ask("who")["mac"]
        link.restart()
        started = link.started()
    known.remember(mac, identity.name, board.own.get("name", "unknown"), babbitt_node.__version__)
    shown = settings.redacted(identity.document)
    if as_json:
        print_json(
            {"node": identity.name, "mac": mac, "files": list(parts), "settings": shown, "started": started}
        )
        return
    out.print(f"{identity.name} is provisioned and runs: {', '.join(parts)} are new.")
