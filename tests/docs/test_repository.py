"""The repository's own promises: links resolve, make targets exist, dependencies are explained, nothing private is committed."""

from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def tracked(*patterns: str) -> list[Path]:
    """Files git knows or would add; outside a checkout (an unpacked archive) every file below the root."""
    found = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", *patterns],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.returncode == 0, f"git ls-files failed: {found.stderr}"
    return [path for name in found.stdout.splitlines() if (path := ROOT / name).is_file()]


MARKDOWN = [p for p in tracked("*.md") if p.suffix == ".md"]


@pytest.mark.parametrize("page", MARKDOWN, ids=lambda p: str(p.relative_to(ROOT)))
def test_relative_links_resolve(page: Path) -> None:
    text = re.sub(r"```.*?```", "", page.read_text(), flags=re.S)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"[a-z]+:", target) or target.startswith("#"):
            continue
        assert (page.parent / target.split("#")[0]).exists(), (
            f"{page.name} links to {target}, which is not there"
        )


def test_every_make_target_named_in_the_docs_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), flags=re.M))
    for page in MARKDOWN:
        for target in re.findall(r"(?:^|[`\s=\d])make ([a-z][a-z-]+)\b", page.read_text(), flags=re.M):
            in_code = re.search(
                rf"(`[^`\n]*make {target}\b|^    .*make {target}\b)", page.read_text(), flags=re.M
            )
            if in_code:
                assert target in targets, (
                    f"{page.name} names 'make {target}', which the Makefile does not have"
                )


def test_make_help_lists_every_target() -> None:
    makefile = (ROOT / "Makefile").read_text()
    phony = set(re.search(r"^\.PHONY: (.*)$", makefile, flags=re.M)[1].split())  # type: ignore[index]
    shown = subprocess.run(
        ["make", "-s", "help"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    assert {t for t in phony if f"make {t} " in shown} == phony


def test_every_dependency_is_explained() -> None:
    page = (ROOT / "docs/dependencies.md").read_text()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    names = [re.match(r"[A-Za-z0-9_-]+", d)[0] for d in project["dependencies"]]  # type: ignore[index]
    names += [
        line
        for line in (ROOT / "requirements/dev.in").read_text().split()
        if re.fullmatch(r"[a-z][a-z-]+", line)
    ]
    assert len(names) > 12
    assert [n for n in names if n not in page] == []


def test_run_requirements_are_those_of_the_project() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert (ROOT / "requirements/run.in").read_text().splitlines() == project["dependencies"]


@pytest.mark.parametrize("name", ["run", "build", "dev"])
def test_locks_carry_hashes_and_name_no_host(name: str) -> None:
    text = (ROOT / f"requirements/{name}.txt").read_text()
    pins = re.findall(r"^[A-Za-z0-9_.-]+==", text, flags=re.M)
    assert pins
    assert text.count("--hash=sha256:") >= len(pins)
    assert "://" not in text


def test_nothing_private_is_in_a_tracked_file() -> None:
    # put together here so that this file does not hold what it looks for
    hosts = [
        "py" + "pi.org",
        "python" + "hosted.org",
        "npm" + "js.org",
        "npm" + "js.com",
        "deb.deb" + "ian.org",
    ]
    paths = ["/wo" + "rk/main", "/wo" + "rk/shared", "/ro" + "ot/"]
    bad = []
    for path in tracked():
        if path.suffix in {".png", ".npz", ".gz"}:
            continue
        text = path.read_text(errors="replace")
        bad += [f"{path.relative_to(ROOT)}: {word}" for word in hosts + paths if word in text]
    assert bad == []


def test_every_bench_is_documented() -> None:
    page = (ROOT / "docs/benchmarks.md").read_text()
    benches = [
        p.stem
        for at in ("bench", "bench/predict")
        for p in (ROOT / at).glob("*.py")
        if "def main" in p.read_text()
    ]
    assert benches
    assert [b for b in benches if f"`{b}`" not in page] == []


def test_every_bench_of_prediction_takes_the_folder_it_is_given() -> None:
    """bench/predict_all.py gives it to all."""
    benches = list((ROOT / "bench/predict").glob("*.py"))
    assert benches
    assert [p.name for p in benches if 'add_argument("--data"' not in p.read_text()] == []


def test_every_test_file_has_a_name_of_its_own() -> None:
    """pytest imports them by their names alone: two of one name end the collection of all."""
    names = [path.name for path in (ROOT / "tests").rglob("test_*.py")]
    assert [name for name in set(names) if names.count(name) > 1] == []
