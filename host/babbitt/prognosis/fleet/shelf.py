"""Models as files beside a store: ``models/<name>/<version>.skops`` and ``.json`` (what it is, in words), ``current``.

They are kept by skops, which, unlike pickle, runs nothing when a file is read; a model of ours is numbers and texts alone, and nothing else
is let in.
A file is written under another name, flushed and renamed.
"""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path
from typing import Any

from babbitt.errors import ModelError
from babbitt.prognosis.fleet.model import Core, FleetModel
from babbitt.prognosis.fleet.regimes import Regimes
from babbitt.prognosis.fleet.states import States
from babbitt.prognosis.fleet.trees import Trees
from babbitt.store.files import write_whole

FOLDER = "models"
FORMAT = 3
_NAME = re.compile(r"[a-z0-9-]{1,32}")


class ModelShelf:
    """The models of a store."""

    def __init__(self, store: Path | str) -> None:
        self._folder = Path(store) / FOLDER

    def names(self) -> list[str]:
        """All names."""
        return sorted(
            path.name for path in self._folder.glob("*") if _NAME.fullmatch(path.name) and path.is_dir()
        )

    def versions(self, name: str) -> list[int]:
        """Versions of a model, ascending."""
        return sorted(int(path.stem) for path in self._place(name).glob("*.json") if path.stem.isdecimal())

    def current(self, name: str) -> int | None:
        """The version in use."""
        try:
            return int((self._place(name) / "current").read_text())
        except (OSError, ValueError):
            return None

    def save(self, name: str, model: FleetModel, about: dict[str, Any]) -> int:
        """Keep a model as the next version, not in use yet; gives the version. Raises ModelError."""
        import skops.io

        version = (self.versions(name) or [0])[-1] + 1
        kept = {
            "format": FORMAT, "cap": model.cap, "errors": list(model.errors), "channels": list(model.channels),
            "settings": list(model.settings),
            "cores": [
                {"regimes": core.regimes.arrays(), "states": core.states.arrays(), "trees": dataclasses.asdict(core.trees)}
                for core in model.cores
            ],
        }  # fmt: skip
        place = self._place(name)
        try:
            place.mkdir(parents=True, exist_ok=True)
            write_whole(place / f"{version}.skops", skops.io.dumps(kept))
            said = {"format": FORMAT, "name": name, "version": version, "trained": model.trained, **about}
            write_whole(place / f"{version}.json", json.dumps(said, indent=1).encode())
        except OSError as error:
            raise ModelError(f"the model cannot be kept in {place}: {error.strerror}") from error
        return version

    def use(self, name: str, version: int) -> None:
        """Have a version be the one in use. Raises ModelError."""
        if version not in self.versions(name):
            raise ModelError(f"there is no version {version} of {name}: `babbitt models` lists them")
        try:
            write_whole(self._place(name) / "current", str(version).encode())
        except OSError as error:
            raise ModelError(f"{self._place(name)} cannot be written: {error.strerror}") from error

    def about(self, name: str, version: int) -> dict[str, Any]:
        """What a version is. Raises ModelError."""
        path = self._place(name) / f"{version}.json"
        try:
            found: dict[str, Any] = json.loads(path.read_bytes())
        except FileNotFoundError:
            raise ModelError(
                f"there is no version {version} of {name}: `babbitt models` lists them"
            ) from None
        except (OSError, ValueError) as error:
            raise ModelError(f"{path} cannot be read: {error}") from error
        return found

    def load(self, name: str, version: int | None = None) -> FleetModel:
        """A version, without one that in use. Raises ModelError."""
        import skops.io

        if version is None and (version := self.current(name)) is None:
            raise ModelError(f"no version of {name or 'that model'} is in use: `babbitt train` makes one")
        about = self.about(name, version)
        path = self._place(name) / f"{version}.skops"
        try:
            raw = path.read_bytes()
            strange = skops.io.get_untrusted_types(data=raw)
            if strange:
                raise ModelError(
                    f"{path} holds types that are in no model of ours: {', '.join(strange[:3])}; if an earlier version of this"
                    " program made it, train it again"
                )
            kept = skops.io.loads(raw)
            if kept["format"] != FORMAT:
                raise ModelError(
                    f"{path} is of format {kept['format']}, this program reads {FORMAT}: train it again"
                )
            cores = []
            for one in kept["cores"]:
                core = Core.__new__(Core)
                core.cap, core.states = float(kept["cap"]), States.from_arrays(one["states"])
                core.trees, core.regimes = Trees(**one["trees"]), Regimes.of(one["regimes"])
                cores.append(core)
            return FleetModel(cores, kept["channels"], kept["settings"], kept["errors"], about["trained"])
        except ModelError:
            raise
        except Exception as error:  # whatever a damaged file makes of itself
            raise ModelError(f"the model {path} cannot be read: {type(error).__name__}: {error}") from error

    def _place(self, name: str) -> Path:
        if not _NAME.fullmatch(name):
            raise ModelError(f"{name!r} is no name of a model: 1 to 32 of a-z, 0-9 and -")
        return self._folder / name
