"""Puts the checks of a configuration together: needed when it begins to run, so it is reached by `port.once`."""

from babbitt_node import checks
from babbitt_node.operating import Operating

BORROWS = ("checks.rows",)
_GUARDS = ("limit", "range")


def build(config, ids, samplers, before=None):
    """(checks, Operating) of a validated configuration (None: none). ids: of all channels. samplers: in the same
    order. before: the station that runs; its checks that stay the same, on samplers that do, are used again, except votes,
    which know others.
    """
    if not config:
        return [], None
    known = {}
    if before is not None:
        here = [sampler.id for sampler in samplers if sampler in before.samplers]
        for check in before.checks:
            if check.CHANNEL and check.channel.split(".")[0] in here:
                known[check.id] = check
    made = []
    for i, spec in enumerate(config["checks"]):
        index = ids.index(spec["channel"]) if "channel" in spec else None
        check = known.get(spec["id"])
        if check is None or check.channel_index != index or check.settings != spec:
            check = checks.make(spec, index)
        else:
            config["checks"][i] = check.settings  # equal, and there already
        made.append(check)
    if any(check.TYPE == "range" for check in made):
        at = 0
        for sampler in samplers:
            channels = list(sampler.channels())
            for check in made:
                if check.channel and at <= check.channel_index < at + len(channels):
                    channel = channels[check.channel_index - at]
                    check.know(channel["lo"], channel["hi"])
            at += len(channels)
    running = config["running"]
    channel = running["channel"]
    return made, Operating(running, None if channel is None else ids.index(channel))


def connect(made):
    """Let votes find their voters; returns the order in which to judge: a list of (check, guards).

    guards: the absolute limits on the channel of a check that learns; while one of them is passed it learns
    nothing. So what learns comes after what does not, and votes come last.
    """
    for check in made:
        if not check.CHANNEL:
            check.join(made)
    plain = [check for check in made if check.CHANNEL and not check.learns]
    order = [(check, ()) for check in plain]
    for check in made:
        if check.learns:
            guards = [one for one in plain if one.TYPE in _GUARDS and one.channel == check.channel]
            order.append((check, guards))
    return order + [(check, ()) for check in made if not check.CHANNEL]
