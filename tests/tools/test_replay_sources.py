"""Recordings as worlds: on synthetic files always, on the real ones where they are."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import numpy as np
import pytest

from babbitt_tools.errors import RecordingError
from babbitt_tools.replay.pronostia import PronostiaWorld, decimate
from babbitt_tools.replay.sources import open_recording
from babbitt_tools.replay.warehouse import spells

SECOND = 1_000_000
MINUTE = 60 * SECOND


def write(path: Path, *lines: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with gzip.open(path, "wt") as file:
        file.write("\n".join(lines) + "\n")


def tone(hz: float, amplitude: float = 1.0) -> np.ndarray:
    t = np.arange(2560) / 25_600
    return np.repeat((amplitude * np.sin(2 * np.pi * hz * t))[:, None], 2, axis=1)


@pytest.mark.parametrize("hz", [40, 200, 500, 1000])
def test_resampling_keeps_what_the_sensor_can_hear(hz: float) -> None:
    got = decimate(tone(hz), 3200)[20:-20, 0]
    t = np.arange(320)[20:-20] / 3200
    assert np.abs(got - np.sin(2 * np.pi * hz * t)).max() < 0.01


@pytest.mark.parametrize("hz", [2200, 3200, 6000, 11_000])
def test_resampling_removes_what_it_cannot(hz: float) -> None:
    assert np.abs(decimate(tone(hz), 3200)[20:-20]).max() < 0.01


def test_snapshots_hold_until_the_next_and_bursts_start_at_their_first_sample() -> None:
    acc = np.stack([tone(100, 1.0), tone(100, 3.0)])
    world = PronostiaWorld(acc, np.array([1, 4]))
    assert [world.snapshot_at(t * SECOND) for t in (0, 10, 39, 40, 500)] == [0, 0, 0, 1, 1]
    assert world.end_us == 50 * SECOND
    first = world.accel(20 * SECOND, 0, 256, 3200.0)
    late = world.accel(40 * SECOND, 0, 256, 3200.0)
    assert late[:, 0].std() / first[:, 0].std() == pytest.approx(3, rel=0.05)
    assert np.array_equal(first[100:], world.accel(20 * SECOND, 100, 156, 3200.0))
    assert first[:, 2].mean() == pytest.approx(256, abs=3)


def test_a_slow_sensor_sees_more_of_the_snapshot_in_as_many_samples() -> None:
    world = PronostiaWorld(np.stack([tone(100)]), np.array([1]))
    slow = world.accel(0, 0, 256, 2880.0)[:, 0].astype(float)  # 10 % slow
    spectrum = np.abs(np.fft.rfft(slow - slow.mean()))
    assert np.fft.rfftfreq(256, 1 / 2880)[spectrum.argmax()] == pytest.approx(100, abs=12)


@pytest.fixture
def warehouse(tmp_path: Path) -> Path:
    folder = tmp_path / "cold_storage"
    write(
        folder / "subzero_values.csv.gz",
        "date,freezer_1,freezer_3",
        *(
            f"2021-07-01 {m // 60:02}:{m % 60:02}:00,{-20 + m / 60},-25.0"
            for m in range(0, 300, 15)
            if m not in (60, 75)
        ),
    )
    write(
        folder / "subzero_alarms.csv.gz",
        "date,location,sensor_name,status,alarm_type,limit,value",
        "2021-07-01 01:40:00,Freezer,freezer_1,1,exceed,-19.0,-18.0",
        "2021-07-01 02:10:00,Freezer,freezer_1,0,recovery ,-19.0,-19.0",
        "2021-07-01 03:10:00,Freezer,freezer_1,1,deficit,-30.0,-31.0",
    )
    return tmp_path


def test_readings_are_joined_by_lines_and_gaps_hold(warehouse: Path) -> None:
    recording = open_recording(warehouse, "cold_storage/freezer_1")
    world = recording.world
    assert world.temperature(15 * MINUTE) == pytest.approx(-19.75)
    assert world.temperature(20 * MINUTE) == pytest.approx(-20 + 20 / 60)
    assert world.temperature(80 * MINUTE) == pytest.approx(-19.25)  # last reading before the gap: minute 45
    assert world.temperature(10_000 * MINUTE) == pytest.approx(-20 + 285 / 60)
    assert "2 of 20 missing" in recording.notes[0]
    assert recording.end_ms - recording.utc_start_ms == 285 * 60_000


def test_truth_is_what_lasted_above_the_limit_and_the_log_of_the_site_is_told(warehouse: Path) -> None:
    recording = open_recording(warehouse, "cold_storage/freezer_1", limit_c=-19)
    assert [
        (e.name, e.start_ms - recording.utc_start_ms, e.end_ms - e.start_ms) for e in recording.truth
    ] == [("above -19 degrees C", 90 * 60_000, 195 * 60_000)]
    limits = [c["h"] for c in recording.config["checks"] if c["type"] == "limit"]
    assert limits == [-19_000]
    assert "2 alarms in this time (1 at -19, 1 at -30 degrees C)" in recording.notes[4]
    other = open_recording(warehouse, "cold_storage/freezer_3")
    assert other.truth == ()
    assert "-18 degrees C, usual" in other.notes[3]
    assert "0 alarms" in other.notes[4]


def test_short_spells_are_no_events_and_near_ones_are_one() -> None:
    t_ms = np.arange(40) * 900_000
    celsius = np.full(40, -25.0)
    celsius[3:9] = -15  # 75 minutes
    celsius[15:20] = celsius[22:27] = -15  # an hour each, 45 minutes apart
    (event,) = spells(t_ms, celsius, -18.0)
    assert (event.start_ms, event.end_ms) == (15 * 900_000, 26 * 900_000)


def test_a_piece_can_be_cut_out(warehouse: Path) -> None:
    piece = open_recording(warehouse, "cold_storage/freezer_1", "2021-07-01T02:00", "2021-07-01T03:00")
    assert piece.world.temperature(0) == pytest.approx(-18)
    assert piece.end_ms - piece.utc_start_ms == 3_600_000


@pytest.fixture
def benchmark_series(tmp_path: Path) -> Path:
    rows = [f"2014-01-01 00:{5 * k:02}:00,{50 + 50 * (k % 2)}" for k in range(10)]
    write(tmp_path / "nab/data/realTraffic/speed_1.csv.gz", "timestamp,value", *rows)
    write(tmp_path / "nab/data/realKnownCause/ambient_temperature_x.csv.gz", "timestamp,value", *rows)
    labels = {"realTraffic/speed_1.csv": [["2014-01-01 00:10:00.000000", "2014-01-01 00:20:00.000000"]]}
    (tmp_path / "nab/combined_windows.json").write_text(json.dumps(labels))
    return tmp_path


def test_a_series_becomes_a_temperature(benchmark_series: Path) -> None:
    speed = open_recording(benchmark_series, "nab/speed_1")
    assert speed.world.temperature(0) == 0
    assert speed.world.temperature(5 * MINUTE) == 100
    assert "50 .. 100 of the series stand as 0 .. 100" in speed.notes[0]
    assert speed.utc_start_ms >= 1_704_067_200_000
    (event,) = speed.truth
    assert (event.start_ms - speed.utc_start_ms, event.end_ms - event.start_ms) == (600_000, 600_000)
    ambient = open_recording(benchmark_series, "nab/realKnownCause/ambient_temperature_x.csv")
    assert ambient.world.temperature(0) == pytest.approx(10)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("pronostia/Bearing9_9", "no PRONOSTIA run 'Bearing9_9'"),
        ("cold_storage/attic", "freezer_1, freezer_3"),
        ("nab/nothing", "no NAB series 'nothing'"),
        ("cwru/B007", "pronostia/NAME"),
        ("pronostia", "pronostia/NAME"),
    ],
)
def test_unknown_names_say_what_there_is(warehouse: Path, name: str, words: str) -> None:
    with pytest.raises(RecordingError, match=words):
        open_recording(warehouse, name)


def test_bad_dates_files_and_folders_say_so(warehouse: Path) -> None:
    with pytest.raises(RecordingError, match="'tomorrow' is no date"):
        open_recording(warehouse, "cold_storage/freezer_1", "tomorrow")
    with pytest.raises(RecordingError, match="0 readings"):
        open_recording(warehouse, "cold_storage/freezer_1", "2022-01-01")
    with pytest.raises(RecordingError, match="limit go with cold_storage"):
        open_recording(warehouse, "nab/x", limit_c=3)
    with pytest.raises(RecordingError, match="BABBITT_DATA"):
        open_recording(warehouse / "nowhere", "nab/x")
    bad = warehouse / "pronostia" / "Bearing1_1.npz"
    bad.parent.mkdir()
    bad.write_bytes(b"not a recording")
    with pytest.raises(RecordingError, match=r"Bearing1_1\.npz cannot be read"):
        open_recording(warehouse, "pronostia/Bearing1_1")


@pytest.mark.data
def test_a_real_run_to_failure(data_dir: Path) -> None:
    recording = open_recording(data_dir, "pronostia/Bearing1_1")
    assert recording.end_ms - recording.utc_start_ms == 28_040_000
    early = recording.world.accel(600 * SECOND, 0, 256, 3200.0)
    late = recording.world.accel(28_030 * SECOND, 0, 256, 3200.0)
    assert late[:, 0].std() > 5 * early[:, 0].std()
    assert "46 % of the power" in recording.notes[0]
    assert recording.notes[1].startswith("0.009 %")


@pytest.mark.data
def test_a_real_warehouse(data_dir: Path) -> None:
    recording = open_recording(data_dir, "cold_storage/deepfreezer_1", "2021-10-17", "2021-10-19")
    warmest = max(recording.world.temperature(m * 15 * MINUTE) for m in range(192))
    assert warmest > -20
    cooler = open_recording(data_dir, "cold_storage/cooler_1")
    assert any("limit 5 degrees C" in note for note in cooler.notes)
    assert len(cooler.truth) > 5
    assert next(e.start_ms for e in recording.truth) == 1_634_502_600_000  # 2021-10-17 20:30


@pytest.mark.data
def test_a_real_benchmark_series(data_dir: Path) -> None:
    recording = open_recording(data_dir, "nab/ambient_temperature_system_failure")
    assert len(recording.truth) == 2
    assert recording.interval_s == 3600
    assert 15 < recording.world.temperature(0) < 30
