"""What the check found in each sound dossier, kept until its card is proved: so a dossier is read and checked once.

OUT/checked.sqlite holds personal data, for its owner alone: text, templates as they were read (bit for bit: a score may
depend on a bit), portrait and finger images as they go on the chip. At the end of a run the content of every dossier
that no later run could need is deleted, and overwritten. With a key all of it is encrypted, each dossier for itself
and bound to its file; ids of dossiers are not.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Final

import numpy as np
from sqlalchemy import Column, Connection, Integer, LargeBinary, MetaData, String, Table, delete, insert, select

from cccd_core.errors import ConflictError, DamagedError, ParameterError, UnavailableError
from cccd_core.issuance.dossiers.dossier import Dossier
from cccd_core.plain import decode, encode
from cccd_core.storage.cipher import FILE_ID_BYTES, Cipher, RecordCipher
from cccd_core.storage.sqlite import SqliteFile, SqliteKind
from cccd_core.templates import CaptureDetails, FingerTemplate, Tenprint

KIND = SqliteKind(
    what="store of checked dossiers",
    application_id=0x43434443,  # "CCDC"
    version=4,
    schema=(
        "CREATE TABLE dossiers (dossier_id TEXT PRIMARY KEY, text TEXT NOT NULL, portrait BLOB NOT NULL)",
        "CREATE TABLE fingers (dossier_id TEXT NOT NULL REFERENCES dossiers ON DELETE CASCADE,"
        " position INTEGER NOT NULL CHECK (position BETWEEN 1 AND 10), columns BLOB NOT NULL, facts TEXT NOT NULL,"
        " PRIMARY KEY (dossier_id, position))",
        "CREATE TABLE images (dossier_id TEXT NOT NULL REFERENCES dossiers ON DELETE CASCADE,"
        " position INTEGER NOT NULL CHECK (position BETWEEN 1 AND 10), record BLOB NOT NULL,"
        " PRIMARY KEY (dossier_id, position))",
        "CREATE TABLE unplaced (dossier_id TEXT NOT NULL REFERENCES dossiers ON DELETE CASCADE,"
        " number INTEGER NOT NULL CHECK (number BETWEEN 1 AND 10), columns BLOB NOT NULL, facts TEXT NOT NULL,"
        " PRIMARY KEY (dossier_id, number))",
        "CREATE TABLE sealing (file_id BLOB PRIMARY KEY)",
        "CREATE TABLE sealed (dossier_id TEXT NOT NULL, part INTEGER NOT NULL CHECK (part BETWEEN 0 AND 10),"
        " record BLOB NOT NULL, PRIMARY KEY (dossier_id, part))",
    ),
    value_bytes_max=1 << 20,
    earlier={1: 2, 2: 3, 3: 4},
)

_READ_AT_ONCE: Final = 64

_METADATA = MetaData()
_DOSSIERS = Table(
    "dossiers",
    _METADATA,
    Column("dossier_id", String, primary_key=True),
    Column("text", String),
    Column("portrait", LargeBinary),
)
_FINGERS = Table(
    "fingers",
    _METADATA,
    Column("dossier_id", String, primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("columns", LargeBinary),
    Column("facts", String),
)
_UNPLACED = Table(
    "unplaced",
    _METADATA,
    Column("dossier_id", String, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("columns", LargeBinary),
    Column("facts", String),
)
_IMAGES = Table(
    "images",
    _METADATA,
    Column("dossier_id", String, primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("record", LargeBinary),
)
_SEALING = Table("sealing", _METADATA, Column("file_id", LargeBinary, primary_key=True))
_SEALED = Table(
    "sealed",
    _METADATA,
    Column("dossier_id", String, primary_key=True),
    Column("part", Integer, primary_key=True),  # 0 the dossier, 1 to 10 the image of that finger
    Column("record", LargeBinary),
)


@dataclass(frozen=True, slots=True)
class Content:
    """All that later stages need of a sound dossier. `portrait` is the image as it goes into DG2, `images` the records
    of finger images as they go into DG3, by position; `unplaced` the fingers of unknown position, which do not."""

    dossier: Dossier = field(repr=False)
    tenprint: Tenprint = field(repr=False)
    portrait: bytes = field(repr=False)
    images: Mapping[int, bytes] = field(default_factory=dict, repr=False)
    unplaced: tuple[FingerTemplate, ...] = field(default=(), repr=False)


class ContentStore:
    """The checked dossiers of one OUT folder; made where it is not there. Errors as `SqliteFile`.

    `cipher`: what they are encrypted by. ConflictError where they were kept without one, UnavailableError where they
    were kept with one and this is none, or another."""

    def __init__(self, path: Path, cipher: Cipher | None = None) -> None:
        self._file = SqliteFile(path, KIND)
        self._keys: RecordCipher | None = None
        try:
            self._demand_key(cipher)
        except BaseException:
            self.close()
            raise

    def _demand_key(self, cipher: Cipher | None) -> None:
        path = str(self._file.path)
        with self._file.read() as connection:
            file_id = connection.execute(select(_SEALING.c.file_id)).scalar()
        if cipher is None:
            if file_id is not None:
                raise UnavailableError("the checked dossiers are encrypted", needs="their key", path=path)
            return
        with self._file.write() as connection:
            file_id = connection.execute(select(_SEALING.c.file_id)).scalar()
            if file_id is None:
                if connection.execute(select(_DOSSIERS.c.dossier_id).limit(1)).first() is not None:
                    raise ConflictError(
                        "the run was begun without a key: its dossiers lie there as they are", path=path,
                        needs="to be ended without the key",
                    )  # fmt: skip
                file_id = secrets.token_bytes(FILE_ID_BYTES)
                connection.execute(insert(_SEALING).values(file_id=file_id))
        self._keys = cipher.of_records(bytes(file_id))

    def close(self) -> None:
        """Lets go of the file."""
        self._file.close()

    def put(self, contents: Iterable[Content]) -> None:
        """Keeps these, each in place of what was there of the same dossier, in one transaction."""
        with self._file.write() as connection:
            for one in contents:
                name = one.dossier.dossier_id
                if self._keys is not None:
                    self._seal(connection, self._keys, one)
                    continue
                connection.execute(delete(_DOSSIERS).where(_DOSSIERS.c.dossier_id == name))
                text = json.dumps(encode(one.dossier), ensure_ascii=False)
                connection.execute(insert(_DOSSIERS).values(dossier_id=name, text=text, portrait=one.portrait))
                rows = [
                    {"dossier_id": name, "position": position, "columns": _columns(finger), "facts": _facts(finger)}
                    for position, finger in one.tenprint.items()
                ]
                if rows:
                    connection.execute(insert(_FINGERS), rows)
                loose = [
                    {"dossier_id": name, "number": number, "columns": _columns(finger), "facts": _facts(finger)}
                    for number, finger in enumerate(one.unplaced, 1)
                ]
                if loose:
                    connection.execute(insert(_UNPLACED), loose)
                for position, record in one.images.items():
                    connection.execute(insert(_IMAGES).values(dossier_id=name, position=position, record=record))

    def read(self, dossier_ids: Iterable[str]) -> Iterator[Content]:
        """The content of these dossiers, in their order; what is not here is passed over."""
        ids = list(dossier_ids)
        if self._keys is not None:
            yield from self._unsealed(self._keys, ids)
            return
        for start in range(0, len(ids), _READ_AT_ONCE):
            part = ids[start : start + _READ_AT_ONCE]
            with self._file.read() as connection:
                texts = {
                    row.dossier_id: row
                    for row in connection.execute(select(_DOSSIERS).where(_DOSSIERS.c.dossier_id.in_(part)))
                }
                fingers: dict[str, dict[int, FingerTemplate]] = {name: {} for name in texts}
                for row in connection.execute(select(_FINGERS).where(_FINGERS.c.dossier_id.in_(part))):
                    fingers[row.dossier_id][row.position] = self._finger(row.columns, row.facts)
                unplaced: dict[str, list[FingerTemplate]] = {name: [] for name in texts}
                of_these = select(_UNPLACED).where(_UNPLACED.c.dossier_id.in_(part)).order_by(_UNPLACED.c.number)
                for row in connection.execute(of_these):
                    unplaced[row.dossier_id].append(self._finger(row.columns, row.facts))
                images: dict[str, dict[int, bytes]] = {name: {} for name in texts}
                for row in connection.execute(select(_IMAGES).where(_IMAGES.c.dossier_id.in_(part))):
                    images[row.dossier_id][row.position] = bytes(row.record)
            for name in part:
                if name in texts:
                    dossier = self._dossier(name, texts[name].text)
                    portrait = bytes(texts[name].portrait)
                    yield Content(dossier, Tenprint(fingers[name]), portrait, images[name], tuple(unplaced[name]))

    def keep_only(self, dossier_ids: Container[str]) -> None:
        """Deletes what is kept of all other dossiers."""
        with self._file.write() as connection:
            for table in (_DOSSIERS, _SEALED):
                for name in connection.execute(select(table.c.dossier_id).distinct()).scalars().all():
                    if name not in dossier_ids:
                        connection.execute(delete(table).where(table.c.dossier_id == name))

    def _seal(self, connection: Connection, keys: RecordCipher, one: Content) -> None:
        name = one.dossier.dossier_id
        connection.execute(delete(_SEALED).where(_SEALED.c.dossier_id == name))
        rows = [
            {"dossier_id": name, "part": part, "record": keys.seal(_place(name, part, one.images), record)}
            for part, record in ((0, pack(one)), *one.images.items())
        ]
        connection.execute(insert(_SEALED), rows)

    def _unsealed(self, keys: RecordCipher, dossier_ids: Sequence[str]) -> Iterator[Content]:
        for name in dossier_ids:
            with self._file.read() as connection:
                query = select(_SEALED.c.part, _SEALED.c.record).where(_SEALED.c.dossier_id == name)
                rows = {row.part: bytes(row.record) for row in connection.execute(query)}
            images = sorted(rows.keys() - {0})
            parts = {part: keys.unseal(_place(name, part, images), record) for part, record in sorted(rows.items())}
            known = {part: record for part, record in parts.items() if record is not None}
            if not parts:
                continue
            if len(known) < len(parts) or 0 not in known:
                raise self._damaged()
            packed = known.pop(0)
            content = unpack(packed, self._file.path)
            yield replace(content, dossier=replace(content.dossier, dossier_id=name), images=known)

    def _dossier(self, dossier_id: str, text: str) -> Dossier:
        try:
            return replace(decode(Dossier, json.loads(text)), dossier_id=dossier_id)
        except (ValueError, TypeError, RecursionError):
            raise self._damaged() from None

    def _finger(self, columns: bytes, facts: str) -> FingerTemplate:
        try:
            return _template(columns, decode(_Facts, json.loads(facts)))
        except (ValueError, TypeError, RecursionError, ParameterError):
            raise self._damaged() from None

    def _damaged(self) -> DamagedError:
        return DamagedError("the store of checked dossiers holds what no check wrote", path=str(self._file.path))


@dataclass(frozen=True, slots=True, repr=False)
class _Facts:
    """What a template says beside its columns."""

    minutiae: int
    width_px: int
    height_px: int
    resolution_x_ppcm: int
    resolution_y_ppcm: int
    position: int
    impression: int
    view: int
    capture_quality: int
    extended: bytes
    details: CaptureDetails


_NUMBERS: Final = tuple(item.name for item in fields(_Facts) if item.type == "int" and item.name != "minutiae")


@dataclass(frozen=True, slots=True)
class _PackedFinger:
    """`position` is 0 where nobody knows it."""

    position: int
    columns: bytes = field(repr=False)
    facts: _Facts = field(repr=False)


@dataclass(frozen=True, slots=True)
class _Packed:
    """A dossier's text, templates and portrait as one record."""

    dossier: Dossier = field(repr=False)
    fingers: tuple[_PackedFinger, ...] = field(repr=False)
    portrait: bytes = field(repr=False)


def _place(dossier_id: str, part: int, images: Iterable[int]) -> bytes:
    """Where a record belongs: none of its dossier's images can be taken away."""
    return f"{dossier_id}/{part}/{' '.join(map(str, sorted(images)))}".encode()


def pack(content: Content) -> bytes:
    """A dossier's text, templates (bit for bit) and portrait in one piece, which is to be encrypted."""
    fingers = tuple(
        _PackedFinger(position, _columns(finger), _said(finger))
        for position, finger in (*content.tenprint.items(), *((0, finger) for finger in content.unplaced))
    )
    packed = _Packed(content.dossier, fingers, content.portrait)
    return json.dumps(encode(packed), ensure_ascii=False).encode()


def unpack(data: bytes, path: Path) -> Content:
    """What `pack` made. DamagedError, which names the path that it came from."""
    try:
        packed = decode(_Packed, json.loads(data))
        fingers = [(one.position, _template(one.columns, one.facts)) for one in packed.fingers]
        placed = Tenprint({position: finger for position, finger in fingers if position})
        unplaced = tuple(finger for position, finger in fingers if not position)
        return Content(packed.dossier, placed, packed.portrait, unplaced=unplaced)
    except (ValueError, TypeError, RecursionError, ParameterError):
        raise DamagedError("a kept dossier is none that was packed", path=str(path)) from None


def _template(columns: bytes, said: _Facts) -> FingerTemplate:
    """ValueError, TypeError or ParameterError for what is no template."""
    count = said.minutiae
    if len(columns) != 8 * count:
        raise ValueError
    wide = np.frombuffer(columns, "<u2", 3 * count).astype(np.uint16)
    narrow = np.frombuffer(columns, np.uint8, 2 * count, 6 * count)
    return FingerTemplate(
        x_px=wide[:count],
        y_px=wide[count : 2 * count],
        angle=wide[2 * count :],
        kind=narrow[:count],
        quality=narrow[count:],
        extended=said.extended,
        details=said.details,
        **{name: getattr(said, name) for name in _NUMBERS},
    )


def _columns(finger: FingerTemplate) -> bytes:
    """x, y and angle as little-endian uint16, then kind and quality as uint8, one after the other."""
    wide = np.concatenate([finger.x_px, finger.y_px, finger.angle]).astype("<u2")
    return wide.tobytes() + finger.kind.tobytes() + finger.quality.tobytes()


def _facts(finger: FingerTemplate) -> str:
    return json.dumps(encode(_said(finger)))


def _said(finger: FingerTemplate) -> _Facts:
    numbers = {name: int(getattr(finger, name)) for name in _NUMBERS}
    return _Facts(minutiae=finger.count, extended=finger.extended, details=finger.details, **numbers)
