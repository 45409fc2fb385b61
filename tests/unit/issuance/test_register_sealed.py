"""Numbers of a register under a key: every rule holds, nobody reads them in its files, another key takes its place."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from datetime import date
from pathlib import Path

import pytest

from cccd_core.errors import ConflictError, DamagedError, UnavailableError
from cccd_core.issuance.register.database import open_register
from cccd_core.issuance.register.numbers import clear_person_id, rotate
from cccd_core.issuance.register.store import Acceptance, CardStatus, Register
from cccd_core.issuance.runs.orders import Order, Orders
from cccd_core.storage.aes_gcm import KeyRing
from support.postgres_server import Server

KEY, NEXT = KeyRing(b"k" * 32), KeyRing(b"n" * 32)
NUMBER, FORMER = "001203000017", "012345678"


def acceptance(
    dossier: str = "D1", number: str = NUMBER, person: str = "P1", replaces: str | None = None
) -> Acceptance:
    return Acceptance(dossier, number, person, True, date(2026, 11, 2), None, replaces)


@pytest.fixture
def told(where: Path | str, request: pytest.FixtureRequest) -> Callable[[], bytes]:
    """All that is written on a disk for the register, but for a server's log."""
    if isinstance(where, Path):
        folder = where.parent
    else:
        server: Server = request.getfixturevalue("postgres")
        oid = server.sql("SELECT oid FROM pg_database WHERE datname = current_database()", Server.name(where))
        folder = server.data / "base" / oid

    def read() -> bytes:
        if isinstance(where, str):
            request.getfixturevalue("postgres").sql("CHECKPOINT")
        return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())

    return read


def fill(register: Register) -> None:
    register.accept([acceptance(number=FORMER)])
    register.verify("D1", FORMER, "AA")
    register.accept([acceptance("D2", replaces=FORMER)])


def check(register: Register) -> None:
    assert [(card.dossier_id, card.number, card.status) for card in register.cards()] == [
        ("D1", FORMER, CardStatus.VALID), ("D2", NUMBER, CardStatus.UNDER_WAY),
    ]  # fmt: skip
    assert register.person_of(NUMBER) == register.person_of(FORMER) == "P1"
    assert register.person_of("001203000018") is None
    assert [card.dossier_id for card in register.cards_of(FORMER)] == ["D1", "D2"]
    under_way = register.under_way(FORMER)
    assert under_way is not None
    assert under_way.number == NUMBER
    assert register.made_by("D1") == [("AA", CardStatus.VALID)]
    with pytest.raises(ConflictError, match="another person"):
        register.accept([acceptance("D3", person="P2")])
    with pytest.raises(ConflictError, match="a rule of the register"):
        register.accept([acceptance("D3")])


def test_every_rule_holds_under_a_key_and_no_file_has_a_number(where: Path | str, told: Callable[[], bytes]) -> None:
    with closing(Register(where, cipher=KEY)) as register:
        fill(register)
        check(register)
        found = register.numbers.person_id("D1", NUMBER)
        assert found != clear_person_id("D1", NUMBER)
    data = told()
    assert b"P1" in data
    assert NUMBER.encode() not in data
    assert FORMER.encode() not in data
    with closing(Register(where, cipher=KEY)) as register:
        register.verify("D2", NUMBER, "BB")
        assert register.successor(FORMER) == NUMBER
        assert [card.serial for card in register.replaced_by("D2", NUMBER)] == ["AA"]
        assert register.numbers.person_id("D1", NUMBER) == found


def test_nobody_goes_on_with_another_key_or_none(where: Path | str) -> None:
    with closing(Register(where, cipher=KEY)) as register:
        fill(register)
        with pytest.raises(UnavailableError):
            Register(where, cipher=NEXT)
        with closing(Register(where)) as without:
            assert without.dossier_of("P1") == "D1"
            assert without.made_by("D1") == [("AA", CardStatus.VALID)]
            for ask in (without.cards, lambda: without.person_of(NUMBER), lambda: without.accept([acceptance("D3")])):
                with pytest.raises(UnavailableError, match="encrypted"):
                    ask()
        assert rotate(where, NEXT, KEY) == 2
        for stale in (register.cards, lambda: register.accept([acceptance("D4")])):
            with pytest.raises(UnavailableError, match="another key"):
                stale()
    with pytest.raises(UnavailableError):
        rotate(where, KEY)
    assert rotate(where, NEXT) == 0
    with closing(Register(where, cipher=NEXT)) as register:
        check(register)


def test_a_register_gets_its_first_key(where: Path | str, told: Callable[[], bytes]) -> None:
    open_register(where).close()
    with pytest.raises(ConflictError, match="never used"):
        rotate(where, KEY)
    with closing(Register(where)) as register:
        fill(register)
        check(register)
        with pytest.raises(ConflictError, match="not encrypted"):
            Register(where, cipher=KEY)
        assert NUMBER.encode() in told()
        assert rotate(where, KEY) == 2
        with pytest.raises(UnavailableError):
            register.cards()
    with closing(Register(where, cipher=KEY)) as register:
        check(register)
    data = told()
    assert NUMBER.encode() not in data
    assert FORMER.encode() not in data


def test_a_number_that_was_altered_is_damage(tmp_path: Path) -> None:
    where = tmp_path / "register.sqlite"
    with closing(Register(where, cipher=KEY)) as register:
        fill(register)
    for change in (
        "UPDATE numbers SET sealed = (SELECT sealed FROM numbers ORDER BY number LIMIT 1)",
        "UPDATE numbers SET sealed = NULL", "UPDATE sealing SET secret = x'00'",
    ):  # fmt: skip
        database = open_register(where)
        with database.write() as connection:
            connection.exec_driver_sql(change)
        database.close()
        with pytest.raises(DamagedError), closing(Register(where, cipher=KEY)) as again:
            again.cards()


def test_orders_have_marks_for_numbers(tmp_path: Path) -> None:
    order = Order("D1", NUMBER, "run", "sha256:1")
    path = tmp_path / "orders.sqlite"
    with closing(Orders(path)) as orders:
        orders.place([order])
    with closing(Register(tmp_path / "register.sqlite", cipher=KEY)) as register:
        with closing(Orders(path, register.numbers.stored)) as orders:
            assert orders.order("D1", NUMBER) == order
            orders.place([order, Order("D2", NUMBER, "run", "sha256:2")])
            with pytest.raises(ConflictError):
                orders.place([Order("D2", NUMBER, "other", "sha256:2")])
            orders.take_over(order, "other")
            assert orders.order("D1", NUMBER) == Order("D1", NUMBER, "other", "sha256:1")
            assert orders.order("D1", FORMER) is None
        assert NUMBER.encode() not in path.read_bytes()
