"""The settings of a vibration sensor that single rules do not tell: axes, features, bands, peaks, envelope, speed."""

from babbitt_node import drivers, samplers
from babbitt_node.dsp import asked
from babbitt_node.errors import ConfigError
from babbitt_node.rules import a_list, an_int, an_object, join, one_of, shown

PEAKS_MAX = 8
BANDS_MAX = 8
HZ_MAX = 50000
RPM_MAX = 120000
BORROWS = ("dsp.asked",)


def check(spec, path):
    """Fill in the defaults of `spec`. Raises ConfigError(path, reason) for what cannot be measured."""
    _axes(spec, path)
    _features(spec, path)
    if spec["bands"] is None:
        spec["bands"] = []
    bands = a_list(spec["bands"], path + ".bands", 0, BANDS_MAX)
    for i, band in enumerate(bands):
        where = "%s.bands[%d]" % (path, i)
        a_list(band, where, 2, 2)
        _band({"lo": band[0], "hi": band[1]}, where, spec)
    if spec["peaks"] is None:
        spec["peaks"] = 0
    an_int(spec, path, "peaks", 0, PEAKS_MAX)
    if spec["envelope"] is not None:
        where = path + ".envelope"
        envelope = an_object(spec["envelope"], where, ("lo", "hi", "peaks"))
        _band(envelope, where, spec)
        peaks = an_int(envelope, where, "peaks", 0, PEAKS_MAX, 0)
        spec["envelope"] = {"lo": envelope["lo"], "hi": envelope["hi"], "peaks": peaks}
    if type(spec["rpm"]) is not str and spec["rpm"] is not None:
        rpm = an_int(spec, path, "rpm", 1, RPM_MAX)
        turns = rpm * spec["window"] // (60 * spec["rate_hz"])
        if spec["window"] >= 256 and turns < asked.FIRST:
            raise ConfigError(
                path + ".rpm",
                "the shaft turns %d times in a window (%d samples at %d Hz), at least %d are needed"
                % (turns, spec["window"], spec["rate_hz"], asked.FIRST),
            )
    names = asked.names(spec)
    if not names:
        raise ConfigError(
            path + ".features", "nothing to measure: name a feature, or bands, peaks, envelope or rpm"
        )
    if spec["window"] < 256 and ("velocity" in names or any(spec[key] for key in asked.SPECTRAL)):
        raise ConfigError(
            path + ".window",
            "velocity, bands, peaks, envelope and rpm need 256 samples or more, got %d" % spec["window"],
        )
    if "velocity" in names and asked.covered(10, 1000, spec["window"], spec["rate_hz"]) is None:
        raise ConfigError(path + ".features", "velocity: nothing of 10..1000 Hz is covered")


def _axes(spec, path):
    axes = spec["axes"]
    if type(axes) is not str or axes not in ("x", "y", "z", "xy", "xz", "yz", "xyz"):
        raise ConfigError(
            path + ".axes", "expected one to three of x, y, z in this order, got %s" % shown(axes)
        )


def _features(spec, path):
    if spec["features"] is None:
        spec["features"] = list(asked.DEFAULT)
    for i, name in enumerate(a_list(spec["features"], path + ".features", 0, len(asked.FEATURES))):
        where = "features[%d]" % i
        one_of({where: name}, path, where, asked.FEATURES)
        if name in spec["features"][:i]:
            raise ConfigError(join(path, where), "%s is there twice" % name)


def _band(doc, path, spec):
    """Check `lo` and `hi` in Hz, and that a window of the sensor sees something between them."""
    low = an_int(doc, path, "lo", 1, HZ_MAX)
    high = an_int(doc, path, "hi", 1, HZ_MAX)
    n = spec["window"]
    rate = spec["rate_hz"]
    if low >= high:
        raise ConfigError(path, "lo (%d Hz) must be below hi (%d Hz)" % (low, high))
    if n >= 256 and asked.covered(low, high, n, rate) is None:
        raise ConfigError(
            path,
            "%d..%d Hz holds no bin: %d samples at %d Hz have one every %d mHz, in %d..%d Hz"
            % ((low, high, n, rate, rate * 1000 // n) + tuple(asked.covered(0, HZ_MAX, n, rate))),
        )


def check_speed(config, channels):
    """Check that every `rpm` that names a channel names a speed. channels: all ids of `config`."""
    for i, sensor in enumerate(config["sensors"]):
        source = sensor.get("rpm")
        if type(source) is not str:
            continue
        path = "sensors[%d]" % i
        one_of(sensor, path, "rpm", tuple(channels))
        owner, _, name = source.partition(".")
        speed = None
        for other in config["sensors"]:
            if other["id"] == owner:
                speed = getattr(samplers.module(drivers.module(other["driver"]).KIND), "SPEED", None)
        if name != speed:
            raise ConfigError(path + ".rpm", "%s is no speed: name the rpm of a tachometer" % source)
