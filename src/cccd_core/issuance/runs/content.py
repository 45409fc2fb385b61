"""What the check found in each sound dossier, kept until its card is proved: so a dossier is read and checked once.

OUT/checked.sqlite holds personal data, for its owner alone: text, templates as they were read (bit for bit: a score may
depend on a bit), the portrait as it goes on the chip. At the end of a run the content of every dossier that no later
run could need is deleted, and overwritten.
"""

from __future__ import annotations

import json
from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass, field, fields
from datetime import date, datetime
from pathlib import Path
from typing import Final

import numpy as np
from sqlalchemy import Column, Integer, LargeBinary, MetaData, String, Table, delete, insert, select

from cccd_core.errors import DamagedError, ParameterError
from cccd_core.issuance.dossiers.dossier import Dossier
from cccd_core.plain import Json, JsonObject
from cccd_core.storage.sqlite import SqliteFile, SqliteKind
from cccd_core.templates import FingerTemplate, Tenprint
from cccd_core.templates.model import CaptureDetails, CertificationBlock, QualityBlock

KIND = SqliteKind(
    what="store of checked dossiers",
    application_id=0x43434443,  # "CCDC"
    version=1,
    schema=(
        "CREATE TABLE dossiers (dossier_id TEXT PRIMARY KEY, text TEXT NOT NULL, portrait BLOB NOT NULL)",
        "CREATE TABLE fingers (dossier_id TEXT NOT NULL REFERENCES dossiers ON DELETE CASCADE,"
        " position INTEGER NOT NULL CHECK (position BETWEEN 1 AND 10), columns BLOB NOT NULL, facts TEXT NOT NULL,"
        " PRIMARY KEY (dossier_id, position))",
    ),
    value_bytes_max=1 << 20,
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


@dataclass(frozen=True, slots=True)
class Content:
    """All that later stages need of a sound dossier. `portrait` is the image as it goes into DG2."""

    dossier: Dossier = field(repr=False)
    tenprint: Tenprint = field(repr=False)
    portrait: bytes = field(repr=False)


class ContentStore:
    """The checked dossiers of one OUT folder; made where it is not there. Errors as `SqliteFile`."""

    def __init__(self, path: Path) -> None:
        self._file = SqliteFile(path, KIND)

    def close(self) -> None:
        """Lets go of the file."""
        self._file.close()

    def put(self, contents: Iterable[Content]) -> None:
        """Keeps these, each in place of what was there of the same dossier, in one transaction."""
        with self._file.write() as connection:
            for one in contents:
                name = one.dossier.dossier_id
                connection.execute(delete(_DOSSIERS).where(_DOSSIERS.c.dossier_id == name))
                text = json.dumps(_dossier_json(one.dossier), ensure_ascii=False)
                connection.execute(insert(_DOSSIERS).values(dossier_id=name, text=text, portrait=one.portrait))
                rows = [
                    {"dossier_id": name, "position": position, "columns": _columns(finger), "facts": _facts(finger)}
                    for position, finger in one.tenprint.items()
                ]
                if rows:
                    connection.execute(insert(_FINGERS), rows)

    def read(self, dossier_ids: Iterable[str]) -> Iterator[Content]:
        """The content of these dossiers, in their order; what is not here is passed over."""
        ids = list(dossier_ids)
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
            for name in part:
                if name in texts:
                    dossier = self._dossier(name, texts[name].text)
                    yield Content(dossier, Tenprint(fingers[name]), bytes(texts[name].portrait))

    def keep_only(self, dossier_ids: Container[str]) -> None:
        """Deletes what is kept of all other dossiers."""
        with self._file.write() as connection:
            for name in connection.execute(select(_DOSSIERS.c.dossier_id)).scalars().all():
                if name not in dossier_ids:
                    connection.execute(delete(_DOSSIERS).where(_DOSSIERS.c.dossier_id == name))

    def _dossier(self, dossier_id: str, text: str) -> Dossier:
        try:
            data = json.loads(text)
            captured, expires = data["captured_at"], data["expiry_date"]
            return Dossier(
                dossier_id=dossier_id,
                captured_at=None if captured is None else datetime.fromisoformat(captured),
                missing_fingers=frozenset(data["missing_fingers"]),
                birth_date=date.fromisoformat(data["birth_date"]),
                issue_date=date.fromisoformat(data["issue_date"]),
                expiry_date=None if expires is None else date.fromisoformat(expires),
                **{name: data[name] for name in _TEXTS},
            )
        except (ValueError, KeyError, TypeError, RecursionError):
            raise self._damaged() from None

    def _finger(self, columns: bytes, facts: str) -> FingerTemplate:
        try:
            data = json.loads(facts)
            count = data["minutiae"]
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
                extended=bytes.fromhex(data["extended"]),
                details=_details(data["details"]),
                **{name: data[name] for name in _NUMBERS},
            )
        except (ValueError, KeyError, TypeError, RecursionError, ParameterError):
            raise self._damaged() from None

    def _damaged(self) -> DamagedError:
        return DamagedError("the store of checked dossiers holds what no check wrote", path=str(self._file.path))


_DAYS: Final = ("birth_date", "issue_date", "expiry_date")
_TEXTS: Final = tuple(
    item.name for item in fields(Dossier) if item.name not in (*_DAYS, "dossier_id", "captured_at", "missing_fingers")
)
_NUMBERS: Final = (
    "width_px", "height_px", "resolution_x_ppcm", "resolution_y_ppcm", "position", "impression", "view",
    "capture_quality",
)  # fmt: skip


def _dossier_json(dossier: Dossier) -> JsonObject:
    days = {name: getattr(dossier, name) for name in _DAYS}
    return {
        **{name: getattr(dossier, name) for name in _TEXTS},
        **{name: None if day is None else day.isoformat() for name, day in days.items()},
        "captured_at": None if dossier.captured_at is None else dossier.captured_at.isoformat(),
        "missing_fingers": sorted(dossier.missing_fingers),
    }


def _columns(finger: FingerTemplate) -> bytes:
    """x, y and angle as little-endian uint16, then kind and quality as uint8, one after the other."""
    wide = np.concatenate([finger.x_px, finger.y_px, finger.angle]).astype("<u2")
    return wide.tobytes() + finger.kind.tobytes() + finger.quality.tobytes()


def _facts(finger: FingerTemplate) -> str:
    details = finger.details
    said: dict[str, Json] = {
        "captured_at": details.captured_at.hex(),
        "device_technology": details.device_technology,
        "device_vendor": details.device_vendor,
        "device_type": details.device_type,
        "quality_blocks": [[block.score, block.vendor, block.algorithm] for block in details.quality_blocks],
        "certification_blocks": [[block.authority, block.scheme] for block in details.certification_blocks],
        "ending_type": details.ending_type,
        "with_quality": details.with_quality,
        "raw_quality": details.raw_quality.hex(),
    }
    numbers: dict[str, Json] = {name: int(getattr(finger, name)) for name in _NUMBERS}
    return json.dumps({"minutiae": finger.count, **numbers, "extended": finger.extended.hex(), "details": said})


def _details(data: dict[str, list[list[int]]]) -> CaptureDetails:
    said = dict[str, object](data)
    for name in ("captured_at", "raw_quality"):
        said[name] = bytes.fromhex(str(said[name]))
    said["quality_blocks"] = tuple(QualityBlock(*block) for block in data["quality_blocks"])
    said["certification_blocks"] = tuple(CertificationBlock(*block) for block in data["certification_blocks"])
    return CaptureDetails(**said)  # type: ignore[arg-type]
