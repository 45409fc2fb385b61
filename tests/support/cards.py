"""People, images and jobs for tests of the card side: small, valid, seeded."""

from __future__ import annotations

import datetime as dt
import hashlib
import io
import random
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

from PIL import Image

from cccd_core import pki
from cccd_core.card.card_keys import CardMasterKey
from cccd_core.card.profile import TerminalTrust
from cccd_core.emrtd import CardContent, tlv
from cccd_core.emrtd.dg13 import PLAIN, AuthorityCodec
from cccd_core.emrtd.mrz import can, for_card
from cccd_core.errors import FormatError
from cccd_core.personalise import CardJob, ChipSecrets, card_master_key
from cccd_core.pki import TrustStore
from cccd_core.pki.cv.local_country import inspection_system
from cccd_core.signing import ChipKeys, Signer, build_image
from cccd_core.signing.cv import Terminal

_FAMILY = ("Nguyễn", "Trần", "Lê", "Phạm", "Hoàng", "Đặng", "Vũ", "Đỗ")
_GIVEN = ("Văn An", "Thị Bình", "Quốc Cường", "Thùy Dung", "Đức Đạt", "Hồng Hà", "Minh Khôi", "Ngọc Lan")


@cache
def portrait(seed: int = 0, side_px: int = 96) -> bytes:
    """A JPEG of coloured noise, the size of which depends on `side_px`."""
    noise = random.Random(seed).randbytes(side_px * side_px // 16)
    small = Image.frombytes("L", (side_px // 4, side_px // 4), noise)
    stream = io.BytesIO()
    small.resize((side_px, side_px)).convert("RGB").save(stream, "JPEG", quality=80)
    return stream.getvalue()


def finger_record(seed: int, position: int, minutiae: int = 40) -> bytes:
    """An ISO/IEC 19794-2:2005 record of one finger view with scattered minutiae."""
    chooser = random.Random(seed * 16 + position)
    view = bytes((position, 0, 80, minutiae))
    for _ in range(minutiae):
        x, y = chooser.randrange(400), chooser.randrange(500)
        view += (0x4000 | x).to_bytes(2, "big") + y.to_bytes(2, "big") + chooser.randbytes(1) + b"\x50"
    body = b"\0\0" + (400).to_bytes(2, "big") + (500).to_bytes(2, "big") + (197).to_bytes(2, "big") * 2 + b"\x01\x00"
    length = 12 + len(body) + len(view) + 2
    return b"FMR\0 20\0" + length.to_bytes(4, "big") + body + view + b"\0\0"


def content(
    number: int, *, side_px: int = 96, fingers: tuple[int, ...] = (2, 7), records: Mapping[int, bytes] | None = None
) -> CardContent:
    """The card content of test person `number`, always the same; `records` are finger records that a matcher takes."""
    chooser = random.Random(number)
    return CardContent(
        personal_number=f"0012{number:08d}",
        full_name=f"{chooser.choice(_FAMILY)} {chooser.choice(_GIVEN)}",
        birth_date=dt.date(2000, 1, 1) + dt.timedelta(days=number % 3000),
        sex="M",
        issue_date=dt.date(2026, 1, 15),
        expiry_date=dt.date(2040, 1, 1),
        portrait=portrait(number, side_px),
        fingers=records or {position: finger_record(number, position) for position in fingers},
        ethnicity="Kinh",
        religion="Không",
        place_of_origin="Phúc Xá, Ba Đình, Hà Nội",
        place_of_residence="12 Hàng Bài, Hoàn Kiếm, Hà Nội",
        father="Nguyễn Văn Cha",
        mother="Trần Thị Mẹ",
    )


class Sealed:
    """An authority's own coding: a sum over the number and value before the value, in one OCTET STRING."""

    def encode(self, number: int, value: bytes) -> bytes:
        return tlv.octet_string(hashlib.sha256(bytes((number,)) + value).digest() + value)

    def decode(self, number: int, data: bytes) -> bytes:
        inside = tlv.read_one(data, tlv.OCTET_STRING).value
        if hashlib.sha256(bytes((number,)) + inside[32:]).digest() != inside[:32]:
            raise FormatError("a field that the authority did not code")
        return inside[32:]


def job(
    number: int,
    signer: Signer,
    cvca_certificate: bytes,
    *,
    side_px: int = 96,
    fingers: tuple[int, ...] = (2, 7),
    records: Mapping[int, bytes] | None = None,
    codec: AuthorityCodec = PLAIN,
) -> CardJob:
    """A job for test person `number`; as on a re-run, each call has fresh chip keys and a fresh signature."""
    person = content(number, side_px=side_px, fingers=fingers, records=records)
    keys = ChipKeys.generate()
    image = build_image(person, signer, ca_public_key=keys.ca_public_key, aa_public_key=keys.aa_public_key, codec=codec)
    secrets = ChipSecrets(
        can(person.personal_number), for_card(person).information, keys.ca_private_key, keys.aa_private_key,
        TerminalTrust(cvca_certificate, person.issue_date),
    )  # fmt: skip
    return CardJob(f"job-{number:05d}", person.personal_number, image, secrets)


@dataclass(frozen=True)
class Country:
    """Keys and trust of a test country."""

    directory: pki.PkiDirectory

    @classmethod
    def make(cls, folder: Path) -> Country:
        """A new country's PKI in `folder`."""
        pki.init(folder)
        return cls(pki.load(folder))

    @cached_property
    def signer(self) -> Signer:
        return self.directory.key(self.directory.signers[0])  # uncounted: these tests are about cards, and fork

    @cached_property
    def trust(self) -> TrustStore:
        return self.directory.trust_store()

    @cached_property
    def terminal(self) -> Terminal:
        return inspection_system(self.directory.path).terminal()

    @property
    def cvca_certificate(self) -> bytes:
        return self.terminal.anchors[0].encoded

    @cached_property
    def card_master_key(self) -> CardMasterKey:
        return card_master_key(self.directory.path)

    def job(self, number: int, *, side_px: int = 96, fingers: tuple[int, ...] = (2, 7)) -> CardJob:
        """The job of test person `number`."""
        return job(number, self.signer, self.cvca_certificate, side_px=side_px, fingers=fingers)
