"""Reading the documentation as data: tables, sections, code blocks, and the edits that how-to pages describe."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"


@dataclass(frozen=True)
class Table:
    """One table of a page: the heading it stands under, its column names and its cells."""

    heading: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Block:
    """A fenced block of code: its language, its text, and the paragraph before it."""

    language: str
    text: str
    before: str


def text(name: str) -> str:
    """A page of docs/ by its name."""
    return (DOCS / name).read_text()


def section(page: str, heading: str) -> str:
    """The text of a section, from its heading to the next one of the same or a higher level."""
    found = re.search(rf"^(#+) {re.escape(heading)}$", page, flags=re.M)
    assert found, f"there is no section {heading!r}"
    rest = page[found.end() :]
    end = re.search(rf"^#{{1,{len(found[1])}}} ", rest, flags=re.M)
    return rest[: end.start()] if end else rest


def cells(line: str) -> tuple[str, ...]:
    """The cells of a line of a table."""
    return tuple(cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", line.strip().strip("|")))


def tables(page: str) -> list[Table]:
    """All tables of a page, in order."""
    found: list[Table] = []
    heading, lines = "", page.splitlines()
    n = 0
    while n < len(lines):
        if lines[n].startswith("#"):
            heading = lines[n].lstrip("# ")
        if lines[n].startswith("|"):
            start = n
            while n < len(lines) and lines[n].startswith("|"):
                n += 1
            rows = tuple(cells(line) for line in lines[start + 2 : n])
            columns = cells(lines[start])
            assert all(len(row) == len(columns) for row in rows), f"ragged table under {heading!r}"
            found.append(Table(heading, columns, rows))
            continue
        n += 1
    return found


def code(cell: str) -> list[str]:
    """The words of a cell that are set as code."""
    return re.findall(r"(?<!`)`([^`\n]+)`(?!`)", cell)


def blocks(page: str) -> list[Block]:
    """The fenced blocks of a page, in order."""
    found = []
    for match in re.finditer(r"^```(\w*)\n(.*?)^```$", page, flags=re.M | re.S):
        before = page[: match.start()].rstrip().split("\n\n")[-1]
        found.append(Block(match[1], match[2], before))
    return found


def follow(page: str, root: Path) -> list[Path]:
    """Do in a copy of the project what a page says: new files, and edits shown as diffs. Returns the files touched.

    The paragraph before a block names the file: "New file `path`" or "In `path`"; further diffs go to the same file. What
    an edit replaces must be there exactly once.
    """
    touched: list[Path] = []
    target: Path | None = None
    for block in blocks(page):
        new = re.search(r"New file `([^`]+)`", block.before)
        edit = re.search(r"In `([^`]+)`", block.before)
        if new:
            path = root / new[1]
            assert not path.exists(), f"{new[1]} is there already"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.text)
            touched.append(path)
        if edit:
            target = root / edit[1]
        if block.language != "diff":
            continue
        assert target is not None, "a diff without a file"
        lines = block.text.splitlines()
        assert all(line[:1] in "+- " for line in lines), f"no diff: {block.text}"
        old = "".join(line[1:] + "\n" for line in lines if line[0] in "- ")
        put = "".join(line[1:] + "\n" for line in lines if line[0] in "+ ")
        there = target.read_text()
        assert there.count(old) == 1, f"{target.name} holds {there.count(old)} times:\n{old}"
        target.write_text(there.replace(old, put))
        touched.append(target)
    return touched
