"""docs/configuration.md against the validator: every key, range and default, tried at its ends and beyond."""

from __future__ import annotations

import copy
import json
import re
from typing import Any

import pytest
from pages import code, tables, text

from babbitt_node import checks, drivers
from babbitt_node.checks.base import table as settings_of
from babbitt_node.config import channel_ids, validate, validate_node
from babbitt_node.dsp import asked
from babbitt_node.errors import NodeError

PAGE = text("configuration.md")
MAX = 2**30 - 1

VIBRATION = {"id": "vib", "driver": "adxl345", "bus": "spi0"}
THERMOMETER = {"id": "temp", "driver": "ds18b20", "bus": "ow0"}
NODE = {
    "site": "hall",
    "node": "pump-7",
    "wifi": {"ssid": "a", "password": "b"},
    "broker": {"host": "host"},
}

FULL = {**NODE, "broker": {"host": "host", "tls": {"ca": "ca.der"}}, "ntp": {"host": "clock"}}


def document(*sensors: dict[str, Any], **more: Any) -> dict[str, Any]:
    asset = {"name": "Pump 7", "kind": "machine"}
    return copy.deepcopy(
        {"asset": asset, "interval_s": 86400, "sensors": list(sensors) or [VIBRATION], **more}
    )


def known_keys(build: Any) -> list[str]:
    """The keys that the validator knows at a place: it lists them when it meets one that it does not know."""
    with pytest.raises(NodeError) as caught:
        build("zzzzzzzzzzzzzzzz")
    return caught.value.detail.split("known: ")[1].split(", ")


def rows(first: str) -> list[tuple[str, ...]]:
    """The rows of the tables whose first column is `first`, an empty first cell filled from above."""
    found: list[tuple[str, ...]] = []
    for table in tables(PAGE):
        if table.columns[0] != first:
            continue
        above = ""
        for row in table.rows:
            above = row[0] or above
            found.append((above, *row[1:]))
    return found


def number(said: str) -> int:
    """A number as the page writes it: 20, 2^29, 1 000."""
    base, _, power = said.replace(" ", "").partition("^")
    return int(base) ** int(power or 1)


def span(cell: str) -> tuple[int, int] | None:
    """The ends of a range `5..600` or `0..2^29`."""
    found = re.search(r"([\d^]+)\.\.([\d^]+)", cell)
    return (number(found[1]), number(found[2])) if found else None


# ---- which keys there are


def test_the_keys_of_node_json() -> None:
    said = {name for row in rows("key") if "type" in head(row) for name in code(row[0])}
    known = set(known_keys(lambda k: validate_node({**NODE, k: 1})))
    for inner, optional in (("wifi", False), ("broker", False), ("broker.tls", True), ("ntp", True)):
        if not optional:
            known.discard(inner)
        known |= {f"{inner}.{k}" for k in known_keys(lambda x, i=inner: attempt("node", f"{i}.{x}", 1))}
    assert said == known


def head(row: tuple[str, ...]) -> tuple[str, ...]:
    """The columns of the table a row of `rows` is from."""
    (found,) = {
        t.columns
        for t in tables(PAGE)
        if any(r[-1] == row[-1] and code(r[0]) == code(row[0]) for r in t.rows)
    }
    return found


def test_the_keys_of_config_json() -> None:
    said = {name for row in rows("key") if "range" in head(row) for name in code(row[0])}
    known = set(known_keys(lambda k: validate(document(**{k: 1}))))
    for outer, least in (("asset", {"name": "a", "kind": "machine"}), ("running", {}), ("power", {})):
        known.discard(outer)
        inner = known_keys(lambda k, o=outer, e=least: validate(document() | {o: e | {k: 1}}))
        known |= {f"{outer}.{k}" for k in inner}
    assert said == known


@pytest.mark.parametrize("driver", drivers.NAMES)
def test_the_keys_of_a_sensor(driver: str) -> None:
    said = {name for row in rows("driver") if driver in code(row[0]) for name in code(row[1])}
    known = set(known_keys(lambda k: validate(document({**sensor(driver), k: 1}))))
    assert known == said | {"id", "driver", "bus"}


def test_every_driver_is_there() -> None:
    with pytest.raises(NodeError) as caught:
        validate(document({"id": "a", "bus": "b", "driver": 1}))
    known = caught.value.detail.split("one of ")[1].split(", got")[0].split(", ")
    assert {name for row in rows("driver") for name in code(row[0])} == set(known) == set(drivers.NAMES)


def of_checks() -> dict[str, dict[str, tuple[str, str]]]:
    """Range and default of every setting of every type, those of 'every type' included."""
    said: dict[str, dict[str, tuple[str, str]]] = {kind: {} for kind in checks.TYPES}
    for kind, keys, cell, default, _ in rows("type"):
        for one in code(kind) or checks.TYPES:
            said[one] |= dict.fromkeys(code(keys), (cell, default))
    return said


def test_every_type_of_check_with_every_setting_is_there() -> None:
    said = {kind: set(settings) for kind, settings in of_checks().items()}
    assert said == {kind: {row[0] for row in settings_of(checks.find(kind))} for kind in checks.TYPES}


# ---- ranges and defaults


def attempt(place: str, key: str, value: Any) -> dict[str, Any]:
    """Validate a document that has `key` = `value` at a place; returns the part in which it stands."""
    if place == "node":
        *outer, inner = key.split(".")
        whole = part = copy.deepcopy(FULL if len(outer) > 1 or outer == ["ntp"] else NODE)
        for name in outer:
            part = part[name]
        part[inner] = value
        found = validate_node(whole)
        for name in outer:
            found = found[name]
        return {key: found[inner]}
    if key.startswith("running."):
        running = {"channel": "vib.x.rms", "above": 0, key.partition(".")[2]: value}
        found = validate(document(running=running))["running"]
        return {f"running.{k}": v for k, v in found.items()}
    if place == "config":
        outer, _, inner = key.partition(".")
        if outer == "power":
            return {key: validate(document(power={inner: value}))["power"][inner]}
        return validate(document(**{key: value}))
    return validate(document({**sensor(place), key: value}))["sensors"][0]


def sensor(driver: str) -> dict[str, Any]:
    """The least that configures a driver."""
    return {"id": "s", "driver": driver, "bus": driver}


RANGES = [
    (code(row[0])[0] if place == "driver" else place, name, span(row[at]), row[at], row[at + 1])
    for place, first, at in (("node", "key", 1), ("config", "key", 1), ("driver", "driver", 2))
    for row in rows(first)
    if place == "driver" or ("type" in head(row)) == (place == "node")
    for name in code(row[at - 1])
]


@pytest.mark.parametrize(("place", "key", "ends", "cell", "default"), RANGES, ids=str)
def test_ranges_and_defaults(place: str, key: str, ends: Any, cell: str, default: str) -> None:
    choices = [int(n) for n in re.findall(r"\d+", cell)] if re.fullmatch(r"[\d, ]+", cell) else []
    good, bad = choices, [max(choices) + 1, min(choices) - 1] if choices else []
    if ends and not any(word in cell for word in ("characters", "entries", "]", "{", "channel")):
        good, bad = list(ends), [ends[0] - 1, ends[1] + 1]
    for value in good:
        assert attempt(place, key, value)[key] == value
    for value in bad:
        with pytest.raises(NodeError) as caught:
            attempt(place, key, value)
        assert key in caught.value.detail
    first = default.split(",", maxsplit=1)[0]
    if first.isdecimal():
        assert bare(place)[key] == int(first), f"{key}: the default is {bare(place)[key]}"
    elif re.fullmatch(r"`\w+`", default):
        assert [bare(place)[key]] == code(default), f"{key}: the default is {bare(place)[key]}"
        assert [attempt(place, key, word)[key] for word in code(cell)] == code(cell)
    elif default.startswith("`"):
        assert bare(place)[key] == json.loads(default.strip("`")), f"{key}: the default is {bare(place)[key]}"
    else:
        assert default.startswith(("required", "null")), f"{key}: {default!r} is no default"


@pytest.mark.parametrize(
    ("key", "at", "make"),
    [
        ("bands", 0, lambda n: [[10 * i + 100, 10 * i + 110] for i in range(n)]),
        ("bands", 1, lambda hz: [[min(hz, 500), max(hz, 500)]]),
        ("envelope", 0, lambda hz: {"lo": hz, "hi": 500, "peaks": 1}),
        ("envelope", 1, lambda hz: {"lo": 500, "hi": hz}),
        ("envelope", 2, lambda n: {"lo": 500, "hi": 1000, "peaks": n}),
        ("rpm", 0, lambda rpm: rpm),
    ],
)
def test_ranges_inside_a_setting(key: str, at: int, make: Any) -> None:
    (row,) = (r for r in rows("driver") if "adxl345" in code(r[0]) and code(r[1]) == [key])
    low, high = [(number(a), number(b)) for a, b in re.findall(r"(\d+)\.\.(\d+)", row[2])][at]
    if key == "rpm":
        assert accepted(one_axis(key, 600))
        assert accepted(one_axis(key, high))
    for value in (low, high):  # slow shafts and bands that are empty are refused for what they are
        if key != "rpm" and not (key == "envelope" and (at, value) in ((0, high), (1, low))):
            assert accepted(one_axis(key, make(value)))
    for value in (low - 1, high + 1):
        if value >= 0 or key != "bands" or at:
            with pytest.raises(NodeError, match=key) as caught:
                validate(one_axis(key, make(value)))
            assert str(value) in caught.value.detail


def one_axis(key: str, value: Any) -> dict[str, Any]:
    return document({**VIBRATION, "axes": "x", "window": 1024, "features": ["rms"], key: value})


def test_the_features_on_the_page_are_those_of_the_code() -> None:
    (row,) = (r for r in rows("driver") if code(r[1]) == ["features"])
    assert code(row[2]) == list(asked.FEATURES)


def bare(place: str) -> dict[str, Any]:
    """What the validator fills in at a place where nothing is given."""
    if place == "node":
        found = validate_node(copy.deepcopy(NODE))
        more = {f"ntp.{k}": v for k, v in validate_node(copy.deepcopy(FULL))["ntp"].items()}
        return {**found, **more, **{f"broker.{k}": v for k, v in found["broker"].items()}}
    if place == "config":
        whole = document()
        del whole["interval_s"]
        found = validate(whole)
        whole["power"] = {}
        power = validate(whole)["power"]
        more = {
            f"{outer}.{k}": v
            for outer, part in (("running", found["running"]), ("power", power))
            for k, v in part.items()
        }
        return {**found, **more}
    return validate(document(sensor(place)))["sensors"][0]


def test_texts_and_counts() -> None:
    (row,) = (r for r in rows("key") if code(r[0]) == ["asset.name"])
    low, high = span(row[1]) or (0, 0)
    for length, ok in ((low, True), (high, True), (low - 1, False), (high + 1, False)):
        whole = document()
        whole["asset"]["name"] = "x" * length
        assert accepted(whole) is ok
    for key, make in (
        ("sensors", lambda n: document(*({**THERMOMETER, "id": f"t{i}", "bus": f"ow{i}"} for i in range(n)))),
        ("checks", lambda n: document(checks=[check(i) for i in range(n)])),
    ):
        (row,) = (r for r in rows("key") if code(r[0]) == [key])
        low, high = span(row[1]) or (0, 0)
        assert [accepted(make(n)) for n in (low, high, high + 1)] == [True, True, False]
    whole = document()
    whole["sensors"] = []
    assert not accepted(whole)


def check(i: int) -> dict[str, Any]:
    return {"id": f"c{i}", "type": "limit", "channel": "vib.x.rms", "h": 1}


def test_checks_that_are_judged_while_it_runs_wait_for_a_machine_that_coasts_down() -> None:
    usual = {"id": "c", "type": "zscore", "channel": "vib.x.rms"}
    running = {"channel": "vib.x.rms", "above": 5, "starting_s": 90}
    for more, wanted in (({}, 90), ({"on_delay_s": 5}, 5), ({"when": "always"}, 0)):
        found = validate(document(running=running, checks=[usual | more]))["checks"][0]
        assert found["on_delay_s"] == wanted
    assert validate(document(checks=[usual]))["checks"][0]["on_delay_s"] == 0
    for wrong in ({"above": 5}, {"channel": "vib.x.rms"}, {"channel": "x", "above": 1}, 7):
        assert not accepted(document(running=wrong))


def accepted(whole: dict[str, Any]) -> bool:
    try:
        validate(whole)
    except NodeError:
        return False
    return True


def test_settings_of_checks_have_the_ranges_and_defaults_of_the_code() -> None:
    said = of_checks()
    for kind in checks.TYPES:
        for name, low, high, default in settings_of(checks.find(kind)):
            cell, given = said[kind][name]
            if default is None:
                assert (cell, low, high) == ("value or absent", -MAX, MAX)
            elif default == ():
                assert (cell, given) == (f"{low}..{high} entries", "required")
            elif isinstance(low, tuple):
                assert code(cell) == list(low)
                first, _, other = given.partition(", else ")
                assert default == code(first if f"`{kind}`" in first or not other else other)[0], kind
            elif isinstance(default, bool):
                assert (cell, given) == ("true, false", str(default).lower())
            else:
                assert span(cell) == (low, high), f"{kind}.{name}: {low}..{high}"
                assert given == str(default), f"{kind}.{name}: the default is {default}"


@pytest.mark.parametrize("key", ["broker.user", "broker.password"])
def test_credentials_are_counted_in_bytes(key: str) -> None:
    (row,) = (r for r in rows("key") if code(r[0]) == [key])
    low, high = (int(n) for n in re.findall(r"\d+", row[1]))
    inner = key.split(".")[1]
    for value, ok in (("x" * low, True), ("x" * high, True), ("ä" * (high // 2), True), ("x" * (low - 1), False),
                      ("x" * (high + 1), False), ("ä" * (high // 2 + 1), False)):  # fmt: skip
        whole = {**NODE, "broker": {"host": "host", "user": "u", inner: value}}
        if ok:
            assert validate_node(whole)["broker"][inner] == value
        else:
            with pytest.raises(NodeError) as caught:
                validate_node(whole)
            assert caught.value.detail.startswith(key)


def test_with_tls_the_port_is_another_and_a_time_server_is_required() -> None:
    (row,) = (r for r in rows("key") if code(r[0]) == ["broker.port"])
    assert f"or {validate_node(copy.deepcopy(FULL))['broker']['port']} with `broker.tls`" in row[2]
    (row,) = (r for r in rows("key") if code(r[0]) == ["ntp"])
    assert "required with `broker.tls`" in row[2]
    with pytest.raises(NodeError):
        validate_node({**FULL, "ntp": None})


# ---- what else the page says


def test_every_channel_is_named() -> None:
    others = [
        {**sensor(d), "id": i}
        for d, i in (("sht3x", "air"), ("analog", "loop"), ("digital", "door"), ("tacho", "shaft"))
    ]
    config = validate(document({**VIBRATION, "id": "vib"}, {**THERMOMETER, "id": "temp"}, *others))
    more = {"features": list(asked.FEATURES), "bands": [[10, 100]] * 8, "peaks": 1, "rpm": 3000, "axes": "x"}
    more["envelope"] = {"lo": 500, "hi": 1000, "peaks": 1}
    said = set(code(PAGE)) | {n.replace("temp.", "air.") for n in code(PAGE)}
    said |= {f"vib.x.band{i}" for i in range(2, 8)}
    for name in channel_ids(config) + channel_ids(validate(document({**VIBRATION, **more}))):
        assert name in said or re.sub(r"\.[yz]\.", ".x.", name) in said, name


def test_thermometers_are_read_at_most_once_a_record() -> None:
    found = [r for r in rows("driver") if code(r[1]) == ["every_s"]]
    assert len(found) >= 6
    for row in found:
        assert "at most `interval_s`" in row[2]
        whole = document({**sensor(code(row[0])[0]), "every_s": 6})
        whole["interval_s"] = 5
        assert not accepted(whole)


def test_windows_take_at_most_nine_tenths_of_the_interval() -> None:
    assert "nine tenths of `interval_s`" in PAGE
    slow = {**VIBRATION, "rate_hz": 100, "window": 128}
    whole = document(slow)
    whole["interval_s"] = 1
    assert not accepted(whole)
    whole["interval_s"] = 2
    assert accepted(whole)


def test_examples_on_the_page_are_valid() -> None:
    (example,) = re.findall(r"^```json\n(.*?)^```$", PAGE, flags=re.M | re.S)
    validate(json.loads(example), {"spi0": "spi", "ow0": "onewire"})
