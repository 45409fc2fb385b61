"""Every path that a command takes: an output is used as what it is and never replaced by something else, `-` is a
standard stream or refused in words.

The table names every argument and option of every command that is a path; a new one must be added here.
"""

from __future__ import annotations

import base64
import json
import os
import secrets
import shutil
import stat
import subprocess
import sys
import threading
import typing
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import typer

from cccd_core import pki
from cccd_core.card.virtual import VirtualCard
from cccd_core.cli import common
from cccd_core.cli.common import EXIT_NOT_RUN, EXIT_USAGE
from cccd_core.cli.main import AREAS, build
from cccd_core.pki.cv import CvFolder, make_request
from support.cards import Country
from support.chip import finish_job, open_channel
from support.issuing import Office
from support.patience import PATIENCE_S
from support.reviewing import open_case

PNG, JPEG, JSON, CSV, FMR, DER = b"\x89PNG", b"\xff\xd8\xff", b"{", b"probe,candidate", b"FMR\0", b"\x30"
HTML = b"<!doctype html>"

# command and parameter -> how an output's content begins, and who may read a new file
FILES = {
    ("match", "explain"): (PNG, 0o600),
    ("review page", "out"): (HTML, 0o600),
    ("evaluate", "out"): (JSON, 0o644),
    ("evaluate", "scores"): (CSV, 0o644),
    ("template convert", "out"): (FMR, 0o600),
    ("template draw", "out"): (PNG, 0o600),
    ("card read", "portrait"): (JPEG, 0o600),
    ("card verify", "portrait"): (JPEG, 0o600),
    ("pki write-master-list", "out"): (DER, 0o644),
    ("pki write-deviation-list", "out"): (DER, 0o644),
    **{(f"pki cv {word}", "out"): (b"\x7f\x21", 0o644) for word in ("request", "dv", "is", "link")},
    ("pki cv renew", "out"): (b"\x67", 0o644),
}
# Outputs that are folders, or a card that lives in its file: `-` is refused, and so is anything else in the place.
FOLDERS = [
    ("evaluate", "plots"), ("issue", "gallery"), ("issue", "out"), ("pki init", "folder"), ("vcard new", "file"),
    ("pki ceremony", "folder"), ("pki cv init", "folder"), ("pki cv request", "folder"),
    ("card read", "files"), ("card verify", "files"), ("gallery create", "gallery"), ("gallery export", "out"),
    ("extract", "out"), ("dedup join", "out"), ("synth people", "out"), ("synth people", "gallery"),
    ("synth check", "out"), ("evaluate-search", "out"), ("search", "serve"), ("batch images", "to"),
    ("review pages", "out"),
]  # fmt: skip
READ = [
    ("match", "probe"), ("match", "candidates"), ("evaluate", "compare"), ("template info", "files"),
    ("search", "against"),
    ("template convert", "source"), ("template draw", "source"), ("pki master-list", "file"),
    ("pki master-list", "root"), ("pki deviation-list", "file"), ("pki deviation-list", "root"),
    ("audit verify", "certificate"), ("audit anchor", "certificate"),
    ("pki write-master-list", "certificates"), ("pki write-deviation-list", "deviations"), ("pki check", "files"),
    ("card read", "finger"), ("card verify", "finger"),
    ("pki protocol", "file"), ("pki protocol", "certificate"),
    *((f"register person {word}", "number_file") for word in ("show", "remove", "replace", "merge", "split")),
    ("register units", "file"), ("register record", "file"), ("register receive", "holidays"),
    ("register due", "holidays"),
    ("register inspect", "tariff"), ("register inspect", "holidays"),
    ("pki cv dv", "asked"), ("pki cv is", "asked"),
    ("pki cv add", "certificates"), ("pki cv request", "trust"), ("pki cv check", "file"), ("pki cv check", "issuer"),
]  # fmt: skip
_PKI_FOLDERS = (
    "signer", "audit-signer", "roll-over", "revoke", "crl", "ledger", "list-signer", "write-master-list",
    "write-deviation-list",
)  # fmt: skip
_OF_A_CARD = ("file", "pki", "ds", "trust", "root", "terminal")
_GALLERY = (
    "info", "list", "remove", "withdrawals", "index", "compact", "verify", "rotate", "create", "add", "export",
    "import", "rename", "replace",
)  # fmt: skip
_PERSON = ("show", "remove", "replace", "merge", "split", "resume", "acts")
_REVIEW = ("list", "show", "decide", "undo")
READ_BY_NAME = [
    ("extract", "sources"), ("search", "gallery"), ("search", "people"), ("search", "key"), ("dedup join", "gallery"),
    ("dedup join", "against"), ("dedup join", "key"), ("synth people", "key"), ("synth check", "data"),
    *((f"ask {word}", "socket") for word in ("insert", "identify", "delete", "status")),
    ("ask insert", "person_dir"), ("ask identify", "person_dir"),
    *(("evaluate-search", name) for name in ("gallery", "probes", "key")),
    ("evaluate", "directories"), ("issue", "batch"), ("issue", "pki"), ("issue", "keep_images"),
    ("issue", "keep_reviews"), *((f"review {word}", "gallery") for word in _REVIEW),
    *(("review open", name) for name in ("batch", "run", "gallery", "review_key", "key")),
    *((f"review {word}", name) for word in ("page", "pages") for name in ("gallery", "review_key", "batch", "key")),
    ("audit verify", "pki"), ("audit verify", "anchor"), ("audit anchor", "pki"),
    ("audit anchor", "anchor"), ("audit seal", "pki"), ("audit seal", "anchor"), ("audit demand", "folder"),
    ("issue", "anchor"),
    ("batch images", "out"), ("batch images", "key"), ("pki show", "folder"), ("vcard new", "pki"),
    ("vcard serve", "file"), ("vcard info", "file"),
    *((f"pki {word}", "folder") for word in _PKI_FOLDERS),
    *((f"pki {word}", "module") for word in ("signer", "audit-signer", "list-signer", "ceremony")),
    *((f"pki cv {word}", "module") for word in ("init", "request", "renew", "link")),
    *((f"pki cv {word}", "folder") for word in ("dv", "is", "add", "renew", "link", "show")),
    *((f"card {word}", name) for word in ("read", "verify") for name in _OF_A_CARD), ("card keys", "file"),
    ("card keys", "pki"),
    ("batch check", "batch"), ("register receive", "batch"), ("gallery rotate", "to"),
    ("register rotate", "to"), ("register rotate", "key"), ("issue", "key"),
    *((f"gallery {word}", name) for word in _GALLERY for name in ("gallery", "key")
      if (word, name) != ("create", "gallery")),
    ("gallery add", "people"), ("gallery import", "people"), ("gallery replace", "person_dir"),
    *((f"register person {word}", "gallery") for word in _PERSON),
    *((f"register person {word}", "key") for word in _PERSON if word != "acts"),
    ("register person replace", "person_dir"),
]  # fmt: skip


def key_file(work: Path) -> Path:
    """The key of a gallery."""
    path = work / "key.hex"
    path.write_text("00" * 32)
    return path


def commands(app: typer.Typer, before: str = "") -> Iterator[tuple[str, Callable[..., Any]]]:
    for command in app.registered_commands:
        assert command.callback is not None
        name = command.name or command.callback.__name__.replace("_", "-")
        yield f"{before}{name}", command.callback
    for group in app.registered_groups:
        assert group.typer_instance is not None
        yield from commands(group.typer_instance, f"{before}{group.name} ")


def test_the_table_has_every_path_of_every_command() -> None:
    found = []
    for name, callback in commands(build()):
        for parameter, kind in typing.get_type_hints(callback).items():
            if (
                kind == Path
                or Path in typing.get_args(kind)
                or list[Path] in typing.get_args(kind)
                or "Path" in str(kind)
            ):
                found.append((name, parameter))
    assert len(found) > 20
    assert sorted(found) == sorted([*FILES, *FOLDERS, *READ, *READ_BY_NAME])


def finished_card(path: Path, office: Office) -> tuple[Path, str]:
    """The file of a finished card of the office's country, and its access number."""
    country = Country(pki.load(office.pki))
    job = country.job(1)
    if not path.exists():
        with VirtualCard.create(path, master_key=country.card_master_key) as card:
            connection, session = open_channel(card, master_key=country.card_master_key)
            finish_job(connection, session, job)
    return path, job.secrets.can


def terminals(cv: Path, made: Path) -> dict[str, dict[str, Any]]:
    """What the commands of terminals take: a copy of the country's, and requests of its verifier and system."""
    if not cv.exists():
        shutil.copytree(made, cv)
        for word in ("dv", "is"):
            folder = CvFolder.load(cv / word)
            asked = make_request(folder.key(folder.current().body.holder))
            (cv / f"{word}.cvreq").write_bytes(asked.encoded)
    (own,) = (cv / "is" / "certificates").glob("VNTESTIS*")
    new = {"--role": "is", "--holder": "VNMORE", "--trust": cv / "dv"}
    return {
        "pki cv init": {"folder": cv / "new", "--holder": "VNMORE"},
        "pki cv request": {"folder": cv / secrets.token_hex(4), "out": cv / "unused", **new},
        "pki cv dv": {"folder": cv / "cvca", "asked": cv / "dv.cvreq", "out": cv / "unused", "--rights": "dg3"},
        "pki cv is": {"folder": cv / "dv", "asked": cv / "is.cvreq", "out": cv / "unused", "--rights": "dg3"},
        "pki cv add": {"folder": cv / "is", "certificates": own},
        "pki cv renew": {"folder": cv / "is", "out": cv / "unused"},
        "pki cv link": {"folder": cv / "cvca", "out": cv / "unused"},
        "pki cv show": {"folder": cv / "is"},
        "pki cv check": {"file": own},
    }


def call(name: str, parameter: str, target: str | Path, work: Path, office: Office) -> int:
    """Runs a command with `target` for one of its paths, and for everything else what is sound."""
    card, can = finished_card(work / "a.card", office) if name.startswith("card") else (work / "unused", "")
    reviewed, case_id = work / "reviewed", ""
    if name.startswith("review page"):
        case_id = open_case(reviewed)
    arguments: dict[str, dict[str, Any]] = {
        "match": {"probe": work / "1.fmr", "candidates": work / "2.fmr"},
        "evaluate": {"directories": work / "set", "--bootstrap": "0"},
        "extract": {"sources": work / "1.fmr", "--out": work / "unused"},
        "template info": {"files": work / "1.fmr"},
        "template convert": {"source": work / "1.fmr", "--to": "ansi-2004", "--out": work / "unused"},
        "template draw": {"source": work / "1.fmr", "--out": work / "unused"},
        "pki init": {"folder": work / "unused"},
        "pki show": {"folder": office.pki},
        "pki signer": {"folder": office.pki, "--token": "t", "--key": "k"},
        "pki audit-signer": {"folder": office.pki, "--token": "t", "--key": "k"},
        **{f"audit {word}": {"trail": work / "1.fmr"} for word in ("verify", "anchor", "show")},
        "audit seal": {"trail": work / "unused.jsonl", "--pki": office.pki},
        "audit demand": {"folder": work, "--trail": work / "unused.jsonl"},
        "pki roll-over": {"folder": office.pki},
        "pki revoke": {"folder": office.pki, "serial_number": "1", "--reason": "superseded"},
        "pki crl": {"folder": office.pki},
        "pki ledger": {"folder": office.pki},
        "pki list-signer": {"folder": office.pki, "--kind": "master-list", "--token": "t", "--key": "k"},
        "pki write-master-list": {"folder": office.pki, "--out": work / "unused"},
        "pki write-deviation-list": {
            "folder": office.pki,
            "deviations": office.pki / "known.json",
            "--out": work / "unused",
        },
        "pki deviation-list": {"file": work / "1.fmr", "--root": office.pki / "csca" / "certificate.der"},
        "pki ceremony": {
            "folder": work / "unused",
            "--operator=A": "--operator=B",
            "--module": "m",
            "--token": "t",
            "--key": "k",
        },
        "pki protocol": {"file": work / "1.fmr", "--certificate": office.pki / "csca" / "certificate.der"},
        "pki check": {"files": office.pki / "csca" / "certificate.der"},
        "pki master-list": {"file": work / "1.fmr", "--root": office.pki / "csca" / "certificate.der"},
        **(terminals(work / "cv", office.pki / "cv") if name.startswith("pki cv") else {}),
        "vcard new": {"file": work / "unused"},
        "vcard serve": {"file": work / "unused"},
        "vcard info": {"file": work / "unused"},
        "card keys": {"file": card, "--pki": office.pki},
        "card read": {"file": card, "--can": can, "--pki": office.pki},
        "card verify": {"file": card, "--can": can, "--pki": office.pki},
        "batch check": {"batch": office.batch()},
        "batch images": {"out": work, "--key": key_file(work), "--to": work / "unused"},
        **{f"gallery {word}": {"gallery": office.gallery} for word in _GALLERY},
        "evaluate-search": {"gallery": office.gallery, "probes": work / "people"},
        "search": {"gallery": office.gallery, **({} if parameter == "serve" else {"people": work / "set"})},
        "ask insert": {"socket": work / "unused", "reference": "A-1", "person_dir": work / "set"},
        "ask identify": {"socket": work / "unused", "person_dir": work / "set"},
        "ask delete": {"socket": work / "unused", "reference": "A-1", "--order": "o"},
        "ask status": {"socket": work / "unused"},
        "dedup join": {"gallery": office.gallery, "--out": work / "unused"},
        "synth people": {"count": "1", "--out": work / "unused"},
        "synth check": {"data": work / "set"},
        "review list": {"--gallery": office.gallery},
        "review show": {"case_id": "C1", "--gallery": office.gallery},
        "review decide": {
            "case_id": "C1",
            "--gallery": office.gallery,
            "--as": "an",
            "--answer": "refuse",
            "--reason": "r",
        },
        "review open": {
            "dossier_id": "D1",
            "--batch": work,
            "--run": work,
            "--gallery": office.gallery,
            "--as": "an",
            "--order": "o",
            "--reason": "r",
        },
        **{
            f"review {word}": {**more, "--gallery": reviewed, "--out": work / "unused"}
            for word, more in (("page", {"case_id": case_id}), ("pages", {}))
        },
        "review undo": {
            "case_id": "C1",
            "--gallery": office.gallery,
            "--as": "an",
            "--order": "o",
            "--reason": "r",
        },
        "register rotate": {"--register": office.gallery / "register.sqlite", "--to": key_file(work)},
        "gallery rotate": {"gallery": office.gallery, "--to": key_file(work)},
        "gallery create": {"gallery": work / "unused"},
        "gallery export": {"gallery": office.gallery, "--out": work / "unused"},
        "gallery add": {"gallery": office.gallery, "people": work},
        "gallery import": {"gallery": office.gallery, "people": work},
        "gallery remove": {"gallery": office.gallery, "person": "P1", "--order": "o"},
        "gallery rename": {"gallery": office.gallery, "person": "P1", "new": "P2", "--order": "o"},
        "gallery replace": {"gallery": office.gallery, "person_dir": work, "--order": "o"},
        **{
            f"register person {word}": {
                "--gallery": office.gallery,
                **({"--order": "o", "--as": "an", "--reason": "r"} if word not in ("show", "resume", "acts") else {}),
                **({"person_dir": work} if word == "replace" else {}),
                **({"--other": "D1"} if word == "merge" else {}),
                **({"--finger": "2"} if word == "split" else {}),
            }
            for word in _PERSON
        },
        "register receive": {"batch": office.batch(), "--register": work / "unused", "--actor": "desk-1"},
        "issue": {"batch": office.batch(), "--gallery": office.gallery, "--pki": office.pki, "--out": office.out()},
    }
    given = dict(arguments[name])
    positional = parameter in given or parameter == "certificates"
    given[parameter if positional else f"--{parameter.replace('_', '-')}"] = target
    words = [str(word) for key, value in given.items() for word in ([key, value] if key[:2] == "--" else [value])]
    area, *rest = name.split()
    if name == "evaluate" and parameter == "compare":
        words += ["--plots", str(work / "plots")]
    assert area in AREAS
    return common.run(build(area), [area, *rest, *words])


@contextmanager
def read_from(pipe: Path, into: list[bytes]) -> Iterator[None]:
    def read() -> None:
        into.append(pipe.read_bytes())

    thread = threading.Thread(target=read, daemon=True)
    thread.start()
    yield
    thread.join(PATIENCE_S)


def null_device(path: Path) -> Path:
    """A device node of the test's own, which swallows what is written; never one of the machine's."""
    try:
        os.mknod(path, 0o666 | stat.S_IFCHR, os.makedev(1, 3))
        path.open("wb").close()
    except PermissionError:
        pytest.skip("device nodes cannot be made or opened here: needs root and a file system with devices")
    return path


@pytest.fixture(params=list(FILES), ids=" ".join)
def output(request: pytest.FixtureRequest) -> tuple[str, str]:
    return request.param  # type: ignore[no-any-return]


@pytest.mark.jit
def test_a_new_file(output: tuple[str, str], work: Path, office: Office) -> None:
    target = work / "new" if "template" in output[0] else work / "folder" / "new"
    old = os.umask(0o022)
    try:
        assert call(*output, target, work, office) == 0
    finally:
        os.umask(old)
    start, mode = FILES[output]
    assert target.read_bytes().startswith(start)
    assert stat.S_IMODE(target.stat().st_mode) == mode
    assert not list(target.parent.glob(".cccd-*"))


@pytest.mark.jit
def test_an_existing_file_keeps_its_mode(output: tuple[str, str], work: Path, office: Office) -> None:
    target = work / "there"
    target.write_bytes(b"old")
    target.chmod(0o640)
    assert call(*output, target, work, office) == 0
    assert target.read_bytes().startswith(FILES[output][0])
    assert stat.S_IMODE(target.stat().st_mode) == 0o640


@pytest.mark.jit
@pytest.mark.parametrize("leads_somewhere", [True, False])
def test_a_link_is_followed(leads_somewhere: bool, output: tuple[str, str], work: Path, office: Office) -> None:
    target, link = work / "there", work / "link"
    if leads_somewhere:
        target.write_bytes(b"old")
    link.symlink_to(target)
    assert call(*output, link, work, office) == 0
    assert link.is_symlink()
    assert target.read_bytes().startswith(FILES[output][0])


@pytest.mark.jit
def test_a_pipe_is_written_into(output: tuple[str, str], work: Path, office: Office) -> None:
    pipe, read = work / "pipe", list[bytes]()
    os.mkfifo(pipe)
    with read_from(pipe, read):
        assert call(*output, pipe, work, office) == 0
    assert read[0].startswith(FILES[output][0])
    assert stat.S_ISFIFO(pipe.stat().st_mode)


@pytest.mark.jit
def test_a_device_stays_a_device(output: tuple[str, str], work: Path, office: Office) -> None:
    device = null_device(work / "null")
    assert call(*output, device, work, office) == 0
    assert stat.S_ISCHR(device.lstat().st_mode)


@pytest.mark.jit
def test_a_folder_is_refused(
    output: tuple[str, str], work: Path, office: Office, capsys: pytest.CaptureFixture[str]
) -> None:
    (work / "folder").mkdir()
    assert call(*output, work / "folder", work, office) == EXIT_NOT_RUN
    assert "folder" in capsys.readouterr().err
    assert list((work / "folder").iterdir()) == []


@pytest.mark.jit
def test_a_full_disk_is_called_one(
    output: tuple[str, str], work: Path, office: Office, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(*output, "/dev/full", work, office) == EXIT_NOT_RUN
    captured = capsys.readouterr()
    assert "disk_full: the disk is full" in captured.err


@pytest.mark.jit
def test_standard_output_carries_the_file_alone(
    output: tuple[str, str],
    work: Path,
    office: Office,
    capsysbinary: pytest.CaptureFixture[bytes],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(work)
    assert call(*output, work / "file", work, office) == 0
    report = capsysbinary.readouterr().out
    assert call(*output, "-", work, office) == 0
    captured = capsysbinary.readouterr()
    expected = (work / "file").read_bytes()
    if output == ("evaluate", "out"):  # its figures of speed differ
        assert captured.out.startswith(JSON)
        assert captured.out.endswith(b"}\n")
    elif output[0].startswith("pki"):  # no two signatures are the same
        assert captured.out[:2] == expected[:2]
    else:
        assert captured.out == expected
    assert len(report.splitlines()) <= len(captured.err.splitlines())
    assert not (work / "-").exists()


@pytest.mark.jit
def test_a_file_called_dash_is_reached_by_its_path(
    output: tuple[str, str], work: Path, office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(work)
    assert call(*output, "./-", work, office) == 0
    assert (work / "-").read_bytes().startswith(FILES[output][0])


@pytest.mark.parametrize(("name", "parameter"), [*FOLDERS, *READ_BY_NAME], ids=" ".join)
def test_what_cannot_be_a_stream_refuses_it_in_words(
    name: str,
    parameter: str,
    work: Path,
    office: Office,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(work)
    assert call(name, parameter, "-", work, office) == EXIT_USAGE
    assert "standard input or output" in " ".join(capsys.readouterr().err.split())
    assert not (work / "-").exists()


@pytest.mark.parametrize(("name", "parameter"), FOLDERS, ids=" ".join)
@pytest.mark.parametrize("kind", ["file", "pipe", "device", "link"])
def test_what_is_no_folder_is_left_alone(name: str, parameter: str, kind: str, work: Path, office: Office) -> None:
    target = work / "target"
    if kind == "file":
        target.write_bytes(b"old")
    elif kind == "pipe":
        os.mkfifo(target)
    elif kind == "link":
        (work / "old").write_bytes(b"old")
        target.symlink_to(work / "old")
    else:
        null_device(target)
    before = target.lstat()
    assert call(name, parameter, target, work, office) == EXIT_NOT_RUN
    after = target.lstat()
    assert (before.st_mode, before.st_ino, before.st_size) == (after.st_mode, after.st_ino, after.st_size)


def run(*words: str | Path) -> int:
    return common.run(build(str(words[0])), [str(word) for word in words])


@pytest.mark.jit
@pytest.mark.parametrize(
    "words",
    [
        ["template", "info", "-"],
        ["template", "convert", "-", "--to", "ansi-2004", "-o", "-"],
        ["template", "draw", "-", "-o", "-"],
        ["match", "{work}/2.fmr", "-"],
        ["match", "-", "{work}/2.fmr", "--json"],
        ["match", "{work}/2.fmr", "{work}/2.fmr", "-"],
    ],
    ids=lambda words: " ".join(words[:3]),
)
def test_a_template_from_standard_input(
    words: list[str], work: Path, stdin: Any, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    words = [word.format(work=work) for word in words]
    stdin((work / "1.fmr").read_bytes())
    assert run(*words) == 0
    from_stream = capsysbinary.readouterr().out
    source = max(place for place, word in enumerate(words) if word == "-" and words[place - 1] != "-o")
    words[source] = str(work / "1.fmr")
    assert run(*words) == 0
    from_file = capsysbinary.readouterr().out
    if words[:2] == ["template", "draw"]:  # the file's name stands in the picture
        assert from_stream.startswith(PNG)
    else:
        assert from_stream.split() == from_file.replace(bytes(work / "1.fmr"), b"-").split()


@pytest.mark.vectors
@pytest.mark.parametrize("which", ["file", "root"])
def test_a_master_list_from_standard_input(
    which: str, vectors: Path, stdin: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    files = {"file": vectors / "master_lists/NL_ML_2026-07-22.ml", "root": vectors / "master_lists/NL_ROOT_CA.cer"}
    stdin(files[which].read_bytes())
    files[which] = Path("-")
    assert run("pki", "master-list", files["file"], "--root", files["root"]) == 0
    assert "411" in capsys.readouterr().out


@pytest.mark.vectors
def test_a_master_list_and_its_root_in_the_forms_that_people_hold(
    vectors: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = vectors / "master_lists"
    root, listed = (folder / "NL_ROOT_CA.cer").read_bytes(), (folder / "NL_ML_2026-07-22.ml").read_bytes()
    german = (folder / "DE_ML_2026-05-28-08-28-45.ml").read_bytes()
    pem = b"-----BEGIN CERTIFICATE-----\n" + base64.encodebytes(root) + b"-----END CERTIFICATE-----\n"
    (tmp_path / "root.pem").write_bytes(b"the root\n" + pem)
    (tmp_path / "two.ldif").write_bytes(
        b"version: 1\n"
        + b"".join(
            b"\ndn: c=%d\npkdMasterListContent:: %s\n" % (at, base64.b64encode(data))
            for at, data in enumerate((listed, german))
        )
    )
    assert run("pki", "master-list", folder / "NL_ML_2026-07-22.ml", "--root", tmp_path / "root.pem") == 0
    assert "411" in capsys.readouterr().out
    assert run("pki", "master-list", tmp_path / "two.ldif", "--root", tmp_path / "root.pem") == 1
    said = capsys.readouterr()
    assert "411" in said.out
    assert "master_list=2" in said.err  # that of another State has another root
    (tmp_path / "both.pem").write_bytes(
        pem + pem.replace(base64.encodebytes(root), base64.encodebytes((folder / "DE_ROOT_CA_CSCA07.cer").read_bytes()))
    )
    assert run("pki", "master-list", tmp_path / "two.ldif", "--root", tmp_path / "both.pem", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert [each["certificates"] for each in found["lists"]] == [411, 588]
    assert found["refused"] == []
    assert run("pki", "master-list", tmp_path / "root.pem", "--root", tmp_path / "root.pem") == EXIT_NOT_RUN
    assert "no master list in it" in capsys.readouterr().err


@pytest.mark.jit
def test_an_earlier_result_from_standard_input(work: Path, stdin: Any) -> None:
    assert run("evaluate", work / "set", "--bootstrap", "0", "--out", work / "r.json") == 0
    stdin((work / "r.json").read_bytes())
    again = ("evaluate", work / "set", "--bootstrap", "0", "--plots", work / "plots", "--compare", "-")
    assert run(*again) == 0
    assert (work / "plots" / "compare.png").exists()


@pytest.mark.parametrize(
    "words",
    [
        ["template", "info", "-", "-"],
        ["match", "-", "-"],
        ["match", "{work}/1.fmr", "-", "-"],
        ["pki", "master-list", "-", "--root", "-"],
        ["evaluate", "{work}/set", "--plots", "{work}/p", "--compare", "-", "--compare", "-"],
    ],
    ids=" ".join,
)
def test_standard_input_is_read_once(
    words: list[str], work: Path, stdin: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    stdin(b"")
    assert run(*(word.format(work=work) for word in words)) == EXIT_USAGE
    assert "can be read once" in " ".join(capsys.readouterr().err.split())


@pytest.mark.jit
def test_two_files_to_standard_output_come_one_after_the_other(
    work: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    assert run("evaluate", work / "set", "--bootstrap", "0", "--out", "-", "--scores", "-", "--json") == 0
    captured = capsysbinary.readouterr()
    result, _, scores = captured.out.partition(b"}\nprobe")
    assert result.startswith(JSON)
    assert len(scores.splitlines()) == 1 + 15
    assert captured.err.rstrip().endswith(b"}"), "the report is said beside it"


def test_an_input_without_end_is_refused(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("template", "info", "/dev/zero") == EXIT_NOT_RUN
    assert "too large" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words",
    [["doctor"], ["doctor", "--json"], ["template", "info", "1.fmr"], ["batch", "schema"], ["--version"], ["--help"]],
)
def test_standard_output_on_a_full_disk(words: list[str], work: Path, process: Any) -> None:
    with Path("/dev/full").open("wb") as full:
        done = process(*words, stdout=full, cwd=work)
    assert done.returncode == EXIT_NOT_RUN, done.stderr
    assert b"the disk is full" in done.stderr
    assert b"Traceback" not in done.stderr
    assert b"Exception" not in done.stderr


def test_a_reader_that_leaves_is_no_fault(work: Path, process: Any) -> None:
    receiving, sending = os.pipe()
    os.close(receiving)
    done = process("template", "info", "1.fmr", stdout=sending, cwd=work)
    os.close(sending)
    assert (done.returncode, done.stderr) == (EXIT_NOT_RUN, b"")


def test_standard_error_on_a_full_disk(work: Path, process: Any) -> None:
    with Path("/dev/full").open("wb") as full:
        assert process("template", "info", "none", stderr=full, cwd=work).returncode == EXIT_NOT_RUN


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_a_closed_stream_s_number_is_given_to_no_file(closed: str, work: Path) -> None:
    command = f'"{sys.executable}" -m cccd_core.cli.main template convert 1.fmr --to ansi-2004 -o out.fmr {closed}'
    done = subprocess.run(["sh", "-c", command], cwd=work, check=False, timeout=PATIENCE_S, capture_output=True)
    assert done.returncode == 0, done.stderr
    assert (work / "out.fmr").read_bytes().startswith(FMR)
    assert b"minutiae" not in (work / "out.fmr").read_bytes()
