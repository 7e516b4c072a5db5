"""What a node says to a command, as bytes of the wire. Reached by `port.once`."""


def write(out, node, answer):
    """Write an `ack`. answer: `id`, `state`, and `cmd`, `error`, `reason`, `wave`, `checks` where they say something."""
    out.raw(b'{"i":"').raw(node.identity.install.encode()).raw(b'","boot":').int(node.identity.boot)
    out.raw(b',"n":').int(node.taken)
    for key in ("id", "cmd", "state", "error", "reason", "wave"):
        if answer.get(key):
            out.raw(b',"').raw(key.encode()).raw(b'":').str(answer[key])
    if answer.get("checks") is not None:
        out.raw(b',"checks":[')
        for at, name in enumerate(answer["checks"]):
            out.raw(b"," if at else b"").str(name)
        out.raw(b"]")
    out.raw(b"}")
