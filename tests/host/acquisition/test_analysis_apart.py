"""The analysis in a process of its own: it judges, may be killed, ends with the host, and is waited for by the log."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from nodesim import Wire, birth, data, row, until

from babbitt.protocol.assessment import Assessment
from babbitt.service import Host
from babbitt.store.lock import ANALYSIS, held


def test_it_judges_goes_on_after_a_kill_and_ends_with_the_host(tmp_path: Path) -> None:
    now = int(time.time() * 1000) - 100_000
    with Host(tmp_path / "s", broker_listen="127.0.0.1:0", apart=True) as host:
        assert host.listening(10)
        wire = Wire(host.address[1], "pump-7")
        wire.send("birth", birth())
        wire.send("data", data(0, [row(n, now + n * 1000) for n in range(20)]))

        def judged() -> int:
            view = next(iter(host.reader.nodes()), None)
            return view.assessment.t_ms if view and view.assessment else 0

        until(lambda: judged() == now + 19_000, 30)
        assert host.analysis is not None
        first = host.analysis.pid
        assert first is not None
        os.kill(first, signal.SIGKILL)
        until(lambda: host.vitals().troubles.get("analysis") or host.vitals().analysis_restarts)
        wire.send("data", data(20, [row(n, now + n * 1000) for n in range(20, 40)]))
        until(lambda: judged() == now + 39_000, 30)
        second = host.analysis.pid
        assert second not in (None, first)
        assert host.vitals().analysis_restarts == 1
        assert host.vitals().troubles == {}
        until(lambda: host.reader.analysed() > 0, 30)
        wire.close()
    assert not held(tmp_path / "s", ANALYSIS)
    levels = [a.t_ms for a in host_assessments(tmp_path / "s")]
    assert levels == sorted(set(levels))  # nothing was judged into two rows


def host_assessments(folder: Path) -> list[Assessment]:
    from babbitt.store.reader import StoreReader

    reader = StoreReader(folder)
    found = reader.assessments("hall", "pump-7", 0, 2**42, 10_000)
    reader.close()
    return found
