"""What people say of alarms over the REST interface and on the page, on a real server with a real store."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from page_store import HOUR, Filler, demo_like
from playwright.sync_api import Browser, Playwright, expect, sync_playwright

from babbitt.store.reader import StoreReader
from babbitt.web import WebServer

END = 1_789_000_000_000
ARGS = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync")


@pytest.fixture
def filled(tmp_path: Path) -> Iterator[Filler]:
    fill = demo_like(tmp_path / "store", END)
    yield fill
    fill.close()


@pytest.fixture
def url(filled: Filler) -> Iterator[str]:
    with WebServer(filled.writer.path) as server:
        yield f"{server.url}api/v1"


def call(url: str, body: Any = None, raw: bytes | None = None, **headers: str) -> tuple[int, Any]:
    """Status and JSON of an answer; with a body it is a POST."""
    data = raw if raw is not None else json.dumps(body).encode() if body is not None else None
    said = {"Content-Type": "application/json"} | {
        key.replace("_", "-"): value for key, value in headers.items()
    }
    try:
        with urllib.request.urlopen(urllib.request.Request(url, data, said), timeout=20) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def alarms(url: str, node: str = "fan-1") -> list[int]:
    """The alarms of a node, newest first."""
    return [one["id"] for one in call(f"{url}/events?node={node}&severity=1")[1]["items"]]


def test_a_mark_is_kept_and_what_follows_is_answered(url: str) -> None:
    newest, check, first = alarms(url)
    there = f"{url}/nodes/plant/fan-1/marks"
    for event, verdict in ((newest, "wrong"), (first, "right"), (check, "right"), (newest, "new_normal")):
        status, found = call(there, {"event": event, "verdict": verdict, "who": "ann", "note": "a door"})
        assert status == 201
    assert (found["host"]["right"], found["host"]["wrong"], found["checks"]["right"]) == (1, 1, 1)
    assert found["tolerance"] == {
        "factor": 0.98,
        "wrong": 0,
        "right": 1,
        "text": "lowered 2 % after 1 alarm marked right",
    }
    status, page = call(f"{url}/marks?limit=2")
    rest = call(f"{url}/marks?limit=2&cursor={page['next']}")[1]
    marks = page["items"] + rest["items"]
    assert [(one["event"], one["verdict"]) for one in marks] == [
        (newest, "new_normal"), (check, "right"), (first, "right"),
    ]  # fmt: skip
    assert rest["next"] is None
    assert (marks[0]["who"], marks[0]["note"], marks[0]["since"]) == ("ann", "a door", END)
    _, all_ = call(f"{url}/precision")
    assert [(one["node"], one["host"]["precision"]) for one in all_["nodes"]] == [
        ("cold-2", None), ("fan-1", 0.5), ("pump-7", None),
    ]  # fmt: skip
    assert all_["nodes"][0]["tolerance"]["text"] == "as learnt: no alarm was called right or wrong"
    assert (all_["host"]["right"], all_["host"]["unmarked"], all_["checks"]["precision"]) == (1, 1, 1.0)
    status, found = call(there, {"verdict": "reset"})
    assert (status, found["tolerance"]["factor"], found["host"]["right"]) == (201, 1.0, 1)


def test_what_cannot_be_is_a_problem_and_nothing_is_kept(url: str) -> None:
    event = alarms(url)[0]
    there = f"{url}/nodes/plant/fan-1/marks"
    good = {"event": event, "verdict": "right"}
    for where, body, status, name, word in (
        (there, {"event": 10**6, "verdict": "right"}, 404, "unknown-event", "no event 1000000"),
        (
            there,
            {"event": alarms(url, "cold-2")[0], "verdict": "right"},
            400,
            "impossible-request",
            "plant/cold-2",
        ),
        (there, {"event": event, "verdict": "reset"}, 400, "impossible-request", "body.event"),
        (there, {"verdict": "right"}, 400, "impossible-request", "body.event"),
        (there, {"event": alarms(url)[1], "verdict": "new_normal"}, 400, "impossible-request", "relearn"),
        (there, good | {"verdict": "maybe"}, 422, "invalid-request", "body.verdict"),
        (there, good | {"note": "a\x1b"}, 422, "invalid-request", "body.note"),
        (there, good | {"more": 1}, 422, "invalid-request", "body.more"),
        (f"{url}/nodes/plant/nobody/marks", good, 404, "unknown-node", "nobody"),
    ):
        found, problem = call(where, body)
        assert (found, problem["type"]) == (status, f"/api/v1/problems/{name}"), body
        assert word in problem["detail"]
    # A page of somewhere else cannot write: neither as a form does, nor with a script.
    raw = json.dumps(good).encode()
    assert call(there, raw=raw, Content_Type="text/plain")[0] == 422
    status, problem = call(there, good, Origin="http://evil.example")
    assert (status, problem["type"]) == (403, "/api/v1/problems/foreign-origin")
    assert call(f"{url}/marks")[1]["items"] == []
    host = url.split("/")[2]
    assert call(there, good, Origin=f"http://{host}")[0] == 201


def test_an_alarm_is_acknowledged_once_with_a_name(url: str) -> None:
    newest, check, first = alarms(url)
    there = f"{url}/nodes/plant/fan-1/acknowledgements"
    before = time.time() * 1000
    for event, who in ((newest, "Ann"), (check, "Bob")):
        status, found = call(there, {"event": event, "who": who, "note": "looked at it"})
        assert (status, found["event"], found["who"], found["note"]) == (201, event, who, "looked at it")
        assert before - 1000 < found["at"] < time.time() * 1000 + 1000
    _, page = call(f"{url}/acknowledgements?limit=1&node=fan-1")
    _, rest = call(f"{url}/acknowledgements?limit=1&node=fan-1&cursor={page['next']}")
    assert [one["event"] for one in page["items"] + rest["items"]] == [check, newest]
    assert rest["next"] is None
    assert call(f"{url}/precision")[1]["host"]["right"] == 0  # it judges nothing
    good = {"event": first, "who": "Ann"}
    for where, body, status, name, word in (
        (there, {"event": newest, "who": "Bob"}, 400, "impossible-request", "by Ann already"),
        (there, {"event": alarms(url, "cold-2")[0], "who": "Ann"}, 400, "impossible-request", "plant/cold-2"),
        (there, {"event": 10**6, "who": "Ann"}, 404, "unknown-event", "no event 1000000"),
        (there, {"event": first}, 422, "invalid-request", "body.who"),
        (there, {"event": first, "who": ""}, 422, "invalid-request", "body.who"),
        (there, {"event": first, "who": " "}, 400, "impossible-request", "has a name"),
        (f"{url}/nodes/plant/nobody/acknowledgements", good, 404, "unknown-node", "nobody"),
    ):
        found, problem = call(where, body)
        assert (found, problem["type"]) == (status, f"/api/v1/problems/{name}"), body
        assert word in problem["detail"] + str(problem.get("errors"))
    assert call(there, good, Origin="http://evil.example")[0] == 403
    assert len(call(f"{url}/acknowledgements")[1]["items"]) == 2


@pytest.fixture(scope="module")
def play() -> Iterator[Playwright]:
    with sync_playwright() as started:
        yield started


@pytest.fixture
def browser(play: Playwright, chromium_path: str) -> Iterator[Browser]:
    launched = play.chromium.launch(executable_path=chromium_path, args=list(ARGS))
    yield launched
    launched.close()


@pytest.mark.part("chromium")
def test_buttons_beside_an_alarm_say_what_it_was(filled: Filler, browser: Browser, tmp_path: Path) -> None:
    filled.host_event("fan-1", END - HOUR // 4, 0, "Back to normal")
    page = browser.new_context(viewport={"width": 1280, "height": 800}).new_page()
    bad: list[str] = []
    page.on("console", lambda m: bad.append(m.text) if m.type in ("error", "warning") else None)
    with WebServer(filled.writer.path) as server:
        page.goto(f"{server.url}node/plant/fan-1")
        rows = page.locator("tbody tr")
        expect(rows).to_have_count(4)
        expect(rows.nth(0).locator("button")).to_have_count(0)
        expect(rows.nth(1).locator("button")).to_have_text(["Right", "Wrong", "Unsure", "New normal"])
        expect(rows.nth(2).locator("button")).to_have_text(
            ["Right", "Wrong", "Unsure"]
        )  # of a check of the node
        expect(page.get_by_text("no alarm marked right or wrong, 2 not marked")).to_be_visible()
        rows.nth(1).get_by_role("button", name="Wrong").click()
        expect(rows.nth(1).get_by_role("button", name="Wrong")).to_have_attribute("aria-pressed", "true")
        expect(page.get_by_text("raised 7 % after 1 alarm marked wrong")).to_be_visible()
        rows.nth(1).get_by_role("button", name="Right").click()
        expect(rows.nth(1).get_by_role("button", name="Right")).to_have_attribute("aria-pressed", "true")
        expect(rows.nth(1).get_by_role("button", name="Wrong")).to_have_attribute("aria-pressed", "false")
        expect(page.get_by_text("1 of 1 marked alarms were right: 100%")).to_be_visible()
        page.screenshot(path=tmp_path / "marks.png", full_page=True)
        page.set_viewport_size({"width": 390, "height": 844})
        page.wait_for_function("document.documentElement.scrollWidth <= innerWidth")
        # Another viewer sees it as well.
        other = browser.new_context().new_page()
        other.goto(f"{server.url}node/plant/fan-1")
        expect(other.locator("tbody tr").nth(1).get_by_role("button", name="Right")).to_have_attribute(
            "aria-pressed", "true"
        )
    assert bad == []
    reader = StoreReader(filled.writer.path)
    (one,) = reader.marks()
    reader.close()
    assert (one.verdict, one.who, one.event) == ("right", "page", 3)
    assert abs(one.at - time.time() * 1000) < 600_000
