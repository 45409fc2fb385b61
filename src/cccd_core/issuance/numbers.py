"""The personal number (số định danh cá nhân): its structure, what it says, and who may carry it. Imports the standard
library alone.

Source: Decree 137/2015/NĐ-CP article 13 and Circular 07/2016/TT-BCA article 7 with its annex 1: `PPP C YY RRRRRR`,
three digits of the place of birth registration, one of century and sex, two of the birth year, six random.

Uncertain, and handled as said here: the codes of countries for births abroad are not published in a form that could be
checked, and no source says which province code new numbers carry after the merger to 34 provinces of 1 July 2025. So
a code of the 63 provinces is known, a code from 101 to 399 is taken as a country's and reported as not verified, and
every other code is wrong.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Literal, TypeAlias

Sex: TypeAlias = Literal["M", "F"]

PROVINCES = {
    "001": "Hà Nội", "002": "Hà Giang", "004": "Cao Bằng", "006": "Bắc Kạn", "008": "Tuyên Quang", "010": "Lào Cai",
    "011": "Điện Biên", "012": "Lai Châu", "014": "Sơn La", "015": "Yên Bái", "017": "Hòa Bình", "019": "Thái Nguyên",
    "020": "Lạng Sơn", "022": "Quảng Ninh", "024": "Bắc Giang", "025": "Phú Thọ", "026": "Vĩnh Phúc",
    "027": "Bắc Ninh", "030": "Hải Dương", "031": "Hải Phòng", "033": "Hưng Yên", "034": "Thái Bình", "035": "Hà Nam",
    "036": "Nam Định", "037": "Ninh Bình", "038": "Thanh Hóa", "040": "Nghệ An", "042": "Hà Tĩnh", "044": "Quảng Bình",
    "045": "Quảng Trị", "046": "Thừa Thiên Huế", "048": "Đà Nẵng", "049": "Quảng Nam", "051": "Quảng Ngãi",
    "052": "Bình Định", "054": "Phú Yên", "056": "Khánh Hòa", "058": "Ninh Thuận", "060": "Bình Thuận",
    "062": "Kon Tum", "064": "Gia Lai", "066": "Đắk Lắk", "067": "Đắk Nông", "068": "Lâm Đồng", "070": "Bình Phước",
    "072": "Tây Ninh", "074": "Bình Dương", "075": "Đồng Nai", "077": "Bà Rịa - Vũng Tàu", "079": "Hồ Chí Minh",
    "080": "Long An", "082": "Tiền Giang", "083": "Bến Tre", "084": "Trà Vinh", "086": "Vĩnh Long", "087": "Đồng Tháp",
    "089": "An Giang", "091": "Kiên Giang", "092": "Cần Thơ", "093": "Hậu Giang", "094": "Sóc Trăng",
    "095": "Bạc Liêu", "096": "Cà Mau",
}  # fmt: skip
"""Place codes of the 63 provinces, Circular 07/2016/TT-BCA annex 1."""

COUNTRY_CODES = range(101, 400)
"""Codes taken as a country's (birth abroad): accepted, never verified."""

LENGTH = 12
_FIRST_CENTURY = 1900


@dataclass(frozen=True, slots=True)
class PersonalNumber:
    """What the digits of a well-formed number say."""

    place: str
    century: int
    sex: Sex
    year_digits: int

    @property
    def birth_year(self) -> int:
        return self.century + self.year_digits

    @property
    def place_known(self) -> bool:
        """True for a province's code; False for one that is taken as a country's."""
        return self.place in PROVINCES


def parse(number: str) -> PersonalNumber | None:
    """The parts of a personal number, or None where its structure is wrong (length, digits, place code)."""
    if len(number) != LENGTH or not (number.isascii() and number.isdigit()):
        return None
    place = number[:3]
    if place not in PROVINCES and int(place) not in COUNTRY_CODES:
        return None
    century_sex = int(number[3])
    return PersonalNumber(
        place=place,
        century=_FIRST_CENTURY + 100 * (century_sex // 2),
        sex="F" if century_sex % 2 else "M",
        year_digits=int(number[4:6]),
    )


def century_sex_digit(sex: Sex, birth_date: date) -> int:
    """The fourth digit for a person of this sex and birth date: 0/1 for 1900s, 2/3 for 2000s, ..."""
    return 2 * ((birth_date.year - _FIRST_CENTURY) // 100) + (sex == "F")
