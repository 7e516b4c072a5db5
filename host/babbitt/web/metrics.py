"""The numbers of the host in the text format of Prometheus (exposition format 0.0.4)."""

from __future__ import annotations

from collections.abc import Iterator

from babbitt.vitals import Histogram, Vitals

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_COUNTERS = {
    "messages": ("babbitt_messages_total", "Messages committed"),
    "groups": ("babbitt_groups_total", "Transactions of the ingest"),
    "stored": ("babbitt_records_stored_total", "Records stored"),
    "duplicates": ("babbitt_records_duplicate_total", "Records that came again and were not stored twice"),
    "quarantined": ("babbitt_messages_quarantined_total", "Messages that broke a rule of the protocol"),
    "connections": ("babbitt_broker_connections_total", "Connections made to the broker"),
    "keeper_restarts": ("babbitt_keeper_restarts_total", "Times the keeper had to be started again"),
    "analysis_restarts": ("babbitt_analysis_restarts_total", "Times the analysis had to be started again"),
    "examined": ("babbitt_waveforms_examined_total", "Waveforms examined"),
    "unexamined": ("babbitt_waveforms_failed_total", "Waveforms whose examination failed"),
    "broker_restarts": (
        "babbitt_broker_restarts_total",
        "Times the host's own broker had to be started again",
    ),
}
_GAUGES = {
    "waiting": ("babbitt_messages_waiting", "Messages received and not yet taken by the ingest"),
    "nodes": ("babbitt_nodes", "Nodes known"),
    "nodes_online": ("babbitt_nodes_online", "Nodes online"),
    "unkept": ("babbitt_log_rows_unkept", "Rows of the record log that the keeper has not passed"),
    "lost": ("babbitt_records_lost", "Records that are missing and nobody knows why"),
    "discarded": ("babbitt_records_discarded", "Records that full spools of nodes threw away"),
    "refused": ("babbitt_records_refused", "Records that came and broke a rule of the protocol"),
    "disk_free": ("babbitt_disk_free_bytes", "Room on the disk of the store"),
}


def exposition(vitals: Vitals) -> str:
    """All numbers, a family after the other."""
    return "\n".join(_lines(vitals)) + "\n"


def _lines(vitals: Vitals) -> Iterator[str]:
    for kind, families in (("counter", _COUNTERS), ("gauge", _GAUGES)):
        for field, (name, text) in families.items():
            yield f"# HELP {name} {text}."
            yield f"# TYPE {name} {kind}"
            yield f"{name} {getattr(vitals, field)}"
    yield "# HELP babbitt_ready Whether the host does its work (1) or something keeps it from it (0)."
    yield "# TYPE babbitt_ready gauge"
    yield f"babbitt_ready {int(not vitals.troubles)}"
    yield from _histogram("babbitt_commit_seconds", "From taking messages to their commit", vitals.commits)


def _histogram(name: str, text: str, one: Histogram) -> Iterator[str]:
    yield f"# HELP {name} {text}."
    yield f"# TYPE {name} histogram"
    counts, total = list(one.counts), 0
    for bound, count in zip((*map(str, one.bounds), "+Inf"), counts, strict=True):
        total += count
        yield f'{name}_bucket{{le="{bound}"}} {total}'
    yield f"{name}_sum {one.total:.6f}"
    yield f"{name}_count {total}"
