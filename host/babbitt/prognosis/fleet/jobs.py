"""Lessons that wait for the host, or that it is at: ``training/<id>.json`` beside the store, with the file to learn from.

A file is replaced as a whole, so whoever looks sees one state or the next. Of those that are over the newest KEPT are kept.
"""

from __future__ import annotations

import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import msgspec

from babbitt.errors import ModelError
from babbitt.store.files import write_whole

FOLDER = "training"
KEPT = 20
WAITING_MAX = 50


@dataclass(frozen=True, slots=True)
class Lesson:
    """What is to be learnt: columns of the file are ``unit``, ``at``, ``settings`` and ``ended`` (None: all machines failed);
    ``cap`` is the longest remaining life that is told (None: half the median life), ``name`` that of the model; ``file`` is
    what the file is called. ``from_store``: from the lives in the store instead, of the kind of the machine ``like`` (SITE/NODE)."""

    file: str
    unit: str = "unit"
    at: str = "time"
    settings: tuple[str, ...] = ()
    ended: str | None = None
    cap: float | None = None
    name: str = "fleet"
    from_store: bool = False
    like: str | None = None


class Job(msgspec.Struct, frozen=True):
    """A lesson and how far it is: ``what`` goes on, ``done`` of ``of`` parts of it; times in ms; ``tries``: how often it was begun;
    ``text``: what came of it, or why it failed; ``version`` of the model that was made."""

    id: int
    lesson: Lesson
    state: Literal["waiting", "running", "done", "failed"]
    made: int
    began: int | None = None
    ended: int | None = None
    what: str = ""
    done: int = 0
    of: int = 0
    tries: int = 0
    text: str = ""
    version: int | None = None

    @property
    def progress(self) -> str:
        """How far it is, in words."""
        return f"{self.what}: {self.done} of {self.of}" if self.state == "running" and self.of else self.state


class Jobs:
    """The lessons of a store."""

    def __init__(self, store: Path | str) -> None:
        self._folder = Path(store) / FOLDER

    def all(self) -> list[Job]:
        """All that are kept, newest first."""
        found = [self._read(path) for path in self._folder.glob("*.json") if path.stem.isdecimal()]
        return sorted((one for one in found if one is not None), key=lambda one: -one.id)

    def add(self, lesson: Lesson, file: Path | None) -> Job:
        """Have a lesson wait; the file, if there is one, is copied, so it may change afterwards. Raises ModelError."""
        jobs = self.all()
        if sum(one.state == "waiting" for one in jobs) >= WAITING_MAX:
            raise ModelError(f"{WAITING_MAX} trainings wait already: is the host running?")
        job = Job(jobs[0].id + 1 if jobs else 1, lesson, "waiting", int(time.time() * 1000))
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            if file is not None:
                shutil.copyfile(file, self.file(job))
        except OSError as error:
            raise ModelError(f"{file or self._folder} cannot be taken in: {error.strerror}") from error
        self.write(job)
        self._forget(jobs)
        return job

    def file(self, job: Job) -> Path:
        """Where the file of a lesson lies."""
        return self._folder / f"{job.id}{'.parquet' if job.lesson.file.endswith('.parquet') else '.csv'}"

    def write(self, job: Job) -> None:
        """Keep how far a lesson is; the file of one that is over goes. Raises ModelError."""
        try:
            write_whole(self._folder / f"{job.id}.json", msgspec.json.encode(job))
            if job.state in ("done", "failed"):
                self.file(job).unlink(missing_ok=True)
        except OSError as error:
            raise ModelError(f"{self._folder} cannot be written: {error.strerror}") from error

    def change(self, job: Job, **fields: Any) -> Job:
        """Keep a lesson with some fields changed."""
        job = msgspec.structs.replace(job, **fields)
        self.write(job)
        return job

    def find(self, number: int) -> Job | None:
        """One lesson."""
        return self._read(self._folder / f"{number}.json")

    def _forget(self, jobs: list[Job]) -> None:
        for job in [one for one in jobs if one.state in ("done", "failed")][KEPT:]:
            (self._folder / f"{job.id}.json").unlink(missing_ok=True)

    @staticmethod
    def _read(path: Path) -> Job | None:
        try:
            return msgspec.json.decode(path.read_bytes(), type=Job)
        except (OSError, msgspec.DecodeError):
            return None
