"""Parts that a PC may lack: a test that needs one is skipped by name, and fails where CI=true.

`@pytest.mark.part("mosquitto")` names a part; `@pytest.mark.data` needs the recordings. What was skipped for a missing part is listed
at the end of the run, so that nothing is left out silently.
"""

from __future__ import annotations

import gc
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


MEMORY = Path("/dev/shm")
ROOM = 4 << 30
"""Bytes free there for the suite to use it; it takes about 100 MB, and a full disk is told below 1 GB."""


def pytest_configure(config: pytest.Config) -> None:
    """Folders of tests lie in memory where there is room: MicroPython syncs at every flush, the store at every file.

    With several workers, files go in the order of the folders: those of few but long tests (docs, e2e) begin, where xdist would
    keep them for the end, when one worker waits for the other.
    """
    if hasattr(config.option, "loadscopereorder"):
        config.option.loadscopereorder = False
    if MEMORY.is_dir() and os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free >= ROOM:
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(MEMORY))


def _find_part(name: str) -> str | None:
    """Path of an external part, or None. Wheels put programs beside the interpreter, Debian keeps servers in /usr/sbin."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", ""), "/usr/sbin"])
    names = {"chromium": ("chromium", "chromium-browser", "google-chrome")}.get(name, (name,))
    return next((found for n in names if (found := shutil.which(n, path=path))), None)


def recordings() -> Path:
    """The folder of recordings: BABBITT_DATA or ../shared/data."""
    return Path(os.environ.get("BABBITT_DATA", ROOT.parent / "shared" / "data"))


def _missing(item: pytest.Item) -> str | None:
    for mark in item.iter_markers("part"):
        if _find_part(mark.args[0]) is None:
            return f"part {mark.args[0]}"
    if item.get_closest_marker("data") and not recordings().is_dir():
        return f"recordings ({recordings()})"
    return None


def pytest_runtest_setup(item: pytest.Item) -> None:
    missing = _missing(item)
    if missing is None:
        return
    if os.environ.get("CI") == "true":
        pytest.fail(f"missing {missing}, and CI=true allows no skip", pytrace=False)
    pytest.skip(f"missing {missing}")


@pytest.fixture(scope="session", autouse=True)
def _no_settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Whatever settings this PC has, tests begin with none."""
    before = {name: os.environ.get(name) for name in ("BABBITT_CONFIG", "BABBITT_STORE")}
    path = tmp_path_factory.mktemp("settings") / "babbitt.toml"
    path.write_text("")
    os.environ["BABBITT_CONFIG"] = str(path)
    os.environ.pop("BABBITT_STORE", None)
    yield
    for name, value in before.items():
        os.environ.pop(name, None)
        if value is not None:
            os.environ[name] = value


@pytest.fixture(scope="module", autouse=True)
def _small_garbage() -> None:
    """What was imported so far is no garbage. The firmware collects at every step, as a node must; here each of those would
    walk through all modules of the run, numpy's and DuckDB's among them (a fifth of a second late in the suite).
    """
    gc.collect()
    gc.freeze()


@pytest.fixture
def data_dir() -> Path:
    """The folder of recordings (mark the test with `data`)."""
    return recordings()


@pytest.fixture
def mosquitto_path() -> str:
    found = _find_part("mosquitto")
    assert found is not None
    return found


@pytest.fixture
def chromium_path() -> str:
    found = _find_part("chromium")
    assert found is not None
    return found
