"""The documents of docs/configuration.md: checked as a whole, defaults filled in, every error with its path.

    config = validate(json.load(file), board.bus_types())
    node = validate_node(json.load(file), board.has_wifi)

A validated document is a new dict that has every key.
"""

from babbitt_node import checks, drivers, samplers
from babbitt_node.checks.base import table
from babbitt_node.errors import ConfigError, NodeError
from babbitt_node.hal.port import once
from babbitt_node.rules import a_guarded, a_list, a_text, an_int, an_object, join, one_of, settings

_LOW = "abcdefghijklmnopqrstuvwxyz"
_DIGITS = "0123456789"
_NAME = _LOW + _DIGITS + "-"
_SENSOR = _LOW + _DIGITS + "_"
_MAX = (1 << 30) - 1
CHANNELS_MAX = 64
BORROWS = ("rules", "nodefile", "checks.rows")


def validate(doc, buses=None):
    """Check a configuration; returns it with every default filled in.

    doc: what JSON gave. buses: {bus id: type} of the board, or None if the board is not known. Raises
    ConfigError(path, reason).
    """
    an_object(doc, "", ("asset", "interval_s", "sensors", "running", "checks", "power"))
    if "asset" not in doc:
        raise ConfigError("asset", "missing, and there is no default")
    asset = an_object(doc["asset"], "asset", ("name", "kind"))
    config = {
        "asset": {
            "name": a_text(asset, "asset", "name", 1, 64),
            "kind": one_of(asset, "asset", "kind", ("machine", "cold_room")),
        },
        "interval_s": an_int(doc, "", "interval_s", 1, 86400, 10),
        "sensors": [],
        "checks": [],
    }
    config["power"] = _power(doc.get("power"))
    if "sensors" not in doc:
        raise ConfigError("sensors", "missing, and there is no default")
    for i, entry in enumerate(a_list(doc["sensors"], "sensors", 1, 8)):
        path = "sensors[%d]" % i
        sensor = _sensor(entry, path, config["interval_s"], buses)
        if any(other["id"] == sensor["id"] for other in config["sensors"]):
            raise ConfigError(path + ".id", "%s is there twice" % sensor["id"])
        config["sensors"].append(sensor)
    _together(config)
    _apart(config["sensors"], buses)
    channels = channel_ids(config)
    if any(type(sensor.get("rpm")) is str for sensor in config["sensors"]):
        once("samplers.features", "check_speed", config, channels)
    config["running"] = _running(doc.get("running", {}), channels)
    if config["power"] and config["running"]["channel"] is not None:
        raise ConfigError("power", "a node that sleeps does not follow `running`: leave one of them out")
    for i, entry in enumerate(a_list(doc.get("checks", []), "checks", 0, 32)):
        path = "checks[%d]" % i
        check = _check(entry, path, channels, config["running"])
        if any(other["id"] == check["id"] for other in config["checks"]):
            raise ConfigError(path + ".id", "%s is there twice" % check["id"])
        for k, name in enumerate(check.get("of", ())):
            if all(other["id"] != name for other in config["checks"]):
                raise ConfigError("%s.of[%d]" % (path, k), "there is no check '%s' before this one" % name)
        config["checks"].append(check)
    return config


def _power(entry):
    """How a node on batteries sleeps; None: it does not."""
    if entry is None:
        return None
    power = an_object(entry, "power", ("publish_every_s",))
    return {"publish_every_s": an_int(power, "power", "publish_every_s", 10, 86400, 3600)}


def channel_ids(config):
    """Ids of all channels of a validated configuration, in the order of a row's values."""
    found = []
    for sensor in config["sensors"]:
        driver = drivers.module(sensor["driver"])
        names = samplers.module(driver.KIND).names(sensor, driver)
        found += ["%s.%s" % (sensor["id"], name) for name in names]
    return found


def _sensor(entry, path, interval_s, buses):
    if type(entry) is not dict:
        an_object(entry, path, ())
    name = one_of(entry, path, "driver", drivers.NAMES)
    driver = drivers.module(name)
    sampler = samplers.module(driver.KIND)
    rows = driver.SETTINGS + sampler.SETTINGS
    an_object(entry, path, ("id", "driver", "bus") + tuple(row[0] for row in rows))
    sensor = {
        "id": a_text(entry, path, "id", 1, 12, _SENSOR),
        "driver": name,
        "bus": a_text(entry, path, "bus", 1, 32),
    }
    if buses is not None:
        one_of(entry, path, "bus", tuple(sorted(buses)))
        if buses[sensor["bus"]] not in driver.BUSES:
            raise ConfigError(
                path + ".bus",
                "%s needs a bus of type %s, %s is %s"
                % (name, " or ".join(driver.BUSES), sensor["bus"], buses[sensor["bus"]]),
            )
    sensor.update(settings(entry, path, rows))
    kind = buses[sensor["bus"]] if buses is not None else None
    if kind == "spi" and sensor.get("address") is not None:
        raise ConfigError(path + ".address", "only on I2C, %s is an SPI bus: take it out" % sensor["bus"])
    if hasattr(driver, "check"):
        driver.check(sensor, path, kind)
    sampler.check(sensor, path, interval_s)
    return sensor


def _together(config):
    """What holds for all sensors together: channels, and the time their windows take."""
    count = len(channel_ids(config))
    if count > CHANNELS_MAX:
        raise ConfigError(
            "sensors", "they have %d channels together, a node has at most %d" % (count, CHANNELS_MAX)
        )
    busy_ms = 0
    for sensor in config["sensors"]:
        busy_ms += samplers.module(drivers.module(sensor["driver"]).KIND).busy_ms(sensor)
    if busy_ms > config["interval_s"] * 1000 * 9 // 10:
        reason = "the windows take %d ms, more than nine tenths of interval_s (%d s)" % (
            busy_ms,
            config["interval_s"],
        )
        raise ConfigError("interval_s", reason)


def _apart(sensors, buses):
    """No two sensors in one place: they would answer at once, or one would be read for both. A bus of one device (SPI
    with its chip select, a pin) takes one sensor, I2C one an address, 1-Wire one a `rom`, or a single one without.
    """
    taken = []
    for i, sensor in enumerate(sensors):
        bus = sensor["bus"]
        key = "rom" if "rom" in sensor else "bus"
        if "address" in sensor and (buses is None or buses[bus] == "i2c"):
            key = "address"
        place = None if key == "bus" else sensor[key]
        if key == "address" and place is None:
            place = drivers.module(sensor["driver"]).ADDRESS
        for other, at, name in taken:
            if other == bus and (at == place or (key == "rom" and None in (at, place))):
                hint = "it takes one sensor" if key == "bus" else "each needs its own %s there" % key
                raise ConfigError("sensors[%d].%s" % (i, key), "%s is on %s as well: %s" % (name, bus, hint))
        taken.append((bus, place, sensor["id"]))


def _running(entry, channels):
    """How the node knows that the machine runs, and how long what takes."""
    path = "running"
    an_object(entry, path, ("channel", "above", "hysteresis", "starting_s", "settle_s", "run_in_h"))
    found = {"channel": None, "above": 0, "hysteresis": 0}
    if "channel" in entry:
        found["channel"] = one_of(entry, path, "channel", tuple(channels))
        found["above"] = an_int(entry, path, "above", -_MAX, _MAX)
        found["hysteresis"] = an_int(entry, path, "hysteresis", 0, 1 << 29, 0)
    elif "above" in entry or "hysteresis" in entry:
        raise ConfigError("running.channel", "missing: above and hysteresis are about a channel")
    found["starting_s"] = an_int(entry, path, "starting_s", 0, 3600, 60)
    found["settle_s"] = an_int(entry, path, "settle_s", 0, 3600, 60)
    found["run_in_h"] = an_int(entry, path, "run_in_h", 0, 10000, 0)
    return found


def _check(entry, path, channels, running):
    if type(entry) is not dict:
        an_object(entry, path, ())
    kind = checks.find(one_of(entry, path, "type", tuple(sorted(checks.TYPES))))
    keys = ("id", "type", "channel") if kind.CHANNEL else ("id", "type")
    an_object(entry, path, keys + tuple(row[0] for row in table(kind)))
    a_text(entry, path, "id", 1, 32)
    index = None
    if kind.CHANNEL:
        a_text(entry, path, "channel", 1, 32)
        index = channels.index(one_of(entry, path, "channel", tuple(channels)))
    try:
        made = checks.make(entry, index)
    except NodeError as error:
        key, _, reason = error.detail.partition(": ")
        raise ConfigError(join(path, key), reason)
    check = {key: entry[key] for key in keys}
    check.update(made.settings)
    if running["channel"] is not None and check["when"] == "running" and "on_delay_s" not in entry:
        # A machine that coasts down passes through everything that is not usual for it.
        check["on_delay_s"] = max(check["on_delay_s"], running["starting_s"])
    return check


def validate_node(doc, wifi=True):
    """Check node.json; returns it with defaults. wifi: whether the board needs `wifi`. Raises
    ConfigError(path, reason).

    Passwords are never part of a reason.
    """
    an_object(doc, "", ("site", "node", "wifi", "broker", "ntp", "spool_bytes", "spool_hold_s"))
    node = {"site": a_text(doc, "", "site", 1, 32, _NAME), "node": a_text(doc, "", "node", 1, 32, _NAME)}
    node["wifi"] = None
    if wifi or doc.get("wifi") is not None:
        if "wifi" not in doc:
            raise ConfigError("wifi", "missing: this board needs ssid and password")
        net = a_guarded(doc, "wifi", ("ssid", "password"))
        node["wifi"] = {"ssid": a_text(net, "wifi", "ssid", 1, 32)}
        password = net.get("password")
        if type(password) is not str or len(password) > 64:
            raise ConfigError("wifi.password", "expected text of at most 64 characters")
        node["wifi"]["password"] = password
    if "broker" not in doc:
        raise ConfigError("broker", "missing, and there is no default")
    from babbitt_node import nodefile

    node["broker"] = nodefile.broker(doc)
    node["ntp"] = nodefile.time_server(doc, node["broker"]["tls"] is not None)
    node["spool_bytes"] = an_int(doc, "", "spool_bytes", 16384, 16777216, 1000000)
    node["spool_hold_s"] = an_int(doc, "", "spool_hold_s", 0, 600, 9)
    return node


def merged(node, network, wifi):
    """(node.json with the parts that `network` brings in place of its own, the same validated). Raises ConfigError that quotes
    no value: a password may stand where it does not belong.
    """
    try:
        an_object(network, "", ("wifi", "broker", "ntp"))
        doc = dict(node)
        doc.update(network)
        return doc, validate_node(doc, wifi)
    except ConfigError as error:
        path = join("network", error.path) if error.path else "network"
        raise ConfigError(path, error.reason.split(", got")[0])
