"""One lesson, or a look at all machines, in a process of its own, which gives way to everything else.

``python -m babbitt.prognosis.fleet FOLDER ID NICE`` is a lesson, ``... FOLDER foretell NICE COSTS`` (JSON) a look.

It ends when its standard input closes: it never outlives the host that started it. It may be killed at any moment: the model in use
is replaced by one rename.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from pathlib import Path

THREADS = "1"
FORETELL = "foretell"


def main() -> int:
    """Learn, how far it is and what came of it is kept with the lesson; or foretell."""
    # Before numpy is imported: one thread, so that a training takes no more than one processor.
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(name, THREADS)
    from babbitt.errors import BabbittError
    from babbitt.prognosis.fleet.jobs import Jobs
    from babbitt.prognosis.fleet.lesson import learn, told
    from babbitt.store.child import give_way

    give_way(int(sys.argv[3]))
    threading.Thread(target=_end_with_the_host, daemon=True).start()
    if sys.argv[2] == FORETELL:
        return _foretell(Path(sys.argv[1]), sys.argv[4])
    folder, jobs = Path(sys.argv[1]), Jobs(sys.argv[1])
    job = jobs.find(int(sys.argv[2]))
    if job is None:
        return 2
    job = jobs.change(job, state="running", began=int(time.time() * 1000), tries=job.tries + 1)

    def progress(what: str, done: int, of: int) -> None:
        nonlocal job
        assert job is not None
        job = jobs.change(job, what=what, done=done, of=of)

    try:
        found = learn(folder, job.lesson, jobs.file(job), progress)
    except BabbittError as error:
        jobs.change(job, state="failed", ended=int(time.time() * 1000), text=str(error))
        return 1
    jobs.change(
        job, state="done", ended=int(time.time() * 1000), text=" ".join(told(found)), version=found["version"]
    )
    return 0


def _foretell(folder: Path, costs: str) -> int:
    """What cannot be foretold now leaves the file of before."""
    import msgspec

    from babbitt.errors import BabbittError
    from babbitt.prognosis.fleet.foretell import foretell
    from babbitt.prognosis.fleet.foretold import keep
    from babbitt.store.reader import StoreReader

    try:
        reader = StoreReader(folder)
        keep(folder, foretell(reader, msgspec.json.decode(costs, type=dict[str, tuple[float, float]])))
        reader.close()
    except BabbittError as error:
        print(f"the remaining life by fleets is not told anew: {error}", file=sys.stderr)
        return 1
    return 0


def _end_with_the_host() -> None:
    while os.read(0, 1):  # not sys.stdin: whoever waits in that holds its lock while the program ends
        pass
    os._exit(3)


if __name__ == "__main__":
    sys.exit(main())
