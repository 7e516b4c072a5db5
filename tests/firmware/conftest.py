"""Every firmware test runs twice: on CPython, and on the real MicroPython with the heap of an ESP32.

A `test_*.py` in this folder holds plain functions without arguments and imports only what both runtimes have;
`helpers.py` offers `raises` and the like. Each test starts in an empty working directory. Tests that need
CPython alone are in `cpython/` and are ordinary pytest files.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))  # for `helpers` and `mp_runner`, whatever the import mode of pytest

from mp_runner import Runner, find_tool  # noqa: E402

_RUNNER = pytest.StashKey[Runner]()


def _runs_twice(path: Path) -> bool:
    return path.parent == HERE


def _runtime_of(item: pytest.Item) -> str | None:
    callspec = getattr(item, "callspec", None)
    return callspec.params.get("runtime") if callspec and _runs_twice(item.path) else None


@pytest.fixture(autouse=True)
def runtime(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs the test in an empty folder; its parameter says on which runtime."""
    if getattr(request, "param", None) == "cpython":
        monkeypatch.chdir(tmp_path)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if _runs_twice(Path(str(metafunc.module.__file__)).resolve()):
        metafunc.parametrize("runtime", ["cpython", "micropython"], indirect=True)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if find_tool("micropython") and find_tool("mpy-cross"):
        return
    for item in items:
        if _runtime_of(item) == "micropython" or "mp" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.part("micropython"))


@pytest.fixture(scope="session")
def mp_modules(mp: Runner) -> Path:
    """Folder of the compiled node modules."""
    return mp.path()


@pytest.fixture(scope="session")
def mp(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Runner:
    """The session's MicroPython runner."""
    return _runner(request.config, tmp_path_factory)


def _runner(config: pytest.Config, folders: pytest.TempPathFactory) -> Runner:
    if _RUNNER not in config.stash:
        config.stash[_RUNNER] = Runner(folders.mktemp("micropython"))
    return config.stash[_RUNNER]


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    if _runtime_of(pyfuncitem) != "micropython":
        return None
    wanted = [
        getattr(item, "originalname", item.name)
        for item in pyfuncitem.session.items
        if item.path == pyfuncitem.path and _runtime_of(item) == "micropython"
    ]
    runner = pyfuncitem._request.getfixturevalue("mp")
    result = runner.result(pyfuncitem.path, wanted)
    if result.output:
        print(result.output)
    name = pyfuncitem.originalname
    if name not in result.verdicts:
        pytest.fail(result.died, pytrace=False)
    error = result.verdicts[name]
    if error is not None:
        pytest.fail("on MicroPython:\n" + error, pytrace=False)
    return True
