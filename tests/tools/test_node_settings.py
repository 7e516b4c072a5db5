"""Who a node is: every answer arrives, what is missing or does not go together is told, and no secret is ever shown."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from babbitt_node.config import validate_node
from babbitt_tools.errors import BoardError
from babbitt_tools.node import boards, settings
from babbitt_tools.node.settings import Answers, configuration, identity, redacted
from pki import Pki

WIFI = boards.load("ESP32_GENERIC")
LAN = boards.load("OLIMEX_ESP32_POE")
SECRET, OTHER = "correct horse", "battery staple"
BASE: dict[str, Any] = {"site": "plant", "node": "n1", "broker": "10.0.0.1", "wifi": "hall"}


@pytest.fixture(autouse=True)
def _nothing_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(settings.WIFI_SECRET, SECRET)
    monkeypatch.delenv(settings.BROKER_SECRET, raising=False)
    monkeypatch.setattr(settings, "_asked", {})


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    made = Pki(tmp_path_factory.mktemp("pki"))
    made.leaf("node")
    return made


def document(**answers: Any) -> dict[str, Any]:
    return identity(WIFI, Answers(**{**BASE, **answers})).document


def refused(words: str, board: boards.Board = WIFI, before: Any = None, **answers: Any) -> str:
    given = {k: v for k, v in {**BASE, **answers}.items() if v is not None}
    with pytest.raises(BoardError, match=words) as caught:
        identity(board, Answers(**given), before)
    assert SECRET not in str(caught.value)
    assert OTHER not in str(caught.value)
    return str(caught.value)


def text(folder: Path, content: str | bytes) -> Path:
    path = folder / "secret.txt"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def test_the_least_that_a_node_needs() -> None:
    made = identity(WIFI, Answers(**BASE))
    assert made.name == "plant/n1"
    assert made.certificates == {}
    assert made.document == {
        "site": "plant",
        "node": "n1",
        "wifi": {"ssid": "hall", "password": SECRET},
        "broker": {"host": "10.0.0.1"},
    }


def test_every_answer_is_in_the_file_and_the_node_takes_it(pki: Pki, tmp_path: Path) -> None:
    answers = Answers(
        "plant", "n1", "broker.example:8884", "hall", text(tmp_path, SECRET + "\r\n"), "login", text(tmp_path, SECRET),
        pki.path("ca.pem"), pki.path("node.pem"), pki.path("node.key"), "name.example", "pool.example",
    )  # fmt: skip
    assert None not in [getattr(answers, name) for name in Answers.__dataclass_fields__]
    made = identity(WIFI, answers)
    assert made.document == {
        "site": "plant",
        "node": "n1",
        "wifi": {"ssid": "hall", "password": SECRET},
        "broker": {
            "host": "broker.example",
            "port": 8884,
            "user": "login",
            "password": SECRET,
            "tls": {"ca": "ca.der", "cert": "node.der", "key": "node.key.der", "server_name": "name.example"},
        },
        "ntp": {"host": "pool.example"},
    }
    assert validate_node(made.document)["broker"]["port"] == 8884
    assert made.certificates == {
        "ca.der": pki.path("ca.der").read_bytes(),
        "node.der": pki.path("node.der").read_bytes(),
        "node.key.der": pki.path("node.key.der").read_bytes(),
    }


@pytest.mark.parametrize("key", ["node.key", "node.key.der"])
@pytest.mark.parametrize("cert", ["node.pem", "node.der"])
@pytest.mark.parametrize("ca", ["ca.pem", "ca.der"])
def test_pem_and_der_are_the_same(ca: str, cert: str, key: str, pki: Pki) -> None:
    answers = {"ca": pki.path(ca), "cert": pki.path(cert), "key": pki.path(key), "ntp": "t"}
    made = identity(WIFI, Answers(**BASE, **answers)).certificates
    assert made["ca.der"] == pki.path("ca.der").read_bytes()
    assert made["node.der"] == pki.path("node.der").read_bytes()
    assert made["node.key.der"] == pki.path("node.key.der").read_bytes()


def test_a_key_as_openssl_wrote_it_long_ago(pki: Pki) -> None:
    old = pki.path("old.key")
    subprocess.run(
        ["openssl", "ec", "-in", pki.path("node.key"), "-out", old], check=True, capture_output=True
    )
    assert b"BEGIN EC PRIVATE KEY" in old.read_bytes()
    made = identity(WIFI, Answers(**BASE, ca=pki.path("ca.pem"), cert=pki.path("node.pem"), key=old, ntp="t"))
    assert made.certificates["node.key.der"] == pki.path("node.key.der").read_bytes()


@pytest.mark.parametrize(
    ("without", "words"),
    [
        ("site", "name for its site: give --site"),
        ("node", "name for its node: give --node"),
        ("broker", "give --broker HOST or HOST:PORT"),
        ("wifi", "ESP32_GENERIC is on the network by Wi-Fi: give --wifi"),
    ],
)
def test_what_is_missing_is_asked_for_by_its_option(without: str, words: str) -> None:
    refused(words, **{without: None})


@pytest.mark.parametrize(
    ("answers", "words"),
    [
        ({"site": "Plant"}, r"^node\.json: site: "),
        ({"node": "n 1"}, r"^node\.json: node: "),
        ({"node": "n" * 33}, r"^node\.json: node: "),
        ({"wifi": "w" * 33}, r"^node\.json: wifi\.ssid: "),
        ({"broker": "b" * 129}, r"^node\.json: broker\.host: "),
        ({"broker": "host:0"}, r"^node\.json: broker\.port: "),
        ({"broker": "host:70000"}, r"^--broker: 'host:70000' is no address"),
        ({"broker": "host:mqtt"}, r"^--broker: "),
        ({"broker": ":1883"}, r"^--broker: "),
        ({"broker": "mqtts://host:8883"}, r"^--broker: .*give HOST or HOST:PORT; --ca is what makes it TLS"),
        ({"ntp": "n" * 129}, r"^node\.json: ntp\.host: "),
        ({"server_name": "name"}, "--server-name needs --ca"),
    ],
)
def test_what_the_node_would_refuse_is_refused_here(answers: dict[str, Any], words: str) -> None:
    refused(words, **answers)


def test_a_secret_that_the_node_would_refuse_is_not_in_the_words(tmp_path: Path) -> None:
    refused(r"wifi\.password: expected text of at most 64", wifi_password_file=text(tmp_path, SECRET * 9))
    long = text(tmp_path, OTHER * 20)
    refused(r"broker\.password: expected 1 to 128 bytes", user="u", password_file=long)
    control = text(tmp_path, OTHER + "\x07")
    refused(r"broker\.password: expected text without control", user="u", password_file=control)


def test_what_belongs_together(pki: Pki, tmp_path: Path) -> None:
    ca, cert, key = (pki.path(name) for name in ("ca.pem", "node.pem", "node.key"))
    refused("TLS needs the time .*give --ntp", ca=ca)
    refused("--cert and --key belong together", ca=ca, cert=cert, ntp="t")
    refused("--cert and --key belong together", ca=ca, key=key, ntp="t")
    refused("needs --ca, that of the authority", cert=cert, key=key)
    refused("--password-file is the password of a login: give --user", password_file=text(tmp_path, OTHER))
    stranger = pki.path("stranger.key")
    refused(
        r"stranger\.key is not the key of the certificate .*node\.pem",
        ca=ca,
        cert=cert,
        key=stranger,
        ntp="t",
    )


def test_files_that_are_something_else(pki: Pki, tmp_path: Path) -> None:
    ca, cert, key = (pki.path(name) for name in ("ca.pem", "node.pem", "node.key"))
    rubbish, empty = text(tmp_path, OTHER), tmp_path / "empty"
    empty.touch()
    for wrong in (rubbish, empty, key, pki.path("node.key.der")):
        refused(rf"{wrong} is no certificate \(PEM or DER\)", ca=wrong, ntp="t")
    half = tmp_path / "half.pem"
    half.write_bytes(cert.read_bytes()[:300])
    refused(r"half\.pem is no certificate", ca=half, ntp="t")
    for wrong in (rubbish, empty, cert, pki.path("node.der"), half):
        refused(rf"{wrong} is no private key without a pass phrase", ca=ca, cert=cert, key=wrong, ntp="t")
    locked = tmp_path / "locked.key"
    subprocess.run(
        ["openssl", "pkcs8", "-topk8", "-in", key, "-passout", f"pass:{OTHER}", "-out", locked], check=True
    )
    refused(r"locked\.key is no private key without a pass phrase", ca=ca, cert=cert, key=locked, ntp="t")
    nowhere = tmp_path / "nowhere"
    refused("nowhere cannot be read: No such file", ca=nowhere, ntp="t")
    refused("nowhere cannot be read: No such file", ca=ca, cert=cert, key=nowhere, ntp="t")
    refused("nowhere cannot be read: No such file", wifi_password_file=nowhere)
    refused(r"secret\.txt is no text", wifi_password_file=text(tmp_path, b"\xff\xfe"))
    refused(r"secret\.txt has several lines", wifi_password_file=text(tmp_path, f"{SECRET}\n{OTHER}\n"))


def test_a_secret_comes_from_the_file_then_from_the_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = text(tmp_path, OTHER + "\n")
    assert document(wifi_password_file=file)["wifi"]["password"] == OTHER
    assert document()["wifi"]["password"] == SECRET
    monkeypatch.setenv(settings.BROKER_SECRET, OTHER)
    assert document(user="u")["broker"] == {"host": "10.0.0.1", "user": "u", "password": OTHER}
    monkeypatch.setenv(settings.WIFI_SECRET, "")
    assert document()["wifi"]["password"] == "", "an open network"


PROMPT = """
from babbitt_tools.node import boards, settings
from babbitt_tools.node.settings import Answers
for node in ("n1", "n2"):
    answers = Answers("plant", node, "10.0.0.1", "hall", user="me")
    made = settings.identity(boards.load("ESP32_GENERIC"), answers)
    print(repr(made.document["wifi"]["password"][::-1]), repr(made.document["broker"]["password"][::-1]))
"""


def test_a_secret_is_asked_for_once_and_not_shown() -> None:
    """On a terminal: a pty that is the controlling one of the process, as getpass wants it."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.environ.pop(settings.WIFI_SECRET, None)
        os.execv(sys.executable, [sys.executable, "-c", PROMPT])
    said = b""
    answers = [(b"Password of the Wi-Fi hall: ", SECRET), (b"Password of me at the broker: ", OTHER)]
    try:
        while chunk := os.read(terminal, 1024):
            said += chunk
            if answers and answers[0][0] in said:
                os.write(terminal, answers.pop(0)[1].encode() + b"\n")
    except OSError:
        pass  # the other side is closed
    assert os.waitpid(pid, 0)[1] == 0, said
    os.close(terminal)
    assert not answers
    assert said.count(b"Password of") == 2
    assert said.count(repr(SECRET[::-1]).encode()) == 2
    assert said.count(repr(OTHER[::-1]).encode()) == 2
    assert SECRET.encode() not in said
    assert OTHER.encode() not in said


def test_without_a_terminal_it_says_where_a_secret_may_come_from() -> None:
    environment = {k: v for k, v in os.environ.items() if k != settings.WIFI_SECRET}
    done = subprocess.run(
        [sys.executable, "-c", PROMPT],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, env=environment, timeout=60,
    )  # fmt: skip
    assert (
        "Password of the Wi-Fi hall is needed: give a file with it, or the environment variable "
        "BABBITT_WIFI_PASSWORD" in done.stderr
    )


def test_what_is_not_given_stays(pki: Pki, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv(settings.WIFI_SECRET)
    tls = {"ca": "old.der", "cert": "c.der", "key": "k.der", "server_name": "s"}
    before: dict[str, Any] = {
        "site": "plant",
        "node": "n1",
        "wifi": {"ssid": "hall", "password": SECRET},
        "broker": {"host": "h", "port": 99, "user": "u", "password": OTHER, "keepalive_s": 60, "tls": tls},
        "ntp": {"host": "t", "port": 124},
        "spool_bytes": 200_000,
    }
    untouched = json.dumps(before)
    assert identity(WIFI, Answers(), before).document == before
    moved = identity(WIFI, Answers(node="n2", broker="other"), before).document
    broker = before["broker"] | {"host": "other"}
    del broker["port"]  # it was that of the other address
    assert moved == before | {"node": "n2", "broker": broker}
    renewed = identity(WIFI, Answers(ca=pki.path("ca.pem")), before)
    assert renewed.document["broker"]["tls"] == tls | {"ca": "ca.der"}
    assert set(renewed.certificates) == {"ca.der"}
    new = text(tmp_path, "new secret")
    changed = identity(WIFI, Answers(wifi_password_file=new, password_file=new), before).document
    assert changed["wifi"] == {"ssid": "hall", "password": "new secret"}
    assert changed["broker"] == before["broker"] | {"password": "new secret"}
    assert json.dumps(before) == untouched, "what was given was changed"


@pytest.mark.parametrize("part", ["wifi", "broker"])
@pytest.mark.parametrize("value", [SECRET, None, 5, [SECRET]])
def test_a_node_json_that_somebody_broke_is_mended(part: str, value: Any) -> None:
    before = {"site": "plant", "node": "n1", part: value}
    assert identity(WIFI, Answers(**BASE), before).document == identity(WIFI, Answers(**BASE)).document
    refused("give --", before=before, **{part: None})


def test_a_board_with_a_cable_needs_no_wifi(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(settings.WIFI_SECRET)
    for wifi in (None, "hall"):  # one for a whole fleet is no error
        made = identity(LAN, Answers("plant", "n1", "h", wifi), {"wifi": {"ssid": "a", "password": SECRET}})
        assert made.document == {"site": "plant", "node": "n1", "broker": {"host": "h"}}


def test_no_answer_and_no_secret_in_words(pki: Pki, tmp_path: Path) -> None:
    assert Answers().nothing
    for name in Answers.__dataclass_fields__:
        assert not Answers(**{name: Path("x")}).nothing
    made = identity(
        WIFI,
        Answers(
            **BASE,
            user="u",
            password_file=text(tmp_path, OTHER),
            ca=pki.path("ca.pem"),
            cert=pki.path("node.pem"),
            key=pki.path("node.key"),
            ntp="t",
        ),
    )
    key = repr(made.certificates["node.key.der"])[2:40]
    for words in (repr(made), str(made)):
        assert SECRET not in words
        assert OTHER not in words
        assert key not in words


def test_redacted_hides_passwords_and_nothing_else() -> None:
    whole = {
        "site": "a",
        "wifi": {"ssid": "password", "password": SECRET},
        "broker": {"password": OTHER, "tls": {"ca": "c"}, "user": None},
        "n": [1],
    }
    assert redacted(whole) == {
        "site": "a",
        "wifi": {"ssid": "password", "password": "***"},
        "broker": {"password": "***", "tls": {"ca": "c"}, "user": None},
        "n": [1],
    }
    assert redacted({"wifi": {"password": ""}, "password": None}) == {
        "wifi": {"password": ""},
        "password": None,
    }


CONFIG: dict[str, Any] = {
    "asset": {"name": "Fan", "kind": "machine"},
    "sensors": [{"id": "temp", "driver": "ds18b20", "bus": "ow0"}],
}


def test_a_configuration_is_checked_as_the_node_will(tmp_path: Path) -> None:
    path = tmp_path / "fan.json"
    path.write_text(json.dumps(CONFIG))
    assert configuration(WIFI, path) == CONFIG
    path.write_text(json.dumps({"rev": 5, "config": CONFIG}))
    assert configuration(WIFI, path) == CONFIG
    for content, words in (
        ("{", "is no JSON"),
        (b"\xff", "is no JSON"),
        ("[]", "the document: expected an object"),
        ("{}", "asset: missing"),
        (json.dumps({**CONFIG, "interval": 5}), "interval: unknown key: did you mean 'interval_s'"),
        (json.dumps({**CONFIG, "sensors": [{**CONFIG["sensors"][0], "bus": "ow1"}]}), r"sensors\[0\]\.bus: "),
        (
            json.dumps({**CONFIG, "sensors": [{**CONFIG["sensors"][0], "bus": "spi0"}]}),
            r"sensors\[0\]\.bus: ",
        ),
    ):
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        with pytest.raises(BoardError, match=rf"^{path}:? .*{words}|^{path}: {words}"):
            configuration(WIFI, path)
    with pytest.raises(BoardError, match="cannot be read: No such file"):
        configuration(WIFI, tmp_path / "nowhere.json")
