"""What a vibration sensor's settings ask of each axis: the names and ranges of its channels. Needed at the start and
for a birth only.

    names(spec)                     # a validated entry of `sensors`: ["rms", "peak", "crest", "kurt"] by default
    covered(10, 1000, 512, 3200)    # [13, 1000]: what a window of 512 samples at 3200 Hz covers
"""

from babbitt_node.hal.compile import const

DEFAULT = ("rms", "peak", "crest", "kurt")
FEATURES = DEFAULT + ("mean", "p2p", "velocity")
SPECTRAL = ("bands", "peaks", "rpm", "envelope")
FIRST = const(2)  # the lowest bin in use, as of dsp/spectrum.py


def names(spec):
    """Names of the channels of one axis, in the order of the values."""
    asked = spec.get("features")
    found = [name for name in FEATURES if name in (DEFAULT if asked is None else asked)]
    found += ["band%d" % (i + 1) for i in range(len(spec.get("bands") or ()))]
    found += _pairs("freq", "amp", spec.get("peaks") or 0)
    if spec.get("rpm") is not None:
        found += ["1x", "2x", "3x"]
    envelope = spec.get("envelope")
    if envelope:
        found.append("env")
        found += _pairs("envfreq", "envamp", envelope["peaks"])
    return found


def _pairs(first, second, count):
    found = []
    for i in range(1, count + 1):
        found += ["%s%d" % (first, i), "%s%d" % (second, i)]
    return found


def channels(sensor, names, spec):
    """Descriptions of the channels `names` of a sensor, the last three of which are about its windows; one after another, as
    all together take more room than the birth they are written to.
    """
    for name in names:
        unit, exp, low, high = _scale(name[2:] if name[1] == "." else name, spec)
        yield {"id": "%s.%s" % (sensor, name), "unit": unit, "exp": exp, "lo": low, "hi": high}


def source(rpm, samplers):
    """Where the speed of the shaft comes from: (place among the values of all samplers, num, den), value x num / den
    being revolutions in 1000 s; place -1: num / den alone. rpm: r/min or the id of a channel in r/min.
    """
    if type(rpm) is int:
        return -1, rpm * 1000, 60
    at = 0
    for sampler in samplers:
        for i, name in enumerate(sampler.names):
            if "%s.%s" % (sampler.id, name) == rpm:
                return at + i, 10 ** (3 + list(sampler.channels())[i]["exp"]), 60
        at += sampler.width
    return -1, 0, 60


def _scale(name, spec):
    """(unit, exp, lo, hi) of the channel of that name."""
    if name == "rate":
        return "Hz", -3, 0, spec["rate_hz"] * 2000
    if name == "overflow":
        return "", 0, 0, spec["window"]
    if name == "clip":
        return "", 0, 0, 3 * spec["window"]
    full = spec["range_g"] * 1000000
    if name == "crest":
        return "", -3, 0, 32000 if spec["window"] <= 1024 else 64000
    if name == "kurt":
        return "", -3, 0, spec["window"] * 1000
    if name == "velocity":
        return "mm/s", -3, 0, spec["range_g"] * 156078  # the full scale at 10 Hz
    if "freq" in name:
        return "Hz", -3, 0, spec["rate_hz"] * 1000
    return "g", -6, -full if name == "mean" else 0, full if name in ("rms", "mean") else 2 * full


def covered(low_hz, high_hz, n, rate_hz):
    """What the bins of a window of n samples at rate_hz cover of low_hz..high_hz: the lowest and the highest of them
    in Hz, rounded inwards; None: nothing.
    """
    first = max(FIRST, (low_hz * n + rate_hz - 1) // rate_hz)
    last = min((n >> 1) - 2, high_hz * n // rate_hz)
    if first > last:
        return None
    return [(first * rate_hz + n - 1) // n, last * rate_hz // n]
