"""`babbitt node build`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from babbitt_tools.node import boards, bundle, filesystem, heap, partitions, settings
from babbitt_tools.node.commands.options import (
    BoardOption,
    BrokerOption,
    CaOption,
    CertOption,
    ConfigOption,
    JsonOption,
    KeyOption,
    NodeOption,
    NtpOption,
    PasswordFileOption,
    ServerNameOption,
    SiteOption,
    UserOption,
    WifiFileOption,
    WifiOption,
    answers,
    console,
    kilobytes,
    print_json,
)  # fmt: skip


def build(
    board: BoardOption = "ESP32_GENERIC",
    site: SiteOption = None,
    node: NodeOption = None,
    broker: BrokerOption = None,
    wifi: WifiOption = None,
    wifi_password_file: WifiFileOption = None,
    user: UserOption = None,
    password_file: PasswordFileOption = None,
    ca: CaOption = None,
    cert: CertOption = None,
    key: KeyOption = None,
    server_name: ServerNameOption = None,
    ntp: NtpOption = None,
    config: ConfigOption = None,
    out: Annotated[Path, typer.Option("--out", help="Folder for what is made.")] = Path("build"),
    measure: Annotated[
        bool, typer.Option("--heap/--no-heap", help="Measure what the import takes of the heap.")
    ] = True,
    as_json: JsonOption = False,
) -> None:
    """Compile the firmware for a board and make its file system, exactly as large as its partition; the same input gives the same bytes.

    Without --site and --node the image has no node.json: it is the same for all nodes, and `babbitt node provision` makes one of it.
    """
    given = answers(**locals())
    what = boards.load(board)
    identity = None if given.nothing else settings.identity(what, given)
    files = bundle.make(
        what,
        node=None if identity is None else identity.document,
        config=None if config is None else settings.configuration(what, config),
        certificates=None if identity is None else identity.certificates,
    )
    image, rom, layout = files.image(), files.rom_image(), partitions.table(what.partitions)
    manifest: dict[str, Any] = files.manifest()
    manifest["images"] = {
        "vfs.bin": _entry(what.vfs.offset, image),
        "partitions.bin": _entry(partitions.OFFSET, layout),
    }
    made = [("vfs.bin", image), ("partitions.bin", layout)]
    place = what.partition("romfs")
    if rom is not None and place is not None:
        manifest["images"]["romfs.bin"] = _entry(place.offset, rom)
        made.append(("romfs.bin", rom))
    made.append(("manifest.json", json.dumps(manifest, indent=1, sort_keys=True).encode() + b"\n"))
    bundle.write(out, made)
    taken = heap.at_import() if measure else None
    used = filesystem.used(image)
    facts = {
        "folder": str(out), "board": what.name, "firmware": manifest["firmware"], "files": len(files.files) + len(files.rom),
        "flash_used": used, "flash_bytes": what.vfs.size, "romfs_used": None if rom is None else len(rom),
        "heap_measured_64": taken and (taken.in_place if rom is not None else taken.copied),
        "heap_estimate_32": taken and taken.estimate(rom is not None),
        "sha256": {name: bundle.digest(data) for name, data in made},
    }  # fmt: skip
    if as_json:
        print_json(facts)
        return
    words = console(False)
    table = Table("file", "bytes", "goes to", "SHA-256")
    for name, entry in manifest["images"].items():
        table.add_row(name, f"{entry['bytes']:,}", hex(entry["offset"]), entry["sha256"][:16])
    words.print(table)
    words.print(
        f"Babbitt {facts['firmware']} for {what.name} ({what.chip}, {what.arch}): {facts['files']} files in {out}/, manifest.json lists them."
    )
    words.print(
        f"Flash: {kilobytes(used)} of {kilobytes(what.vfs.size)} are used; the rest is for records and waveforms."
    )
    if taken is not None:
        words.print(
            f"Heap at import: {kilobytes(facts['heap_measured_64'])} on 64 bits, so about {kilobytes(facts['heap_estimate_32'])} on the board "
            f"(of some 140 kB), its code {'in place' if rom is not None else 'copied'}."
        )


def _entry(offset: int, data: bytes) -> dict[str, Any]:
    return {"offset": offset, "bytes": len(data), "sha256": bundle.digest(data)}
