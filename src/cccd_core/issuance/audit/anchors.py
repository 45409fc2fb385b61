"""Anchors: signed statements of trails, kept where whoever can write a trail cannot. A file has one a line, of any
trails, oldest first; it is added to and never written anew.
"""

from __future__ import annotations

from pathlib import Path

from cccd_core.errors import FormatError
from cccd_core.issuance.audit import chain
from cccd_core.issuance.audit.chain import Statement
from cccd_core.storage import whole_file
from cccd_core.storage.log import LineLog

FILE_BYTES_MAX = 1 << 28


def add(path: Path, statement: Statement) -> None:
    """Adds an anchor; on the disk when it ends. One that is the last of its trail already is not added again.
    FileError; FormatError where the file is none of anchors."""
    log = LineLog(path, "file of anchors")
    lines = log.load(most=FILE_BYTES_MAX)
    known = [one for one in parse(b"".join(line + b"\n" for line in lines), str(path)) if one.trail == statement.trail]
    if not known or known[-1] != statement:
        log.append([chain.encode(statement.as_dict())])


def read(path: Path) -> list[Statement]:
    """The anchors of a file. FileError, FormatError."""
    return parse(whole_file.read(path, "file of anchors", most=FILE_BYTES_MAX), str(path))


def parse(data: bytes, path: str) -> list[Statement]:
    """The anchors of a file's bytes; a torn last line, of somebody who was interrupted, is left out. FormatError."""
    found = []
    for number, line in enumerate(data.split(b"\n")[:-1], 1):
        record = chain.decoded(line)
        if record is None or set(record) != {"statement", "signature"}:
            raise FormatError("not an anchor of an audit trail", path=path, line=number)
        try:
            found.append(chain.parse_statement(record))
        except FormatError as error:
            raise error.with_facts(path=path, line=number) from None
    return found
