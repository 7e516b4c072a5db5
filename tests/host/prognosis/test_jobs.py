"""Lessons that wait: what is kept, what goes, and what a file that is damaged or cannot be written costs."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from babbitt.errors import ModelError
from babbitt.prognosis.fleet.jobs import FOLDER, KEPT, WAITING_MAX, Jobs, Lesson

LESSON = Lesson("lives.csv", settings=("load",), cap=90.0)


@pytest.fixture
def lives(tmp_path: Path) -> Path:
    path = tmp_path / "lives.csv"
    path.write_text("unit,time\n1,1\n")
    return path


def test_a_lesson_is_kept_with_a_copy_of_its_file(tmp_path: Path, lives: Path) -> None:
    jobs = Jobs(tmp_path)
    assert jobs.all() == []
    assert jobs.find(1) is None
    job = jobs.add(LESSON, lives)
    lives.write_text("changed since")
    assert (job.id, job.state, job.lesson, job.progress) == (1, "waiting", LESSON, "waiting")
    assert jobs.file(job).read_text() == "unit,time\n1,1\n"
    assert Jobs(tmp_path).all() == [job] == [jobs.find(1)]


@pytest.mark.parametrize(
    ("name", "suffix"), [("a.parquet", ".parquet"), ("a.csv", ".csv"), ("a.txt", ".csv")]
)
def test_the_copy_is_of_the_kind_of_the_file(name: str, suffix: str, tmp_path: Path) -> None:
    jobs = Jobs(tmp_path)
    assert jobs.file(jobs.add(Lesson(name), None)).name == f"1{suffix}"


def test_how_far_it_is_is_kept_and_the_file_of_what_is_over_goes(tmp_path: Path, lives: Path) -> None:
    jobs = Jobs(tmp_path)
    job = jobs.add(LESSON, lives)
    job = jobs.change(job, state="running", what="trees", done=3, of=8, tries=1)
    assert job.progress == "trees: 3 of 8"
    assert jobs.find(1) == job
    assert jobs.file(job).exists()
    over = jobs.change(job, state="failed", text="too few")
    assert over.progress == "failed"
    assert jobs.find(1) == over
    assert [path.name for path in (tmp_path / FOLDER).iterdir()] == ["1.json"]


def test_of_those_that_are_over_the_newest_are_kept_and_no_number_comes_twice(tmp_path: Path) -> None:
    jobs = Jobs(tmp_path)
    waits = jobs.add(LESSON, None)
    for _ in range(KEPT + 5):
        jobs.change(jobs.add(LESSON, None), state="done")
    last = jobs.add(LESSON, None)
    kept = jobs.all()
    assert [job.id for job in kept] == [last.id, *range(last.id - 1, last.id - 1 - KEPT, -1), waits.id]
    assert last.id == KEPT + 7


def test_so_many_wait_and_no_more(tmp_path: Path) -> None:
    jobs = Jobs(tmp_path)
    for _ in range(WAITING_MAX):
        job = jobs.add(LESSON, None)
    with pytest.raises(ModelError, match=f"{WAITING_MAX} trainings wait already: is the host running"):
        jobs.add(LESSON, None)
    jobs.change(job, state="running")
    assert jobs.add(LESSON, None).id == WAITING_MAX + 1


@pytest.mark.parametrize(
    "raw",
    [b"", b"{", b"\xff\xfe", b"[]", b'{"id":2}', b'{"id":2,"lesson":{"file":"a"},"state":"odd","made":1}'],
)
def test_a_damaged_one_is_as_if_it_were_not_there(raw: bytes, tmp_path: Path) -> None:
    jobs = Jobs(tmp_path)
    first = jobs.add(LESSON, None)
    (tmp_path / FOLDER / "2.json").write_bytes(raw)
    (tmp_path / FOLDER / "2.json.new").write_bytes(raw)
    (tmp_path / FOLDER / "notes.json").write_bytes(raw)
    assert jobs.find(2) is None
    assert jobs.all() == [first]
    assert jobs.add(LESSON, None).id == 2


def test_a_file_that_is_not_there_is_said_and_leaves_no_lesson(tmp_path: Path) -> None:
    jobs = Jobs(tmp_path)
    with pytest.raises(ModelError, match=r"nowhere\.csv cannot be taken in: No such file"):
        jobs.add(LESSON, tmp_path / "nowhere.csv")
    assert jobs.all() == []


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path, lives: Path) -> None:
    (tmp_path / FOLDER).write_text("in the way")
    with pytest.raises(ModelError, match="cannot be taken in: File exists"):
        Jobs(tmp_path).add(LESSON, lives)


def test_a_state_that_cannot_be_written_is_said_and_the_old_one_stays(tmp_path: Path) -> None:
    jobs = Jobs(tmp_path)
    job = jobs.add(LESSON, None)
    os.mkdir(tmp_path / FOLDER / "1.json.new")  # in the way of the new one
    with pytest.raises(ModelError, match="cannot be written: Is a directory"):
        jobs.change(job, state="running")
    assert jobs.find(1) == job
