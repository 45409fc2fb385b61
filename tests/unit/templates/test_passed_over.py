"""What lies beside templates: by its name, its ending, its bytes; never where a template stands in it."""

from __future__ import annotations

import base64
import json

import pytest
from tests.support.dossiers import finger

from cccd_core.templates import write
from cccd_core.templates.beside import BACKUP, HIDDEN, IMAGE, SYSTEM_FILE, instead, passed_over_by_name

RECORD = write(finger(1), "iso-2005")
BASE64 = base64.b64encode(RECORD)


@pytest.mark.parametrize(
    ("name", "what"),
    [
        (".DS_Store", HIDDEN), ("._2.fmr", HIDDEN), ("2.fmr~", BACKUP), ("2.fmr.bak", BACKUP), ("2.BAK", BACKUP),
        ("~$2.fmr", BACKUP), ("#2.fmr#", BACKUP), ("2.fmr", ""), ("2", ""), ("bak.fmr", ""),
    ],
)  # fmt: skip
def test_by_name(name: str, what: str) -> None:
    assert passed_over_by_name(name) == what


@pytest.mark.parametrize(
    ("name", "data", "what"),
    [
        ("2.png", b"\x89PNG\r\n\x1a\n" + bytes(80), "an image, PNG"),
        ("2.bmp", b"BM", IMAGE),
        ("2.dat", b"\xff\xa0\xff" + bytes(80), "a fingerprint image, WSQ"),
        ("Thumbs.db", b"\xd0\xcf\x11\xe0", SYSTEM_FILE),
        ("2.txt", b"a good print", "text that is no template"),
        ("2.fmr.sha256", b"9f86d081884c7d659a2feaa0c55ad015  2.fmr\n", "text that is no template"),
        ("README", b"ten prints of one person", "text that is no template"),
        ("2.meta", b"", "an empty file"),
        ("2.pdf", b"%PDF-1.4", "a PDF document"),
    ],
)  # fmt: skip
def test_by_ending_and_bytes(name: str, data: bytes, what: str) -> None:
    assert instead(name, data) == what


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("2.fmr", RECORD), ("2.raw", RECORD), ("2.png", RECORD), ("2.txt", BASE64),
        ("2.json", b'{"t":"' + BASE64 + b'"}'),
        ("2", BASE64), ("2.txt", BASE64[:60]), ("2.xyt", b"10 20 90 50\n" * 12), ("2.txt", b"10 20 90 50\n" * 12),
        ("2.fmr", b""), ("2.fmr", b"junk"), ("2", b"\x00\x01\x02\x80"), ("2.json", json.dumps(list(RECORD)).encode()),
        ("2.xml", b"<a xmlns='http://standards.iso.org/iso-iec/39794/-2'>" + b"<b/>" * 20 + b"</a>"),
    ],
)  # fmt: skip
def test_what_may_be_a_template_is_not_passed_over(name: str, data: bytes) -> None:
    assert instead(name, data) == ""


def test_numbers_in_a_note_are_a_template_where_the_caller_says_so() -> None:
    assert instead("scores_1.txt", b"10 20 90\n" * 3, numbers=False) == "text that is no template"
    assert instead("scores_1.xyt", b"10 20 90\n" * 3, numbers=False) == ""
