"""cccd gallery index|compact|verify|rotate: the index beside a gallery, and what is sound. Parses and prints."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from cccd_core.cli.common import JsonOption, ThreadsOption, fail_unless, no_stream, when_interrupted
from cccd_core.cli.gallery.arguments import GalleryFolder
from cccd_core.cli.gallery_key import KeyOption, cipher_of, key_of, read_key
from cccd_core.cli.progress import progress
from cccd_core.cli.terminal import aligned, cell, print_json, say, show, table
from cccd_core.cli.told import ActorOption, OrderOption, TrailOption, recording

if TYPE_CHECKING:
    from cccd_core.dedup.gallery.sql import SqlGallery
    from cccd_core.dedup.index import Manifest, Updated
    from cccd_core.progress import Progress
    from cccd_core.storage.cipher import Cipher

WaitOption: TypeAlias = Annotated[
    bool, typer.Option("--wait", help="Wait while another process changes the index, instead of being refused.")
]
_GOES_ON = "what was written counts; run the same command again to go on"


def register(area: typer.Typer) -> None:
    """Adds the commands to the area `gallery`."""
    area.command(epilog="Example: cccd gallery index ./gallery --threads 2")(index)
    area.command(epilog="Example: cccd gallery compact ./gallery --wait")(compact)
    area.command(epilog="Example: cccd gallery verify ./gallery --json")(verify)
    area.command(epilog="Example: cccd gallery rotate ./gallery --key old.hex --to new.hex")(rotate)


def up_to_date(
    gallery: SqlGallery,
    folder: Path,
    *,
    threads: int | None,
    cipher: Cipher | None,
    wait: bool = False,
    anew: bool = False,
    told: Progress | None = None,
) -> Updated:
    """Brings the index of an open gallery up to date, as the shipped matcher and coder make it."""
    from cccd_core import runtime
    from cccd_core.dedup.codes import FingerCoder
    from cccd_core.dedup.index import update
    from cccd_core.matching import Matcher

    workers = runtime.threads() if threads is None else threads
    coder = FingerCoder.shipped()
    return update(
        gallery, folder, Matcher(), coder, threads=workers, cipher=cipher, wait=wait, anew=anew, progress=told
    )


def kept_up(gallery: SqlGallery, folder: Path, cipher: Cipher | None, *, make: bool, quiet: bool) -> None:
    """Brings the index up to date after the gallery was changed; `make`: also where there is none yet."""
    if make or has_index(folder):
        with progress("index", quiet=quiet) as told:
            up_to_date(gallery, folder, threads=None, cipher=cipher, wait=True, told=told)


def has_index(folder: Path) -> bool:
    """Whether the gallery in this folder has an index."""
    from cccd_core.dedup.index.manifest import MANIFEST_FILE
    from cccd_core.dedup.index.updating import index_folder

    return (index_folder(folder) / MANIFEST_FILE).exists()


def figures(manifest: Manifest) -> dict[str, int]:
    """What is told of an index."""
    return {
        "people": manifest.people,
        "shards": len(manifest.shards),
        "bytes": sum(entry.bytes for entry in manifest.shards),
        "dead": sum(len(entry.dead) for entry in manifest.shards),
        "up_to_person": manifest.sequence,
        "up_to_withdrawal": manifest.withdrawal,
    }


def index(
    gallery: GalleryFolder,
    anew: Annotated[bool, typer.Option("--anew", help="Make it anew from the gallery: where it is damaged.")] = False,
    wait: WaitOption = False,
    threads: ThreadsOption = None,
    key: KeyOption = None,
    trail: TrailOption = None,
    actor: ActorOption = None,
    as_json: JsonOption = False,
) -> None:
    """Brings the index of a gallery up to date: those enrolled or replaced since come in, those removed go out.

    Searches over a gallery of many people need it. It may be interrupted, and goes on where it was.
    """
    from cccd_core.dedup import open_gallery

    when_interrupted(_GOES_ON)
    cipher = cipher_of(key)
    with (
        open_gallery(gallery, cipher=cipher) as opened,
        progress("index", quiet=as_json) as told,
        recording(trail, "reading", "indexed", actor, "administrator", folders=[gallery], count=len(opened)) as outcome,
    ):
        done = up_to_date(opened, gallery, threads=threads, cipher=cipher, wait=wait, anew=anew, told=told)
        outcome.count = done.people
    _say_done(done, as_json)


def compact(
    gallery: GalleryFolder,
    index_only: Annotated[
        bool,
        typer.Option("--index-only", help="Leave a database in PostgreSQL as it is, whose tables must not wait now."),
    ] = False,
    wait: WaitOption = False,
    key: KeyOption = None,
    trail: TrailOption = None,
    actor: ActorOption = None,
    order: OrderOption = None,
    as_json: JsonOption = False,
) -> None:
    """Leaves nothing of who was removed: brings the index up to date, and writes it anew where people were withdrawn or
    small files stand.

    Tables in PostgreSQL are written anew as well, those of the gallery and of its register; who reads or writes them
    meanwhile waits. The server's log, standbys and backups keep what they have.
    """
    from cccd_core.dedup import open_gallery
    from cccd_core.dedup.index import compact as compacted
    from cccd_core.issuance.correction.store import purge_register
    from cccd_core.storage.postgres import at_server

    when_interrupted(_GOES_ON)
    cipher = cipher_of(key)
    with (
        open_gallery(gallery, cipher=cipher) as opened,
        progress("compact", quiet=as_json) as told,
        recording(trail, "correction", "compacted", actor, "administrator", folders=[gallery], order=order) as outcome,
    ):
        outcome.count = opened.last_withdrawal()
        if not index_only:
            opened.purge()
            purge_register(gallery, opened.where)
        done = None
        indexed = has_index(gallery)
        if indexed:
            up_to_date(opened, gallery, threads=None, cipher=cipher, wait=wait, told=told)
        if indexed or index_only or not at_server(opened.where):  # who owns a server's tables need not be who searches
            done = compacted(gallery, cipher=cipher, wait=wait, progress=told)
    if done is not None:
        _say_done(done, as_json)
    elif as_json:
        print_json(None)
    else:
        say("the tables are written anew; no index is in this folder")


def verify(
    gallery: GalleryFolder,
    key: KeyOption = None,
    trail: TrailOption = None,
    actor: ActorOption = None,
    as_json: JsonOption = False,
) -> None:
    """Reads everyone in a gallery, the trace of who was taken out, every byte of its index and the ledger of its
    service, and names what is damaged: file, part, people affected.

    Exit code 1 where anything is. A damaged index is made anew by cccd gallery index --anew; a damaged gallery comes
    back from its backup.
    """
    from cccd_core.dedup import open_gallery
    from cccd_core.dedup.verifying import findings

    when_interrupted("nothing was changed")
    cipher = cipher_of(key)
    with open_gallery(gallery, cipher=cipher) as opened, progress("verify", quiet=as_json) as told:
        people = len(opened)
        with recording(
            trail, "reading", "checked_whole", actor, "administrator", folders=[gallery], count=people
        ) as outcome:
            found = list(findings(opened, gallery, cipher=cipher, progress=told))
            outcome.count = len(found)
    if as_json:
        print_json({"people": people, "findings": [finding.as_dict() for finding in found]})
    elif found:
        rows = table("file", "part", "offset", "people", "what is wrong", right=["offset", "people"])
        for one in found:
            values = (one.file, one.section, one.offset, one.people, one.what)
            rows.add_row(*(cell(value) for value in values))
        show(rows)
    else:
        say(f"sound: {people} people, and the index beside them")
    fail_unless(not found)


def rotate(
    gallery: GalleryFolder,
    to: Annotated[
        Path, typer.Option(metavar="FILE", help="The key from now on: 64 hexadecimal digits.", callback=no_stream)
    ],
    key: KeyOption = None,
    trail: TrailOption = None,
    actor: ActorOption = None,
    order: OrderOption = None,
    as_json: JsonOption = False,
) -> None:
    """Puts a gallery and its index under another key, or under one at all where neither was.

    It may be interrupted, and goes on where it was when both keys are given again. The old key must be kept for as long
    as there are copies under it.
    """
    from cccd_core.dedup import open_gallery
    from cccd_core.dedup.index import compact as compacted
    from cccd_core.storage.aes_gcm import KeyRing

    when_interrupted("both keys are needed until the same command has ended well")
    old = key_of(key)
    ring = KeyRing(read_key(to), [] if old is None else [old], clear_too=old is None)
    reason = f"key {ring.key_id.hex()}"
    with (
        progress("rotate", quiet=as_json) as told,
        recording(
            trail, "access", "key_changed", actor, "administrator", folders=[gallery], order=order, reason=reason
        ) as outcome,
    ):
        with open_gallery(gallery, alone=True, cipher=ring) as opened:
            people = outcome.count = opened.reseal(told)
        shards = compacted(gallery, cipher=ring, progress=told).written if has_index(gallery) else 0
    if as_json:
        print_json({"people": people, "shards": shards, "key_id": ring.key_id.hex()})
    else:
        say(f"{people} people and {shards} shards are under the key {ring.key_id.hex()} now")


def _say_done(done: Updated, as_json: bool) -> None:
    found = {"new_rows": done.people, "withdrawn": done.dead, "written_shards": done.written, **figures(done.manifest)}
    if as_json:
        print_json(found)
    else:
        say(*aligned(found))
