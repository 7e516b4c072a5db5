"""Settings of a vibration sensor that ask for more than the four features."""

from helpers import raises

from babbitt_node.config import channel_ids, validate
from babbitt_node.errors import ConfigError


def document(**changes):
    sensor = {"id": "vib", "driver": "adxl345", "bus": "spi0"}
    sensor.update(changes)
    return {"asset": {"name": "Pump 7", "kind": "machine"}, "sensors": [sensor]}


def checked(**changes):
    return validate(document(**changes))["sensors"][0]


def refused(path, reason, **changes):
    error = raises(ConfigError, validate, document(**changes))
    assert error.path == ("sensors[0]." + path if path else "sensors"), error.path
    assert reason in error.reason and len(error.reason) <= 128, error.reason


def test_defaults_are_what_every_sensor_had():
    sensor = checked()
    assert (sensor["axes"], sensor["features"]) == ("xyz", ["rms", "peak", "crest", "kurt"])
    assert (sensor["bands"], sensor["peaks"], sensor["envelope"], sensor["rpm"]) == ([], 0, None, None)
    same = checked(
        axes="xyz", features=["rms", "peak", "crest", "kurt"], bands=[], peaks=0, envelope=None, rpm=None
    )
    assert same == sensor == checked(axes="xyz", features=None, bands=None, peaks=None)


def test_channels_follow_the_settings():
    ids = channel_ids(validate(document(axes="xz", features=["kurt", "velocity", "rms"], bands=[[10, 99]])))
    names = ("rms", "kurt", "velocity", "band1")  # in the order of the documentation
    assert ids[:-3] == ["vib.%s.%s" % (axis, name) for axis in "xz" for name in names]
    ids = channel_ids(
        validate(document(axes="y", features=[], rpm=1500, peaks=1, envelope={"lo": 500, "hi": 900}))
    )
    assert ids[:-3] == ["vib.y." + name for name in ("freq1", "amp1", "1x", "2x", "3x", "env")]
    assert ids[-3:] == ["vib.rate", "vib.overflow", "vib.clip"]


def test_what_is_wrong_is_named():
    for axes in ("", "zx", "xx", "a", 3, ["x"]):
        refused("axes", "x, y, z in this order", axes=axes)
    refused("features", "expected a list", features="rms")
    refused("features[1]", "did you mean 'velocity'", features=["rms", "velocty"])
    refused("features[2]", "there twice", features=["rms", "kurt", "rms"])
    refused("features[0]", "expected one of", features=[7])
    refused("features", "nothing to measure", features=[])
    refused("bands", "expected a list", bands={})
    refused("bands", "0 to 8 entries", bands=[[10, 20]] * 9)
    refused("bands[1]", "2 to 2 entries", bands=[[10, 20], [10]])
    refused("bands[0].lo", "an integer", bands=[[1.5, 20]])
    refused("bands[0]", "must be below", bands=[[20, 20]])
    refused(
        "bands[0]",
        "holds no bin: 512 samples at 3200 Hz have one every 6250 mHz, in 13..1587 Hz",
        bands=[[26, 31]],
    )
    refused("bands[0]", "holds no bin", bands=[[1600, 2000]])
    refused("peaks", "expected 0..8", peaks=9)
    refused("peaks", "an integer", peaks=False)
    refused("envelope", "expected an object", envelope=[500, 900])
    refused("envelope.hi", "missing", envelope={"lo": 500})
    refused("envelope.high", "unknown key", envelope={"lo": 500, "high": 900})
    refused("envelope", "must be below", envelope={"lo": 500, "hi": 400})
    refused("envelope.peaks", "expected 0..8", envelope={"lo": 500, "hi": 900, "peaks": -1})
    refused("rpm", "expected 1..120000", rpm=0)
    refused("rpm", "the shaft turns 1 times in a window (512 samples at 3200 Hz)", rpm=600)
    refused("rpm", "expected one of vib.x.rms", rpm="tach.mean")
    refused("rpm", "no speed: name the rpm of a tachometer", rpm="vib.x.rms")


def test_spectra_need_256_samples():
    for changes in ({"features": ["velocity"]}, {"bands": [[10, 100]]}, {"peaks": 1}, {"rpm": 3000}):
        refused("window", "need 256 samples or more, got 128", window=128, **changes)
    refused("window", "need 256", window=64, envelope={"lo": 100, "hi": 500})
    assert checked(window=128, features=["mean", "p2p", "kurt"])["window"] == 128


def test_velocity_needs_a_part_of_its_band():
    assert checked(features=["velocity"], rate_hz=100, window=256)["features"] == ["velocity"]
    assert checked(features=["velocity"], window=4096, rate_hz=3200)["window"] == 4096


def test_a_node_has_64_channels():
    refused(
        "",
        "66 channels together, a node has at most 64",
        peaks=8,
        features=["rms", "kurt", "velocity", "mean", "p2p"],
    )
    assert len(channel_ids(validate(document(axes="x", peaks=8, bands=[[10, 100]] * 8)))) == 31
