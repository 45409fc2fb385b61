"""What is written has no odd part: an image that has one is unsound, though it is signed and any reader reads it."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from cccd_core.card import MemoryLink
from cccd_core.card.virtual import VirtualCard
from cccd_core.emrtd import ChipImage, ElementaryFile, com, dg13, tlv
from cccd_core.inspection import Access, CheckName, Verdict
from cccd_core.personalise.reasons import Reason, Trouble
from cccd_core.personalise.verification import image_flaw, prove_card
from cccd_core.signing import sign_data_groups
from support import cards
from support.cards import Country
from support.chip import MASTER_KEY, finish_job, open_channel


@pytest.fixture(scope="module")
def country(tmp_path_factory: pytest.TempPathFactory) -> Country:
    return Country.make(Path(tmp_path_factory.mktemp("country")))


def with_group(image: ChipImage, country: Country, number: int, data: bytes) -> ChipImage:
    groups = image.data_groups | {number: data}
    files = {ElementaryFile.for_data_group(n): content for n, content in groups.items()}
    files[ElementaryFile.EF_COM] = com.build(groups)
    files[ElementaryFile.EF_SOD] = sign_data_groups(groups, country.signer)
    return ChipImage(files)


def test_an_authority_s_own_coding_of_dg13_is_proved_with_it(country: Country) -> None:
    """Without it the fields are odd, and the card would be made and spoiled."""
    codec = cards.Sealed()
    job = cards.job(1, country.signer, country.cvca_certificate, codec=codec)
    image, secrets = job.image, job.secrets
    assert image_flaw(image, country.trust) == Reason(Trouble.IMAGE_UNSOUND, error="format")
    assert image_flaw(image, country.trust, codec=codec) is None
    card = VirtualCard.create(None, master_key=MASTER_KEY, wait=lambda _: None)
    finish_job(*open_channel(card), job)
    expected = {file.name: hashlib.sha256(data).hexdigest() for file, data in image.files.items()}
    access = Access(can=secrets.can, terminal=country.terminal)
    proved = prove_card(MemoryLink(card), country.trust, access=access, expected=expected, codec=codec)
    assert (proved.failed, proved.inspection.fields["DG13.religion"]) == (None, cards.content(1).religion)
    plain = prove_card(MemoryLink(card), country.trust, access=access, expected=expected)
    assert (plain.failed, plain.inspection.verdict) == (CheckName.DECODED, Verdict.GENUINE)


def test_one_odd_part_makes_an_image_unsound(country: Country) -> None:
    image = country.job(1).image
    assert image_flaw(image, country.trust) is None
    unsound = Reason(Trouble.IMAGE_UNSOUND, error="format")
    zone = bytearray(image[ElementaryFile.DG1])
    zone[19] ^= 1  # the document number's check digit
    rows = image[ElementaryFile.DG13].replace(b"Nam", b"nam").replace("Nữ".encode(), "nữ".encode())
    header = bytearray(image[ElementaryFile.DG2])
    header[header.index(b"FAC\0") + 37] ^= 1  # the width
    for number, data in (
        (1, bytes(zone)),
        (2, bytes(header)),
        (3, image[ElementaryFile.DG3].replace(bytes((0x82, 1, 9)), bytes((0x82, 1, 13)))),
        (11, bytes.fromhex("6B0B5C025F2B5F2B0419601301")),
        (12, bytes.fromhex("6C045C025F19")),
        (13, rows),
    ):
        assert image_flaw(with_group(image, country, number, data), country.trust) == unsound, number
    listed = dict(image.files)
    listed[ElementaryFile.EF_COM] = tlv.encode(0x60, tlv.read_one(image[ElementaryFile.EF_COM]).value + b"\x5f\x79\x00")
    assert image_flaw(ChipImage(listed), country.trust) == unsound
    assert dg13.parse(rows).odd
