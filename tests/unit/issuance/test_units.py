"""The tree of units: what ships, what a file may say, and what a register takes."""

from __future__ import annotations

from contextlib import closing
from datetime import date
from pathlib import Path

import pytest

from cccd_core.errors import ConflictError, ParameterError
from cccd_core.issuance.register.units import Unit, by_id, demand_sound, national, read
from support.register import PLACES, opened, places, receipt

where = pytest.fixture(params=PLACES)(places)

WARDS = """unit_id,level,name,parent,code,begins,ends,successors,source,verified
027-W1,ward,Phường Kinh Bắc,027-2025,,2025-07-01,,,local list,0
024-D1,district,Huyện Việt Yên,024,,,2025-06-30,,local list,1
024-W1,ward,Xã Tự Lạn,024-D1,,,2025-06-30,027-W1,local list,1
"""


def there(day: date) -> list[Unit]:
    return [unit for unit in national() if unit.level == "province" and unit.is_there(day)]


def test_63_provinces_became_34() -> None:
    assert [len(there(day)) for day in (date(2024, 12, 31), date(2025, 1, 1), date(2025, 6, 30))] == [63, 63, 63]
    assert len(there(date(2025, 7, 1))) == 34
    demand_sound(by_id(national()))
    units = by_id(national())
    gone = [unit for unit in units.values() if unit.ends == date(2025, 6, 30)]
    assert len(gone) == 52
    assert {len(unit.successors) for unit in gone} == {1}
    assert {units[unit.successors[0]].name for unit in gone} == {
        "An Giang", "Bắc Ninh", "Cà Mau", "Cần Thơ", "Đà Nẵng", "Đắk Lắk", "Đồng Nai", "Đồng Tháp", "Gia Lai",
        "Hải Phòng", "Hồ Chí Minh", "Hưng Yên", "Khánh Hòa", "Lâm Đồng", "Lào Cai", "Ninh Bình", "Phú Thọ",
        "Quảng Ngãi", "Quảng Trị", "Tây Ninh", "Thái Nguyên", "Tuyên Quang", "Vĩnh Long",
    }  # fmt: skip
    stayed = [unit.name for unit in there(date(2025, 7, 1)) if unit.begins != date(2025, 7, 1)]
    assert sorted(stayed) == sorted(
        ["Hà Nội", "Cao Bằng", "Điện Biên", "Lai Châu", "Sơn La", "Lạng Sơn", "Quảng Ninh", "Thanh Hóa", "Nghệ An",
         "Hà Tĩnh", "Huế"]
    )  # fmt: skip


def test_a_register_takes_a_tree_once(where: Path | str) -> None:
    with closing(opened(where)) as register:
        assert register.put_units(national()) == 88
        assert register.put_units(national()) == 0
        assert register.units() == sorted(national(), key=lambda unit: unit.unit_id)
        more = read(WARDS.encode())
        assert register.put_units(more) == 3
        assert register.put_units([*more, *national()]) == 0
        register.receive_many([receipt("D1", unit_id="024-W1"), receipt("D2", unit_id="027-W1")])
        assert [one.dossier_id for one in register.all(unit_id="024")] == ["D1"]
        assert [one.dossier_id for one in register.all(unit_id="027-2025")] == ["D2"]
        assert [one.dossier_id for one in register.all(unit_id="centre")] == ["D1", "D2"]


def test_a_unit_that_ends_is_followed(where: Path | str) -> None:
    with closing(opened(where)) as register:
        centre = Unit("centre", "centre", "C")
        register.put_units([centre, Unit("a", "province", "A", "centre")])
        after = Unit("b", "province", "B", "centre", begins=date(2027, 1, 1))
        ended = Unit("a", "province", "A", "centre", ends=date(2026, 12, 31), successors=("b",))
        assert register.put_units([ended, after]) == 2
        assert register.put_units([ended, after]) == 0
        assert register.units() == [ended, after, centre]
        before = register.units()
        for wrong in (
            Unit("a", "province", "Another", "centre"),
            Unit("a", "province", "A", "centre", ends=date(2026, 1, 1)),
            Unit("c", "ward", "C", "d"),
            Unit("c", "province", "C", "a"),
            Unit("c", "ward", "C"),
            Unit("c", "ward", "C", "c"),
            Unit("c", "ward", "C", "a"),
            Unit("c", "ward", "C", "b", begins=date(2026, 1, 1)),
            Unit("c", "ward", "C", "centre", begins=date(2026, 2, 1), ends=date(2026, 1, 1)),
            Unit("c", "ward", "C", "centre", ends=date(2026, 1, 1), successors=("z",)),
            Unit("c", "ward", "C", "centre", ends=date(2027, 1, 1), successors=("b",)),
            Unit("c", "ward", "C", "centre", successors=("b",)),
        ):
            with pytest.raises(ConflictError) as caught:
                register.put_units([wrong])
            assert caught.value.facts["unit"] in ("a", "c")
        with pytest.raises(ConflictError, match="twice"):
            register.put_units([Unit("c", "ward", "C", "centre"), Unit("c", "ward", "D", "centre")])
        assert register.units() == before


def test_a_circle_is_refused() -> None:
    with pytest.raises(ConflictError, match="no higher level"):
        demand_sound(by_id([Unit("a", "ward", "A", "b"), Unit("b", "ward", "B", "a")]))


@pytest.mark.parametrize(
    "wrong",
    [
        b"\xff", b"{}", b"[1]", b"[{}]", b'[{"unit_id": "a"}]', b"[" * 100_000, b'[{"unit_id": 1, "level": "ward"}]',
        b"unit_id,level\na,ward\n", b"unit_id,level,name\na,town,A\n", b"unit_id,level,name,more\na,ward,A,1\n",
        b"unit_id,level,name\na,ward,A,1\n", b"unit_id,level,name,ends\na,ward,A,soon\n",
        b'unit_id,level,name\na,ward,"A', b"unit_id,level,name\na,ward," + b"x" * 300 + b"\n",
        b'[{"unit_id": "a", "level": "ward", "name": "A", "successors": 7}]',
        b'[{"unit_id": "a", "level": "ward", "name": "A", "begins": 7}]',
    ],
    ids=range(16),
)  # fmt: skip
def test_a_file_that_is_none(wrong: bytes) -> None:
    with pytest.raises(ParameterError) as caught:
        read(wrong)
    assert "unit_number" in caught.value.facts


def test_json_and_csv_say_the_same() -> None:
    (first, *_) = read(WARDS.encode())
    document = (
        '[{"unit_id": "027-W1", "level": "ward", "name": "Phường Kinh Bắc", "parent": "027-2025",'
        ' "begins": "2025-07-01", "source": "local list", "successors": []}]'
    )
    assert read(document.encode()) == [first]
    assert read(b"") == []
