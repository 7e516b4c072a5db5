"""``babbitt train`` and ``babbitt models``: remaining life learnt from a fleet."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from babbitt.cli.options import JsonOption, StoreOption, print_json, print_table, when
from babbitt.cli.options import settings as config
from babbitt.errors import ModelError

FileOption = Annotated[Path | None, typer.Option("--file", help="apply: histories, CSV or Parquet.")]
UnitOption = Annotated[str, typer.Option("--unit", help="Column that names the machine.")]
TimeOption = Annotated[str, typer.Option("--time", help="Column of the time run: hours, cycles, days.")]


class Action(StrEnum):
    """What to do with models."""

    LIST = "list"
    SHOW = "show"
    USE = "use"
    APPLY = "apply"
    TRAINING = "training"


def train(
    store: StoreOption,
    file: Annotated[
        Path | None, typer.Argument(help="Histories of machines, a row a record: CSV or Parquet.")
    ] = None,
    from_store: Annotated[
        bool,
        typer.Option(
            "--from-store", help="Learn from the lives of the store's own machines (`babbitt lives`)."
        ),
    ] = False,
    like: Annotated[
        str | None,
        typer.Option(
            help="With --from-store: SITE/NODE, a machine of the kind that is meant; default the only one."
        ),
    ] = None,
    unit: UnitOption = "unit",
    at: TimeOption = "time",
    settings: Annotated[
        str | None, typer.Option(help="Columns of operating conditions, separated by commas.")
    ] = None,
    ended: Annotated[
        str | None,
        typer.Option(help="Column that is 1 on the last record of a machine that failed; default: all have."),
    ] = None,
    cap: Annotated[
        float | None,
        typer.Option(min=0, help="Longest remaining life that is told; default half the median life."),
    ] = None,
    name: Annotated[str, typer.Option(help="Name of the model.")] = "fleet",
    background: Annotated[
        bool,
        typer.Option(
            "--background", help="Have the host do it; `babbitt models training` shows how far it is."
        ),
    ] = False,
    json: JsonOption = False,
) -> None:
    """Learn the remaining life from machines that failed; the new model is used if its back-test is no worse."""
    from babbitt.prognosis.fleet.jobs import Lesson

    columns = tuple(filter(None, (settings or "").split(",")))
    if from_store == (file is not None):
        raise ModelError("give a file of histories to learn from, or --from-store")
    if from_store and (columns or ended):
        raise ModelError("--settings and --ended are of a file: what the store has of its machines is known")
    if like is not None and not from_store:
        raise ModelError("--like goes with --from-store: a file has machines of one kind")
    lesson = Lesson(
        "the store" if file is None else file.name, unit, at, columns, ended, cap, name, from_store, like
    )
    if background:
        _leave(store, lesson, file, json)
        return
    from babbitt.prognosis.fleet.lesson import learn, told

    found = learn(store, lesson, file or Path(), _progress)
    if json:
        print_json(found)
        return
    print("\n".join(told(found)))


def _leave(store: Path, lesson: Any, file: Path | None, json: bool) -> None:
    """Leave a lesson to the host."""
    import msgspec

    from babbitt.prognosis.fleet.jobs import Jobs
    from babbitt.prognosis.fleet.shelf import ModelShelf
    from babbitt.store.lock import FILE, held
    from babbitt.store.reader import StoreReader

    StoreReader(store).close()
    ModelShelf(store).versions(lesson.name)
    job = Jobs(store).add(lesson, file)
    if json:
        print_json(msgspec.to_builtins(job))
        return
    begins = "the host begins soon" if held(store, FILE) else "it begins when a host is started"
    print(f"Training {job.id} waits, {begins}; `babbitt models training` shows how far it is.")


def models(
    store: StoreOption,
    action: Annotated[Action, typer.Argument(help="list, show, use, apply or training.")] = Action.LIST,
    name: Annotated[str, typer.Argument(help="Name of the model.")] = "fleet",
    version: Annotated[int | None, typer.Argument(help="show, use: which version.")] = None,
    file: FileOption = None,
    nodes: Annotated[
        bool, typer.Option("--nodes", help="apply: to the machines of the store, by models learnt from it.")
    ] = False,
    unit: UnitOption = "unit",
    at: TimeOption = "time",
    planned: Annotated[float | None, typer.Option(help="apply: what a planned stop costs.")] = None,
    failure: Annotated[
        float | None, typer.Option(help="apply: what a failure costs, in the same money.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """List models, show one, take another version into use, or apply the one in use to histories in a file."""
    from babbitt.prognosis.fleet.shelf import ModelShelf

    if action == Action.TRAINING:
        _training(store, json)
        return
    shelf = ModelShelf(store)
    if nodes and (action != Action.APPLY or file is not None):
        raise ModelError(
            "--nodes goes with apply, and without --file: it is the store's machines that are meant"
        )
    if nodes:
        _apply_nodes(store, (planned, failure), json)
        return
    if action == Action.APPLY:
        _apply(shelf, name, file, unit, at, (planned, failure), json)
        return
    if action == Action.LIST:
        rows = [
            shelf.about(one, v) | {"in_use": shelf.current(one) == v}
            for one in shelf.names()
            for v in shelf.versions(one)
        ]
        if json:
            print_json(rows)
            return
        cells = [
            (row["name"], row["version"], "yes" if row["in_use"] else "", when(row["made"]), row["trained"]["machines"],
             f"{row['backtest']['error']:.3g}" if row["backtest"] else "-", row["file"])
            for row in rows
        ]  # fmt: skip
        title = ("name", "version", "in use", "made", "machines", "error", "file")
        print_table("Models", title, cells, "There is no model yet: `babbitt train` makes one.")
        return
    which = version or shelf.current(name)
    if which is None:
        raise ModelError(f"there is no model {name}: `babbitt train` makes one")
    if action == Action.USE:
        shelf.use(name, which)
    about = shelf.about(name, which)
    about["trained"].pop("units")
    if json:
        print_json(about | {"in_use": shelf.current(name) == which})
        return
    print(f"{name} {which}" + (" (in use)" if shelf.current(name) == which else ""))
    for key, value in (*about["trained"].items(), *(about["backtest"] or {}).items()):
        print(f"  {key}: {value:.4g}" if isinstance(value, float) else f"  {key}: {value}")
    for feature, share in about["explained"]:
        print(f"  {share:6.1%}  {feature}")


def _apply(
    shelf: Any,
    name: str,
    file: Path | None,
    unit: str,
    at: str,
    costs: tuple[float | None, float | None],
    json: bool,
) -> None:
    from babbitt.prognosis.advice import HORIZON, advise, check_costs
    from babbitt.prognosis.fleet.history import History, read
    from babbitt.prognosis.fleet.lives import SOURCE

    if file is None:
        raise ModelError(
            "apply needs --file with histories of the machines that run, or --nodes for those of the store"
        )
    planned, failure = _both(costs)
    model = shelf.load(name)
    if model.trained.get("source") == SOURCE:
        raise ModelError(
            f"model {name} was learnt from the store's own machines: apply it to them with --nodes"
        )
    life = float(model.trained["mean_life"])
    if planned is not None and failure is not None:
        check_costs(planned, failure, life)
    fleet = read(file, unit, at, model.settings)
    if missing := [c for c in model.channels if c not in fleet.channels]:
        raise ModelError(f"{file} has no column {', '.join(missing[:5])}, which the model was trained with")
    columns = [fleet.channels.index(c) for c in model.channels]
    found = []
    for h in fleet.histories:
        said = model.remaining(History(h.unit, h.time, h.settings, h.values[:, columns], failed=False))
        advice = None
        if planned is not None and failure is not None:
            advice = advise(model.chance(said.p50, HORIZON * life), planned, failure, life, HORIZON * life)
        found.append((h.unit, said, advice))
    if json:
        print_json([{"unit": one, "remaining": said, "advice": advice} for one, said, advice in found])
        return
    print_table(
        f"Remaining life by model {name}, in the unit of its histories",
        ("machine", "10 %", "middle", "90 %", "", "maintenance"),
        [
            (one, f"{r.p10:.4g}", f"{r.p50:.4g}", f"{r.p90:.4g}", "or more" if r.beyond else "",
             "" if advice is None else "now" if advice.now else "not yet")
            for one, r, advice in sorted(found, key=lambda row: row[1].p50)
        ],
        "The file has no machine.",
    )  # fmt: skip
    for one, _, advice in found:
        if advice is not None and advice.now:
            print(f"{one}: {advice.text}")


def _both(costs: tuple[float | None, float | None]) -> tuple[float | None, float | None]:
    if (costs[0] is None) != (costs[1] is None):
        raise ModelError("advice needs both --planned and --failure")
    return costs


def _apply_nodes(store: Path, given: tuple[float | None, float | None], json: bool) -> None:
    """Apply the models that were learnt from the store to its machines, now."""
    from babbitt.prognosis.advice import check_costs
    from babbitt.prognosis.fleet.foretell import foretell
    from babbitt.prognosis.fleet.foretold import first, plain
    from babbitt.store.reader import StoreReader

    planned, failure = _both(given)
    costs = config().costs_by_machine()
    if planned is not None and failure is not None:
        check_costs(planned, failure, 1.0)
        costs = {"": (planned, failure)}
    reader = StoreReader(store)
    found = foretell(reader, costs).nodes
    own = {(n.site, n.node): n.assessment for n in reader.nodes()}
    reader.close()
    shown = [(one, first(own.get((one.site, one.node)), one)) for one in found]
    if json:
        print_json([plain(one) | {"first": by} for one, by in shown])
        return
    print_table(
        "Remaining life by what became of other machines of the kind",
        ("machine", "middle (10 to 90 %)", "as of", "first", "maintenance"),
        [
            (f"{one.site}/{one.node}", one.span or "no number", when(one.t), by,
             "" if one.advice is None else "now" if one.advice.now else "not yet")
            for one, by in shown
        ],
        "No model in use was learnt from the store: `babbitt train --from-store` makes one."
        if not found else "The store has no machine.",
    )  # fmt: skip
    for one, _ in shown:
        if one.why:
            print(f"{one.site}/{one.node}: no number, {one.why}.")
        elif one.advice is not None and one.advice.now:
            print(f"{one.site}/{one.node}: {one.advice.said(' h')}")
    for source in dict.fromkeys(one.source for one in found if not one.why):
        print(f"By {source}.")
    if found:
        print(f"{sentence(found[0].first_text)}.")


def sentence(text: str) -> str:
    """With a capital first letter."""
    return text[:1].upper() + text[1:]


def _training(store: Path, json: bool) -> None:
    import msgspec

    from babbitt.prognosis.fleet.jobs import Jobs

    found = Jobs(store).all()
    if json:
        print_json(msgspec.to_builtins(found))
        return
    rows = [
        (one.id, one.lesson.name, one.lesson.file, when(one.made), one.progress, one.text)
        for one in found
    ]  # fmt: skip
    columns = ("id", "model", "file", "asked for", "how far", "what came of it")
    print_table("Trainings by the host", columns, rows, "The host was asked for no training yet.")


def _progress(what: str, done: int, of: int) -> None:
    print(f"{what}: {done} of {of}", file=sys.stderr, flush=True)
