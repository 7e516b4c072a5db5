"""Write the golden vectors of the checks: `python tests/golden/make_checks.py`.

The inputs are written here; the expected transitions come out of the node's code and are reviewed line by
line before they are committed (some are derived by hand in tests/firmware/test_checks_golden.py). A change
of a vector is a change of what nodes decide: say why.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "firmware"))

from replay import replay  # noqa: E402

TOP = 2**30 - 1
_WAVE = (0, 3, -2, 5, -4, 1, 2, -5, 4, -1, -3, 0)  # a fixed noise, mean 0


def noise(mean: int, unit: int, n: int) -> list[int]:
    return [mean + unit * _WAVE[i % len(_WAVE)] for i in range(n)]


def limit(**settings: int) -> dict[str, Any]:
    return {"id": "golden", "type": "limit", "channel": "vib.x.rms", **settings}


def anomaly(**settings: int) -> dict[str, Any]:
    settings = {"learn": 16, "recent": 2, **settings}
    return {"id": "golden", "type": "anomaly", "channel": "vib.x.rms", **settings}


def zscore(**settings: int) -> dict[str, Any]:
    return {"id": "golden", "type": "zscore", "channel": "vib.x.rms", **settings}


def check(kind: str, **settings: int | str | bool) -> dict[str, Any]:
    return {"id": "golden", "type": kind, "channel": "vib.x.rms", **settings}


def vote(of: str, **settings: int | bool) -> dict[str, Any]:
    return {"id": "golden", "type": "vote", "of": of.split(), **settings}


# name: (why, spec, values, dt_ms, restore_at)
VECTORS: dict[str, tuple[str, dict[str, Any], Sequence[int | None], int | list[int], list[int]]] = {
    "anomaly_extreme": (
        "5 % beyond the range is nothing yet with a margin of 6 %, 7 % more is; then both sides, after the latch.",
        anomaly(margin=6, hold=5, limit=300),
        [0, 1000] * 20 + [0, 1050] + [0, 1000] * 8 + [0, 1127] + [0, 1000] * 8 + [-200] + [0, 1000] * 8,
        10000, [],
    ),
    "anomaly_level": (
        "The level moves within the range and stays: told once; by the time of the way back both are known.",
        anomaly(recent=4, hold=8), noise(20000, 400, 240) + noise(21200, 40, 60) + noise(20000, 400, 60),
        10000, [],
    ),
    "anomaly_quieter": (
        "Less spread about the same level is an anomaly, too.",
        anomaly(recent=4, hold=8, limit=40), noise(20000, 400, 240) + [20000] * 60, 10000, [],
    ),
    "anomaly_flicker": (
        "A dead quiet channel: one step is the floor, two more are an alarm.",
        anomaly(hold=3), [1000] * 20 + [1001, 1000, 999] * 5 + [1003] + [1000] * 10, 10000, [],
    ),
    "anomaly_gaps": (
        "Gaps do not count, neither while learning nor in the latch.",
        anomaly(hold=3),
        [None, 0, None] + [100, None, 0] * 8 + [400, None, None, 0, 100, None, 0, 100, None, 0, 100], 10000, [],
    ),
    "anomaly_delays": (
        "One wild value is no alarm when it must hold 20 s; after the alarm it must be gone for 30 s.",
        anomaly(hold=2, on_delay_s=20, off_delay_s=30, limit=20),
        noise(20000, 400, 60) + [30000] + noise(20000, 400, 24) + [60000] * 8 + noise(20000, 400, 36), 10000, [],
    ),
    "anomaly_saturation": (
        "The largest values there are: the scale widens by one bit a value, nothing overflows.",
        anomaly(hold=1),
        noise(0, 20, 24) + [2**30, -(2**30)] * 12 + [0] * 6 + [TOP, 2**40, -(2**40), 0, 0, 0, 0], 10000, [],
    ),
    "anomaly_restore": (
        "Restarts while learning, in the latch and with a widened scale change nothing.",
        anomaly(hold=6), noise(20000, 400, 36) + [90000, 20000] * 4 + noise(20000, 400, 24) + [-5000] * 3,
        10000, [1, 9, 16, 37, 40, 44, 60, 69],
    ),
    "limit_exact": (
        "On the limit is inside, one beyond is outside; no hysteresis.",
        limit(h=1000), [999, 1000, 1001, 1000, 1001, 1002, 999], 10000, [],
    ),
    "limit_one_below": (
        "The same from below, on a negative limit.",
        limit(l=-1000), [-999, -1000, -1001, -1000, -2000, -999], 10000, [],
    ),
    "limit_hysteresis": (
        "Falls only on or below h - hysteresis.",
        limit(h=1000, hysteresis=100), [1001, 950, 901, 900, 901, 1000, 1001, 900], 10000, [],
    ),
    "limit_escalate": (
        "N, H, HH and back level by level, with delays of 30 s and 20 s.",
        limit(h=1000, hh=2000, hysteresis=50, on_delay_s=30, off_delay_s=20),
        [0] + [1500] * 5 + [2500] * 4 + [1960] + [1950] * 4 + [940] * 5,
        10000, [],
    ),
    "limit_jump": (
        "Straight past both limits: an alarm after one delay; straight back: normal after one delay.",
        limit(h=1000, hh=2000, on_delay_s=20, off_delay_s=20),
        [0, 3000, 3000, 3000, 3000, 0, 0, 0, 0], 10000, [],
    ),
    "limit_gaps": (
        "A gap pauses the delay and keeps the state.",
        limit(h=1000, on_delay_s=20, off_delay_s=20),
        [1500, None, None, None, 1500, None, 1500, None, 500, None, None, 500, 500], 10000, [],
    ),
    "limit_cold_room": (
        "A freezer at -20 degrees: the door (40 s) is no alarm, the dead compressor is.",
        limit(h=-18000, hh=-15000, hysteresis=500, on_delay_s=60, off_delay_s=60),
        [-20000] * 3 + [-14000] * 5 + [-20000] * 3 + list(range(-20000, -12000, 250)) + [-19000] * 9,
        10000, [],
    ),
    "limit_two_sided": (
        "From one side to the other: the other side ends at once.",
        limit(ll=-2000, l=-1000, h=1000, hh=2000, hysteresis=10, on_delay_s=10, off_delay_s=40),
        [0, 1500, 1500, -2500, -2500, -2500, 0, 0, 0, 0, 0, 0], 10000, [],
    ),
    "limit_other_side": (
        "An alarm on one side does not outlive a warning on the other, whatever the off-delay.",
        limit(ll=-2000, l=-1000, h=1000, hh=2000, off_delay_s=600),
        [0, 3000, -1500, -1500, 0, -2500, 0, 1500, 1500], 10000, [],
    ),
    "limit_late": (
        "H and HH become due in one late step: reported is how long HH held, not H.",
        limit(h=1000, hh=2000, on_delay_s=35), [0, 1500, 2500, 2500], [10000, 10000, 10000, 100_000], [],
    ),
    "limit_saturation": (
        "Values beyond 30 bits count as the largest; a limit at the very top is never exceeded.",
        limit(h=TOP - 1, hh=TOP), [0, TOP - 1, TOP, 2**31, TOP - 1, -(2**31), 2**40], 10000, [],
    ),
    "limit_odd_times": (
        "A negative step counts as 0, a step of more than a day as one day.",
        limit(h=10, on_delay_s=86400), [11, 11, 11, 11, 11, 9], [0, 10000, -5000, 86_389_999, 1, 2**31], [],
    ),
    "limit_restore": (
        "A restart in the middle of a delay changes nothing.",
        limit(h=1000, hh=2000, hysteresis=50, on_delay_s=30, off_delay_s=20),
        [0] + [1500] * 4 + [2500] * 4 + [1900] * 3 + [0] * 3, 10000, [0, 3, 4, 7, 11, 13],
    ),
    "zscore_step": (
        "Learns a constant, then a step: sigma is the floor (50 thousandths), so 6 sigma are 300.",
        zscore(learn=8), [1000] * 10 + [1300, 1303, 1303, 1300, 1000, 697, 700, 1000], 10000, [],
    ),
    "zscore_spike": (
        "One wild value is no alarm when it must hold 20 s; three are.",
        zscore(learn=24, z10=40, on_delay_s=20, off_delay_s=10),
        noise(20000, 400, 30) + [90000] + noise(20000, 400, 12) + [90000] * 4 + noise(20000, 400, 8),
        10000, [],
    ),
    "zscore_drift": (
        "A slow drift to three times the level is followed and never an alarm.",
        zscore(learn=24, shift=3, floor=100),
        [value + 20 * i for i, value in enumerate(noise(5000, 100, 500))], 10000, [],
    ),
    "zscore_level_shift": (
        "A level that stays is not learnt as normal; after the return the old mean still holds.",
        zscore(learn=24, shift=3), noise(5000, 50, 40) + noise(9000, 50, 120) + noise(5000, 50, 20),
        10000, [],
    ),
    "zscore_falls": (
        "Some faults make a machine quieter: the low side, over negative values too.",
        zscore(learn=12, z10=50, floor=20),
        noise(-30000, 200, 36) + [-60000] * 3 + noise(-30000, 200, 6) + [0] * 3,
        10000, [],
    ),
    "zscore_gaps": (
        "Gaps do not count as learnt and do not move the mean.",
        zscore(learn=8, floor_abs=10),
        [None, 100, None, 101, 99, None, None, 100, 100, 102, 98, 100, None, 100, 500, None, 500],
        10000, [],
    ),
    "zscore_zero": (
        "A channel that is always 0 (FIFO overruns): floor_abs alone decides.",
        zscore(learn=8, floor_abs=2), [0] * 12 + [12, 13, 12, 0], 10000, [],
    ),
    "zscore_saturation": (
        "Statistics are limited to +-2^24; what lies beyond counts as that.",
        zscore(learn=8, z10=20, shift=3),
        [2**24] * 4 + [-(2**24)] * 4 + [2**24, 2**30, -TOP, 2**40] * 2 + [TOP] * 4,
        10000, [],
    ),
    "zscore_restore": (
        "Restarts while learning, in a delay and in an alarm change nothing.",
        zscore(learn=24, z10=40, shift=4, on_delay_s=20, off_delay_s=10),
        noise(20000, 400, 30) + [90000] * 4 + noise(20000, 400, 8), 10000, [1, 11, 24, 31, 32, 33, 35, 40],
    ),
    "limit_latch": (
        "A latched warning becomes an alarm but never less.",
        limit(h=1000, hh=2000) | {"latch": True}, [0, 1500, 0, 1500, 2500, 1500, 0, 0], 10000, [3, 6],
    ),
    "zscore_latch": (
        "Latched, and yet it follows what is normal again underneath.",
        zscore(learn=8, shift=3) | {"latch": True}, [1000] * 8 + [2000, 1000] + [1080] * 8 + [500], 10000, [10],
    ),
    "rate_window": (
        "Halves of four records are compared: 3600 an hour is on the limit, 6300 beyond the alarm limit.",
        check("rate", h=3600, hh=6000, records=4), [0, 10, 20, 30, 70, 70, 70, 70, 70], 10000, [],
    ),
    "rate_gap": (
        "A jump across a gap is as slow as the gap is long.",
        check("rate", l=-60, h=60, per="minute", records=2),
        [0, None, None, None, 40, None, 1000, None, None, -2000, -2000], 10000, [],
    ),
    "rate_noise": (
        "A slow rise in noise that no two neighbours show.",
        check("rate", l=-20000, h=20000, records=32, hysteresis=2000, on_delay_s=60, off_delay_s=60),
        noise(50000, 90, 48) + [50000 + 100 * i + 90 * _WAVE[i % 12] for i in range(60)] + noise(56000, 90, 60),
        10000, [],
    ),
    "rate_saturation": (
        "Extremes, no time and days: everything stays within 30 bits.",
        check("rate", ll=-TOP, l=-TOP + 1, h=TOP - 1, hh=TOP, records=4),
        [TOP, -TOP, 2**35, -(2**35), TOP, TOP, -TOP, -TOP, 0], [0, 1, 2**31, 2**31, 2**31, 0, 0, 7, 100], [],
    ),
    "rate_restore": (
        "Restarts while the window fills, in a delay and in an alarm change nothing.",
        check("rate", h=5000, records=6, on_delay_s=20),
        [0] * 8 + [40 * i for i in range(12)] + [440] * 9, 9999, [2, 5, 12, 16, 22],
    ),
    "cusum_shift": (
        "A shift of three deviations (the floor, 50) up and one down; the reference stays.",
        check("cusum", learn=8), [1000] * 8 + [1150] * 14 + [1000] * 20 + [850] * 14 + [1000] * 20, 10000, [],
    ),
    "cusum_noise": (
        "A shift of one and a half deviations in noise, of which no value is remarkable; and back.",
        check("cusum", learn=24, k10=5, h10=60, floor=1),
        noise(20000, 400, 84) + noise(21500, 400, 36) + noise(20000, 400, 84), 10000, [],
    ),
    "cusum_spike": (
        "One wild value counts as eight deviations; gaps count nothing.",
        check("cusum", learn=8, h10=100, level="alarm"),
        [1000] * 9 + [None, 10**9, None, 1000, 1000, -(10**9), 1000, 10**9, 10**9, 1000, None] + [1000] * 20,
        10000, [],
    ),
    "cusum_restore": (
        "Restarts while learning, while a sum grows and in an alarm change nothing.",
        check("cusum", learn=16, k10=3, h10=40, on_delay_s=20, off_delay_s=10),
        noise(500, 20, 20) + noise(620, 20, 16) + noise(500, 20, 30), 10000, [1, 9, 16, 24, 30, 44],
    ),
    "flat_stuck": (
        "A value that stands still for 30 s, one that dithers within the tolerance, and one that moves.",
        check("flat", tolerance=5, on_delay_s=30),
        [100, 103, 98, 101, 103, 104, 120, 140] + [140] * 5 + [None, 140, 146, 150, 156], 10000, [3, 11],
    ),
    "flat_saturation": (
        "The two ends of the range are 2^30 apart and no flat line; the same end is.",
        check("flat", tolerance=2**29, on_delay_s=1, level="alarm"),
        [TOP, -TOP, TOP, 2**40, TOP, -(2**40), -TOP, 0], 10000, [],
    ),
    "missing_gap": (
        "Missing after 20 s without a value, back after 10 s with values.",
        check("missing", on_delay_s=20, off_delay_s=10),
        [5, None, None, None, None, 6, None, 7, 8, None, None, 9, None, None, None], 10000, [2, 7],
    ),
    "missing_latch": (
        "A latched gap stays when the values are back.",
        check("missing", on_delay_s=0, level="alarm", latch=True), [None, 1, 2, None, 3], 10000, [2],
    ),
    "range_bounds": (
        "Outside is beyond a bound; a spike of one record is filtered by the delay.",
        check("range", lo=-40000, hi=125000, on_delay_s=10),
        [20000, 125000, 125001, 20000, 127000, 127000, -40001, -40001, None, -40000, TOP, 2**33, 0], 10000, [5],
    ),
    "vote_two_of_three": (
        "256 x alarms + warnings: 2 of 3 warn, 1 and then 2 of them alarm, and back.",
        vote("a b c"), [0, 1, 2, 258, 514, 771, 257, 2, 1, None, 0, -5, TOP], 10000, [4],
    ),
    "vote_delays": (
        "The vote has delays of its own, and a latch.",
        vote("a b c d", k=3, on_delay_s=20, off_delay_s=10, latch=True),
        [3, 3, 2, 3, 3, 3, 1027, 1027, 1028, 0, 0, 0], 10000, [4, 8],
    ),
}  # fmt: skip


def build() -> dict[str, str]:
    """name -> the text of the vector's file."""
    texts = {}
    for name, (why, spec, values, dt_ms, restore_at) in VECTORS.items():
        vector = {"name": name, "why": why, "spec": spec, "dt_ms": dt_ms, "restore_at": restore_at}
        vector["values"] = values
        result = replay(vector)
        lines = [f"  {json.dumps(key)}: {json.dumps(value)}," for key, value in vector.items()]
        rows = ",\n".join("    " + json.dumps(row) for row in result["transitions"])
        lines.append(f'  "transitions": [\n{rows}\n  ],' if rows else '  "transitions": [],')
        lines.append(f'  "final": {json.dumps(result["final"])}')
        texts[name] = "{\n" + "\n".join(lines) + "\n}\n"
    return texts


if __name__ == "__main__":
    for name, text in build().items():
        (HERE / "checks" / f"{name}.json").write_text(text, encoding="utf-8")
    print(f"{len(VECTORS)} vectors written to {HERE / 'checks'}: review the difference before you commit it")
