"""The REST interface on a real store and a real server, and its description."""

from __future__ import annotations

import asyncio
import json
import urllib.error
import urllib.request
import zlib
from collections.abc import Iterator
from http.client import HTTPMessage
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import numpy as np
import pytest
from page_store import HOUR, Filler, demo_like

from babbitt.protocol.messages import WaveInfo
from babbitt.store.ranges import Ranges
from babbitt.store.reader import StoreReader
from babbitt.store.waves import WaveShelf
from babbitt.web import WebServer
from babbitt.web.api.application import api
from babbitt.web.api.problems import KINDS
from babbitt.web.source import StoreSource

END = 1_789_000_000_000
REPOSITORY = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("api") / "store"
    fill = demo_like(folder, END)
    with fill.writer.transaction():
        for n in range(7):
            fill.writer.quarantine("babbitt/1/x", f"reason {n}", b"{\xff", END + n)
    with fill.writer.transaction() as conn:
        for (install,) in conn.execute("SELECT id FROM installs").fetchall():
            fill.writer.boot(install, 1)
            stored = Ranges()
            stored.add(0, 600)
            fill.writer.runs(install, 1, stored)
    samples = np.arange(512, dtype="<i2").tobytes()
    windows = [(1000, 256, 3_200_000, 0, 0)]
    info = WaveInfo(
        i="9f3a01bc", id="1-1", sensor="vib", axes="xz", unit="g", exp=-3, num=1, den=1, t=END, q=3, by="command",
        of="c1", pre=0, windows=windows, bytes=1024, crc=zlib.crc32(samples),
    )  # fmt: skip
    WaveShelf(folder).save("plant", "fan-1", info, samples, END)
    yield folder
    fill.close()


@pytest.fixture(scope="module")
def url(store: Path) -> Iterator[str]:
    with WebServer(store) as server:
        yield f"{server.url}api/v1"


def get(url: str, **headers: str) -> tuple[int, HTTPMessage, Any]:
    """Status, headers and the JSON of an answer, also of one that is a problem."""
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=20) as answer:
            return answer.status, answer.headers, json.load(answer)
    except urllib.error.HTTPError as error:
        body = error.read()
        return error.code, error.headers, json.loads(body) if body else None


def everything(url: str) -> list[Any]:
    """All items of a list, page by page."""
    items: list[Any] = []
    cursor = ""
    while True:
        status, _, page = get(url + cursor)
        assert status == 200
        items += page["items"]
        if page["next"] is None:
            return items
        assert page["items"]
        cursor = f"&cursor={page['next']}"


def test_nodes_in_pages_and_one_with_all_it_said(url: str) -> None:
    found = everything(f"{url}/nodes?limit=2")
    assert [(one["site"], one["node"], one["kind"]) for one in found] == [
        ("plant", "cold-2", "cold_room"), ("plant", "fan-1", "machine"), ("plant", "pump-7", "machine"),
    ]  # fmt: skip
    assert found[1]["assessment"]["level"] == "alarm"
    assert found[1]["last_t"] == END
    assert get(f"{url}/nodes?site=elsewhere")[2] == {"items": [], "next": None}
    status, _, one = get(f"{url}/nodes/plant/fan-1")
    assert status == 200
    assert one["birth"]["asset"]["name"] == one["asset"] == "Supply fan 1"


def test_series_keeps_the_peaks_in_the_units_announced(url: str, store: Path) -> None:
    _, _, channels = get(f"{url}/nodes/plant/fan-1/channels")
    rms = next(one for one in channels if one["id"] == "vib.x.rms")
    assert (rms["unit"], rms["limits"]) == ("g", {"h": 0.18, "hh": 0.28})
    span = f"channel=vib.x.rms&start={END - 20 * HOUR}&end={END}"
    _, _, all_ = get(f"{url}/nodes/plant/fan-1/series?{span}&points=10000")
    _, _, few = get(f"{url}/nodes/plant/fan-1/series?{span}&points=50")
    assert (all_["unit"], len(all_["t"])) == ("g", 601)
    assert 25 < len(few["t"]) <= 52
    assert (min(few["value"]), max(few["value"])) == (min(all_["value"]), max(all_["value"]))
    with_reader = StoreReader(store)
    t, v = with_reader.series("plant", "fan-1", "vib.x.rms", END - 20 * HOUR, END, 10_000)
    with_reader.close()
    assert (t.tolist(), v.tolist()) == (all_["t"], all_["value"])
    _, _, thought = get(f"{url}/nodes/plant/fan-1/assessments?start={END - 20 * HOUR}&end={END}&points=10000")
    assert thought[-1]["remaining"]["p10"] < thought[-1]["remaining"]["p50"] < thought[-1]["remaining"]["p90"]


def test_lists_are_whole_and_in_order_whatever_the_page(url: str) -> None:
    events = everything(f"{url}/events?limit=1")
    assert events == everything(f"{url}/events?limit=1000")
    assert [one["t"] for one in events] == sorted((one["t"] for one in events), reverse=True)
    assert len(events) == 4
    assert [one["sev"] for one in everything(f"{url}/events?severity=2")] == [2]
    assert {one["node"] for one in everything(f"{url}/events?node=cold-2")} == {"cold-2"}
    assert [one["reason"] for one in everything(f"{url}/quarantine?limit=3")] == [
        f"reason {n}" for n in range(6, -1, -1)
    ]
    accounts = everything(f"{url}/ledger?limit=1")
    assert [one["node"] for one in accounts] == ["cold-2", "fan-1", "pump-7"]
    assert {one["received"] for one in accounts} == {601}
    _, _, spans = get(f"{url}/overview?channel=vib.x.rms&start={END - HOUR}&end={END}")
    assert [(one["node"], one["unit"], one["t"]) for one in spans] == [
        ("fan-1", "g", END),
        ("pump-7", "g", END),
    ]


def test_waveforms_and_their_samples(url: str) -> None:
    (one,) = everything(f"{url}/waves?limit=1")
    assert (one["id"], one["axes"], one["samples"]) == ("plant/fan-1/9f3a01bc-1-1", "xz", 256)
    _, _, found = get(f"{url}/waves/{one['id']}")
    assert {axis: len(values) for axis, values in found["axes"].items()} == {"x": 256, "z": 256}
    assert (found["unit"], found["wave"], len(found["time_s"])) == ("g", one, 256)


def test_what_has_not_changed_is_not_sent_again(url: str) -> None:
    _, headers, _ = get(f"{url}/nodes")
    tag = headers["ETag"]
    for known in (tag, f"W/{tag}", f'"other", {tag}'):
        status, headers, body = get(f"{url}/nodes", **{"If-None-Match": known})
        assert (status, headers["ETag"], body) == (304, tag, None)
    assert get(f"{url}/nodes", **{"If-None-Match": '"other"'})[0] == 200


@pytest.mark.parametrize(
    ("path", "status", "name", "said"),
    [
        ("/nodes/plant/nobody", 404, "unknown-node", "plant/nobody"),
        ("/nodes/plant/fan-1/series?channel=no.such", 404, "unknown-channel", "no.such"),
        ("/waves/plant/fan-1/00000000-1-1", 404, "unknown-waveform", "00000000-1-1"),
        ("/nowhere", 404, "not-found", "/nowhere"),
        ("/problems/nothing", 404, "not-found", "nothing"),
        ("/nodes?limit=0", 422, "invalid-request", "query.limit"),
        ("/nodes?limit=1001", 422, "invalid-request", "query.limit"),
        ("/nodes?cursor=bm9uc2Vuc2U", 400, "impossible-request", "query.cursor"),
        ("/events?cursor=%22", 422, "invalid-request", "query.cursor"),
        ("/nodes/Plant/fan-1", 422, "invalid-request", "path.site"),
        ("/nodes/plant/fan-1/series", 422, "invalid-request", "query.channel"),
        ("/nodes/plant/fan-1/series?channel=a&start=5&end=4", 400, "impossible-request", "query.start: 5 is after the end"),
        ("/nodes/plant/fan-1/series?channel=a&points=1", 422, "invalid-request", "query.points"),
    ],
)  # fmt: skip
def test_an_error_is_a_problem_that_says_what_where_and_what_to_do(
    url: str, path: str, status: int, name: str, said: str
) -> None:
    found, headers, problem = get(url + path)
    assert (found, headers["Content-Type"]) == (status, "application/problem+json")
    assert problem["status"] == status
    assert said in problem["detail"]
    assert problem["instance"] == "/api/v1" + path.split("?", maxsplit=1)[0]
    assert problem["type"] == f"/api/v1/problems/{name}"
    explained = get(url + problem["type"].removeprefix("/api/v1"))[2]
    assert (explained["title"], explained["status"]) == (problem["title"], status)
    assert explained["todo"]


def test_other_methods_are_refused_with_those_allowed(url: str) -> None:
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(urllib.request.Request(f"{url}/nodes", method=method), timeout=20)
        assert (caught.value.code, caught.value.headers["Allow"]) == (405, "GET")
        assert json.load(caught.value)["type"].endswith("wrong-method")


def test_without_a_store_it_says_so(tmp_path: Path) -> None:
    asyncio.run(_without_a_store(tmp_path))


async def _without_a_store(tmp_path: Path) -> None:
    source = StoreSource(tmp_path / "nothing")
    transport = httpx.ASGITransport(api(lambda: source))
    async with httpx.AsyncClient(transport=transport, base_url="http://babbitt") as client:
        answer = await client.get("/nodes")
    source.close()
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "2")
    assert "There is no store in" in answer.json()["detail"]


def test_the_description_is_the_one_in_the_documentation(url: str) -> None:
    _, _, said = get(f"{url}/openapi.json")
    said["info"].pop("version")
    kept = json.loads((REPOSITORY / "docs" / "protocol" / "openapi.json").read_text())
    assert said == kept, "run `python -m babbitt.web.api docs/protocol/openapi.json`"


def test_every_number_with_a_unit_says_it(url: str) -> None:
    schemas = get(f"{url}/openapi.json")[2]["components"]["schemas"]
    ending = {"_ms": "ms", "_s": "s", "_hz": "Hz", "_ppm": "ppm", "_t": "ms"}
    seen = 0
    for name, schema in schemas.items():
        for field, about in schema.get("properties", {}).items():
            unit = next((unit for end, unit in ending.items() if field.endswith(end)), None)
            if unit:
                assert about.get("x-unit") == unit, f"{name}.{field}"
                seen += 1
    assert seen > 10


def test_all_kinds_of_problems_are_explained_and_in_the_page(url: str) -> None:
    page = (REPOSITORY / "docs" / "api.md").read_text()
    assert {one["name"] for one in get(f"{url}/problems")[2]} == set(KINDS)
    paths = get(f"{url}/openapi.json")[2]["paths"]
    assert [name for name in (*KINDS, *paths) if f"`{name}`" not in page] == []


def test_names_with_anything_in_them_are_refused_or_not_found(url: str) -> None:
    for name in ("..", "%00", "fan-1'--", "ü", "a" * 33, " "):
        status, _, problem = get(f"{url}/nodes/plant/{quote(name, safe='')}")
        assert status in (404, 422), name
        assert problem["detail"]


def test_a_thousand_nodes_come_in_pages(tmp_path: Path) -> None:
    fill = Filler(tmp_path / "store")
    with fill.writer.transaction():
        for n in range(1001):
            fill.writer.node("hall", f"n{n:04}")
    fill.close()
    reader = StoreReader(tmp_path / "store")
    first = reader.nodes(None, None, 600)
    rest = reader.nodes(None, (first[-1].site, first[-1].node), 600)
    assert [one.node for one in (*first, *rest)] == [f"n{n:04}" for n in range(1001)]
    reader.close()
