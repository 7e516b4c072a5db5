"""A configuration is accepted as a whole or refused with path and reason. Its files: test_settings.py."""

from helpers import raises

from babbitt_node.config import channel_ids, validate, validate_node
from babbitt_node.rules import ConfigError, nearest

BUSES = {"spi0": "spi", "ow0": "onewire"}


def document(**changes):
    doc = {
        "asset": {"name": "Pump 7", "kind": "machine"},
        "interval_s": 10,
        "sensors": [
            {"id": "vib", "driver": "adxl345", "bus": "spi0"},
            {"id": "temp", "driver": "ds18b20", "bus": "ow0"},
        ],
        "checks": [
            {"id": "hot", "type": "limit", "channel": "temp.mean", "h": 60000},
            {"id": "shaky", "type": "zscore", "channel": "vib.x.rms"},
        ],
    }
    doc.update(changes)
    return doc


def refused(path, reason, doc, buses=BUSES):
    error = raises(ConfigError, validate, doc, buses)
    assert error.path == path, (error.path, path)
    assert reason in error.reason and len(error.reason) <= 128, error.reason
    assert error.name == "config_invalid"


def vibration(**changes):
    sensor = {"id": "vib", "driver": "adxl345", "bus": "spi0"}
    sensor.update(changes)
    return document(sensors=[sensor], checks=[])


def check(**changes):
    entry = {"id": "hot", "type": "limit", "channel": "temp.mean", "h": 60000}
    entry.update(changes)
    return document(checks=[entry])


def test_defaults_are_filled_in():
    config = validate(document(), BUSES)
    vib, temp = config["sensors"]
    assert (vib["rate_hz"], vib["range_g"], vib["window"]) == (3200, 16, 512)
    assert (temp["every_s"], temp["rom"]) == (5, None)
    assert config["checks"][0]["hysteresis"] == 0 and config["checks"][0]["hh"] is None
    assert config["checks"][1]["z10"] == 60
    doc = document()
    del doc["checks"], doc["interval_s"]
    config = validate(doc)
    assert (config["interval_s"], config["checks"]) == (10, [])


def test_channels_are_those_of_the_documentation():
    ids = channel_ids(validate(document(), BUSES))
    assert ids[:5] == ["vib.x.rms", "vib.x.peak", "vib.x.crest", "vib.x.kurt", "vib.y.rms"]
    assert ids[12:] == [
        "vib.rate",
        "vib.overflow",
        "vib.clip",
        "temp.mean",
        "temp.min",
        "temp.max",
        "temp.slope",
    ]


def test_every_error_has_its_path_and_reason():
    refused("", "expected an object", [])
    refused("interval", "did you mean 'interval_s'?", document(interval=5))
    refused("colour", "known: asset", document(colour=1))
    refused("interval_s", "expected an integer 1..86400, got '10'", document(interval_s="10"))
    refused("interval_s", "expected an integer 1..86400, got True", document(interval_s=True))
    refused("interval_s", "expected 1..86400, got 0", document(interval_s=0))
    refused("asset", "expected an object", document(asset="Pump"))
    refused("asset.kind", "expected one of machine, cold_room", document(asset={"name": "a", "kind": "car"}))
    refused("asset.name", "1 to 64 characters", document(asset={"name": "", "kind": "machine"}))
    refused("asset.name", "missing", document(asset={"kind": "machine"}))
    refused("sensors", "expected 1 to 8 entries, got 0", document(sensors=[]))
    refused("sensors[0]", "expected an object", document(sensors=[7]))
    refused("sensors[0].driver", "did you mean 'adxl345'?", vibration(driver="adxl34"))
    refused("sensors[0].rate", "unknown key", vibration(rate=3200))
    refused("sensors[0].rate_hz", "expected one of 100, 200", vibration(rate_hz=1000))
    refused("sensors[0].rate_hz", "expected one of 100, 200", vibration(rate_hz="3200"))
    refused("sensors[0].id", "expected only", vibration(id="Vib"))
    refused("sensors[0].bus", "expected one of ow0, spi0", vibration(bus="spi9"))
    refused("sensors[0].bus", "needs a bus of type spi", vibration(bus="ow0"))
    two = [{"id": "t", "driver": "ds18b20", "bus": "ow0"}] * 2
    refused("sensors[1].id", "twice", document(sensors=two, checks=[]))
    slow = [{"id": "t", "driver": "ds18b20", "bus": "ow0", "every_s": 11}]
    refused("sensors[0].every_s", "more than interval_s", document(sensors=slow, checks=[]))
    refused("sensors[0].rom", "16 to 16", document(sensors=[dict(two[0], rom="28")], checks=[]))
    refused("checks[0].h", "must be an integer, not 'abc'", check(h="abc"))
    refused("checks[0].h", "is not in", check(h=1 << 40))
    refused("checks[0].hystresis", "did you mean 'hysteresis'?", check(hystresis=1))
    refused("checks[0].channel", "expected one of", check(channel="temp.mode"))
    refused("checks[0].type", "expected one of anomaly, cusum, flat", check(type="magic"))
    refused("checks[0].id", "expected text", check(id=""))
    refused("checks[1].id", "twice", document(checks=check()["checks"] * 2))


def test_what_a_node_cannot_do_is_refused():
    many = [{"id": "v%d" % i, "driver": "adxl345", "bus": "spi0"} for i in range(5)]
    refused("sensors", "75 channels together", document(sensors=many, checks=[]))
    refused(
        "interval_s",
        "the windows take",
        document(sensors=vibration(rate_hz=100, window=1024)["sensors"], checks=[]),
    )


def test_node_settings():
    doc = {
        "site": "hall",
        "node": "press-7",
        "wifi": {"ssid": "x", "password": "secret"},
        "broker": {"host": "h"},
    }
    node = validate_node(doc)
    assert node["broker"] == {
        "host": "h",
        "port": 1883,
        "keepalive_s": 30,
        "user": None,
        "password": None,
        "tls": None,
    }
    assert node["spool_bytes"] == 1000000 and node["ntp"] is None
    for path, change in (
        ("site", {"site": "Hall"}),
        ("wifi", {"wifi": None}),
        ("wifi.password", {"wifi": {"ssid": "x", "password": 5}}),
        ("broker.port", {"broker": {"host": "h", "port": 0}}),
        ("broker.hots", {"broker": {"hots": "h"}}),
        ("spool_bytes", {"spool_bytes": 1}),
    ):
        bad = dict(doc)
        bad.update(change)
        error = raises(ConfigError, validate_node, bad)
        assert error.path == path, error.path
    del doc["wifi"]
    assert "needs ssid" in raises(ConfigError, validate_node, doc).reason
    assert validate_node(doc, wifi=False)["wifi"] is None


def test_the_password_is_in_no_error():
    doc = {
        "site": "hall",
        "node": "n",
        "wifi": {"ssid": "", "password": "hunter2" * 20},
        "broker": {"host": "h"},
    }
    assert "hunter2" not in str(raises(ConfigError, validate_node, doc))
    doc["wifi"]["ssid"] = "x"
    assert "hunter2" not in str(raises(ConfigError, validate_node, doc))


def test_nearest_word():
    assert nearest("intervall_s", ("interval_s", "sensors")) == "interval_s"
    assert nearest("xx", ("hh", "h")) is None


def test_a_node_sleeps_only_if_it_is_told_to():
    assert validate(document())["power"] is None
    assert validate(document(power=None))["power"] is None
    assert validate(document(power={}))["power"] == {"publish_every_s": 3600}
    refused("power.publish_every_s", "10..86400", document(power={"publish_every_s": 9}))
    refused("power", "expected an object", document(power=3600))
    running = {"channel": "vib.x.rms", "above": 100000}
    refused("power", "does not follow `running`", document(power={}, running=running))


def test_a_waveform_of_an_alarm_fits_into_64_windows():
    assert validate(vibration(window=64, capture=4096), BUSES)["sensors"][0]["capture"] == 4096
    refused("sensors[0].capture", "at most 64 windows of 64", vibration(window=64, capture=4097))


def test_no_two_sensors_in_one_place():
    buses = {"i2c0": "i2c", "i2c1": "i2c", "spi0": "spi", "ow0": "onewire", "pin0": "pin", "adc0": "adc"}

    def doc(*sensors):
        rows = [dict(row, id="s%d" % i) for i, row in enumerate(sensors)]
        return document(sensors=rows, checks=[], interval_s=60)

    def one(driver, bus, **more):
        return dict(more, driver=driver, bus=bus)

    for path, first, second in (
        ("address", one("tmp117", "i2c0"), one("tmp117", "i2c0", address=72)),
        ("address", one("adxl345", "i2c0", rate_hz=400), one("adxl345", "i2c0", rate_hz=400, address=83)),
        ("bus", one("adxl345", "spi0"), one("adxl345", "spi0")),
        ("bus", one("adxl345", "spi0"), one("max31865", "spi0")),
        ("bus", one("digital", "pin0"), one("digital", "pin0")),
        ("bus", one("analog", "adc0"), one("analog", "adc0")),
        ("rom", one("ds18b20", "ow0"), one("ds18b20", "ow0")),
        ("rom", one("ds18b20", "ow0"), one("ds18b20", "ow0", rom="28ff000000000001")),
        ("rom", one("ds18b20", "ow0", rom="28ff000000000001"), one("ds18b20", "ow0")),
        ("rom",) + (one("ds18b20", "ow0", rom="28ff000000000001"),) * 2,
    ):
        refused("sensors[1]." + path, "s0 is on %s as well" % first["bus"], doc(first, second), buses)
    refused("sensors[1].address", "s0 is on b", doc(one("lis3dh", "b"), one("lis3dh", "b", address=24)), None)

    validate(doc(one("tmp117", "i2c0"), one("tmp117", "i2c0", address=73), one("sht3x", "i2c0")), buses)
    validate(doc(one("tmp117", "i2c0"), one("tmp117", "i2c1")), buses)
    roms = [one("ds18b20", "ow0", rom="28ff00000000000%d" % i) for i in range(8)]
    validate(doc(*roms), buses)
    # Without a board nobody knows whether `b` is SPI or I2C: what could be, passes.
    validate(doc(one("lis3dh", "b"), one("lis3dh", "b", address=25), one("adxl345", "b")), None)
