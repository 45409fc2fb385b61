"""Published vectors: Doc 9303's zones, a Vietnamese EF.CardAccess, a BSI specimen EF.SOD."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cccd_core.emrtd import dg1, dg15, mrz, security_infos, sod
from cccd_core.emrtd.hashes import HASH_SIZES
from cccd_core.emrtd.public_keys import EcPublicKey, RsaPublicKey, parse_spki
from cccd_core.errors import FormatError

pytestmark = pytest.mark.vectors


@pytest.mark.parametrize(("name", "number"), [("td1", "D23145890"), ("td2", "D23145890"), ("td3", "L898902C3")])
def test_doc_9303_zones(vectors: Path, name: str, number: str) -> None:
    lines = json.loads((vectors / "icao9303_mrz.json").read_text())[name]
    zone = mrz.parse("\n".join(lines))
    assert (zone.format, zone.document_number) == (name.upper(), number)
    assert (zone.primary_identifier, zone.secondary_identifier) == ("ERIKSSON", "ANNA<MARIA")
    assert (zone.birth_date, zone.sex, zone.expiry_date, zone.nationality) == ("740812", "F", "120415", "UTO")
    assert list(zone.lines) == lines


@pytest.mark.parametrize("name", ["td1", "td2", "td3"])
def test_every_changed_digit_of_a_zone_is_noticed_where_a_check_digit_covers_it(vectors: Path, name: str) -> None:
    lines = json.loads((vectors / "icao9303_mrz.json").read_text())[name]
    flat = "".join(lines)
    covered = [i for i, c in enumerate(flat) if c.isdigit()]
    assert len(covered) > 20
    for position in covered:
        changed = flat[:position] + str((int(flat[position]) + 1) % 10) + flat[position + 1 :]
        assert mrz.parse(changed).odd


def test_bac_information_of_doc_9303(vectors: Path) -> None:
    vector = json.loads((vectors / "icao9303_11_bac.json").read_text())
    information = mrz.MrzInformation(vector["doc"], vector["dob"], vector["exp"])
    assert information.key_source == "L898902C<369080619406236"


def test_ef_cardaccess_of_a_vietnamese_card(vectors: Path) -> None:
    layout = json.loads((vectors / "vn_cccd_layout.json").read_text())
    data = bytes.fromhex(layout["ef_cardaccess_hex"])
    infos = security_infos.parse(data)
    assert infos.pace == (security_infos.PaceInfo("0.4.0.127.0.7.2.2.4.2.2", 2, 13),)
    assert infos.chip_authentication == (security_infos.ChipAuthenticationInfo("0.4.0.127.0.7.2.2.3.2.2", 1, None),)
    assert infos.terminal_authentication == (security_infos.TerminalAuthenticationInfo(),)
    assert (infos.others, infos.odd) == ((), ())
    assert infos.encode() == data
    assert security_infos.for_card_access().encode() == data  # ours says the same


def test_ef_cardaccess_of_doc_9303(vectors: Path) -> None:
    vector = json.loads((vectors / "icao9303_11_pace_gm.json").read_text())
    data = bytes.fromhex(vector["ef_cardaccess"])
    assert security_infos.for_card_access(chip_authentication=False).encode() == data
    assert security_infos.parse(data) == security_infos.for_card_access(chip_authentication=False)


def test_bsi_specimen_sods_are_read(vectors: Path) -> None:
    cases = json.loads((vectors / "bsi_specimen_sod.json").read_text())["cases"]
    assert cases
    for case in cases:
        parsed = sod.parse(bytes.fromhex(case["sod"]))
        listed = parsed.security_object
        assert {1, 2, 3} <= set(listed.digests)
        assert {len(digest) for digest in listed.digests.values()} == {HASH_SIZES[listed.digest_algorithm]}
        assert len(parsed.signed_data.certificates) == 1


def test_bsi_specimen_data_groups_are_read(vectors: Path) -> None:
    cases = json.loads((vectors / "bsi_specimen_sod.json").read_text())["cases"]
    for case in cases:
        groups = {int(number): bytes.fromhex(data) for number, data in case["dgs"].items()}
        assert dg1.parse(groups[1]).primary_identifier == "MUSTERMANN"
        infos = security_infos.parse(groups[14])
        assert [info.protocol for info in infos.chip_authentication] == ["0.4.0.127.0.7.2.2.3.2.1"]
        key = parse_spki(infos.chip_authentication_public_keys[0].public_key)
        assert isinstance(key, EcPublicKey)
        assert key.explicit


def test_bsi_specimen_active_authentication_keys(vectors: Path) -> None:
    """The second specimen's DG15 was changed: its RSA exponent is even, which no key's is."""
    own, changed = json.loads((vectors / "bsi_specimen_sod.json").read_text())["cases"]
    key = parse_spki(dg15.parse(bytes.fromhex(own["dgs"]["15"])))
    assert isinstance(key, RsaPublicKey)
    assert (key.modulus.bit_length(), key.exponent) == (1024, 65537)
    with pytest.raises(FormatError, match="impossible numbers"):
        dg15.parse(bytes.fromhex(changed["dgs"]["15"]))
