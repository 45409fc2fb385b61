"""Fees: what was paid for which dossier. Rows in, rows out; nothing of them is ever changed."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import select

from cccd_core.country.tariff import DONG_MOST
from cccd_core.errors import ConflictError, ParameterError
from cccd_core.issuance.register.database import open_register
from cccd_core.issuance.register.records import Clock, demand_text, event_id, microseconds, time_of
from cccd_core.issuance.register.tables import DOSSIERS, FEES
from cccd_core.storage.database import repeated


@dataclass(frozen=True, slots=True)
class Fee:
    """What was paid: `dong`, below 0 for what was paid back, with the receipt's number; or 0 and the reason why nothing
    is asked. The same receipt is recorded once. ParameterError for what cannot be kept."""

    dossier_id: str
    dong: int
    actor: str
    receipt: str | None = None
    exemption: str | None = None
    time: datetime | None = None
    event_id: uuid.UUID = field(default=uuid.UUID(int=0))

    def __post_init__(self) -> None:
        if not -DONG_MOST <= self.dong <= DONG_MOST:
            raise ParameterError("a fee is no such amount", most=DONG_MOST)
        if self.dong and self.receipt is None:
            raise ParameterError("money has a receipt", dossier=self.dossier_id)
        if not self.dong and self.exemption is None:
            raise ParameterError("where nothing is paid there is a reason", dossier=self.dossier_id)
        if self.time is not None:
            microseconds(self.time)
        for name, most in (("actor", 128), ("receipt", 64), ("exemption", 256)):
            demand_text(name, getattr(self, name), most, needed=name == "actor")
        if self.event_id.int == 0:
            object.__setattr__(
                self, "event_id", event_id("fee", self.dossier_id, self.receipt or "", self.exemption or "")
            )


class Fees:
    """The fees in the register at `where`; errors as `open_register`. Several processes may use it at a time."""

    def __init__(self, where: Path | str, *, make: bool = True, clock: Clock = lambda: datetime.now(UTC)) -> None:
        self._database = open_register(where, make=make)
        self._clock = clock

    def close(self) -> None:
        """Lets go of the database; it can be used again."""
        self._database.close()

    def record(self, fees: Iterable[Fee]) -> int:
        """Records fees, all or none; how many were not recorded yet. ConflictError where no dossier has the id, or the
        receipt is another fee's."""
        return self._record(tuple(fees))

    @repeated
    def _record(self, fees: tuple[Fee, ...]) -> int:
        new = 0
        with self._database.write() as connection:
            for one in fees:
                query = select(DOSSIERS.c.dossier_no).where(DOSSIERS.c.dossier_id == one.dossier_id)
                number = connection.execute(query).scalar()
                if number is None:
                    raise ConflictError("no dossier has this id", dossier=one.dossier_id)
                time = self._clock() if one.time is None else one.time
                row = {
                    "event_id": one.event_id.bytes, "dossier_no": number, "dong": one.dong, "receipt": one.receipt,
                    "exemption": one.exemption, "actor": one.actor, "time_us": microseconds(time),
                }  # fmt: skip
                known = connection.execute(select(FEES).where(FEES.c.event_id == one.event_id.bytes)).mappings().first()
                if known is None:
                    self._database.put(connection, FEES, [row])
                    new += 1
                elif any(known[name] != row[name] for name in ("dossier_no", "dong", "receipt", "exemption")):
                    raise ConflictError("another fee was recorded under this receipt", dossier=one.dossier_id)
        return new

    def of(self, dossier_id: str) -> list[Fee]:
        """What was paid for a dossier, in the order of time."""
        query = select(FEES).join(DOSSIERS, DOSSIERS.c.dossier_no == FEES.c.dossier_no)
        query = query.where(DOSSIERS.c.dossier_id == dossier_id).order_by(FEES.c.time_us, FEES.c.event_id)
        with self._database.read() as connection:
            return [
                Fee(
                    dossier_id, row["dong"], row["actor"], row["receipt"], row["exemption"], time_of(row["time_us"]),
                    uuid.UUID(bytes=bytes(row["event_id"])),
                )
                for row in connection.execute(query).mappings()
            ]  # fmt: skip
