"""What the newest waveform of a machine told: the cause, its evidence, what was not looked for, and the drawing; shown only where a
waveform was examined."""

from __future__ import annotations

from babbitt.protocol.cause import Examined
from babbitt.web.style import Tag, Text, tone
from babbitt.web.words import TimeWords, sentence

_TONES = {"named": "warning", "none": "normal"}


class CausePanel:
    """The cause of one node; rebuilt only when another waveform was examined."""

    def __init__(self) -> None:
        self._shown: tuple[object, ...] | None = None
        self._whole = Tag("div")
        with self._whole:
            Text("h2", "The cause")
            self._panel = Tag("section", "panel", aria_label="What the newest waveform told")
        self._whole.set_visibility(False)

    def show(self, one: Examined | None, times: TimeWords) -> None:
        """Show what the newest examined waveform told."""
        key = (one, times.name)
        if key == self._shown:
            return
        self._shown = key
        self._whole.set_visibility(one is not None)
        self._panel.clear()
        if one is not None:
            with self._panel:
                self._fill(one, times)

    @staticmethod
    def _fill(one: Examined, times: TimeWords) -> None:
        with Tag("p", tone(_TONES.get(one.state, "learning"))):
            Text("span", sentence(one.words), "word")
        of = f" {one.of}" if one.by == "check" else ""
        speed = "" if one.rpm is None else f" At {one.rpm:.0f} r/min, by the {one.rpm_from}."
        moved = "" if one.steady else " The speed changed: read at equal angles."
        Text(
            "p",
            f"By the waveform of {times.instant(one.t or one.received)}, taken by {one.by}{of}.{speed}{moved}",
            "note",
        )
        if one.text:
            Text("p", f"{sentence(one.text)}.")
        with Tag("dl", "facts causes"):
            for found in one.found:
                with Tag("div"):
                    Text("dt", f"{found.what.capitalize()}: {found.cause}")
                    Text("dd", found.text)
            for what, needs in one.missing.items():
                with Tag("div"):
                    Text("dt", f"{what.capitalize()}: not looked for")
                    Text("dd", f"That needs {needs}.")
        if one.against:
            Text("p", f"{sentence(one.against)}.", "note")
        if one.found:
            with Tag("details"):
                Text("summary", "Drawing: spectra with the lines that were looked for")
                where = one.wave.rpartition("/")[2]
                Tag(
                    "img", "drawing", src=f"/api/v1/nodes/{one.site}/{one.node}/diagnoses/{where}/drawing",
                    loading="lazy", alt=f"Spectra of the waveform: {one.words}",
                )  # fmt: skip
