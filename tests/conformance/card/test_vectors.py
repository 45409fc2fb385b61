"""The published worked examples: RFC 4493, Doc 9303-11 appendices D, G, H and I, GlobalPlatform SCP03."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cccd_core.card import CardConnection, CommandApdu, ResponseApdu, bac, pace, pace_suites, primitives
from cccd_core.card.pace_suites import Password
from cccd_core.card.scp03 import ChannelState, Scp03Keys, SecurityLevel, SessionKeys, open_session
from cccd_core.card.virtual.channels import PersonaliserChannel
from cccd_core.emrtd import dh_groups, security_infos
from cccd_core.emrtd.curves import by_name
from cccd_core.emrtd.mrz import MrzInformation
from cccd_core.emrtd.public_keys import EcPublicKey
from cccd_core.emrtd.security_infos import ChipAuthenticationPublicKeyInfo, PaceInfo, SecurityInfos
from cccd_core.emrtd.tlv import encode
from cccd_core.errors import AuthenticationError
from support.chip import ScriptedLink, script

pytestmark = pytest.mark.vectors


def _load(folder: Path, name: str) -> dict:
    return json.loads((folder / name).read_text())


def test_aes_cmac(vectors: Path) -> None:
    example = _load(vectors, "rfc4493_aes_cmac.json")
    message, key = bytes.fromhex(example["msg64"]), bytes.fromhex(example["key"])
    assert len(example["macs"]) == 4
    for length, mac in example["macs"].items():
        assert primitives.aes_cmac(key, message[: int(length)]).hex() == mac


def test_bac(vectors: Path) -> None:
    example = _load(vectors, "icao9303_11_bac.json")
    source = MrzInformation(example["doc"], example["dob"], example["exp"]).key_source
    keys = bac.BacKeys.derive(source)
    assert (keys.enc.hex().upper(), keys.mac.hex().upper()) == (example["Kenc"], example["Kmac"])
    link = script(
        [
            ("0084000008", example["RND.IC"] + "9000"),
            ("0082000028" + example["cmd_data"] + "28", example["resp_data"] + "9000"),
        ]
    )
    connection = CardConnection(link)
    bac.open_channel(
        connection,
        source,
        reader_nonce=bytes.fromhex(example["RND.IFD"]),
        reader_secret=bytes.fromhex(example["K.IFD"]),
    )
    cipher, counter = bac.session(*(bytes.fromhex(example[name]) for name in ("K.IFD", "K.IC", "RND.IC", "RND.IFD")))
    assert f"{counter:016X}" == example["SSC"]
    assert (cipher.enc.hex().upper(), cipher.mac_key.hex().upper()) == (example["KSenc"], example["KSmac"])
    # Doc 9303-11, D.4: SELECT EF.COM, then READ BINARY of four bytes, under these keys
    link.answer = lambda _: bytes.fromhex("990290008E08FA855A5D4C50A8ED9000")
    assert connection.send(CommandApdu(0, 0xA4, 0x02, 0x0C, b"\x01\x1e")).ok
    assert link.commands[-1].hex().upper() == "0CA4020C158709016375432908C044F68E08BF8B92D635FF24F800"
    link.answer = lambda _: bytes.fromhex("8709019FF0EC34F9922651990290008E08AD55CC17140B2DED9000")
    assert connection.send(CommandApdu(0, 0xB0, 0, 0, ne=4)).data == bytes.fromhex("60145F01")
    assert link.commands[-1].hex().upper() == "0CB000000D9701048E08ED6705417E96BA5500"


def _pace(vectors: Path) -> tuple[dict, CardConnection, ScriptedLink]:
    example = _load(vectors, "icao9303_11_pace_gm.json")
    link = script([tuple(pair) for pair in example["apdus"]])
    return example, CardConnection(link), link


def _run_pace(example: dict, connection: CardConnection) -> None:
    suite = pace_suites.choose(security_infos.parse(bytes.fromhex(example["ef_cardaccess"])))
    source = MrzInformation(example["doc"], example["dob"], example["exp"]).key_source
    numbers = pace.ReaderSecrets(int(example["ifd_map_priv"], 16), int(example["ifd_ka_priv"], 16))
    pace.open_channel(connection, suite, Password.MRZ, source, reader_secrets=numbers)


def test_pace_generic_mapping(vectors: Path) -> None:
    example, connection, link = _pace(vectors)
    _run_pace(example, connection)
    assert len(link.commands) == len(example["apdus"]) == 5
    assert connection.protected
    (channel,) = connection.processors
    cipher = channel._cipher
    assert (cipher.enc.hex().upper(), cipher.mac_key.hex().upper()) == (example["KSenc"], example["KSmac"])


def test_pace_refuses_a_wrong_token(vectors: Path) -> None:
    example, _, _ = _pace(vectors)
    command, answer = example["apdus"][-1]
    example["apdus"][-1] = [command, answer[:-6] + "00" + answer[-4:]]
    connection = CardConnection(script([tuple(pair) for pair in example["apdus"]]))
    with pytest.raises(AuthenticationError):
        _run_pace(example, connection)
    assert not connection.protected


# Doc 9303-11, G.2 (finite field, generic mapping). It recomputes: every number
# below follows from the others, so that a slip in one would show.
DH_GENERIC = {
    "nonce": "854D8DF5827FA6852D1A4FA701CDDDCA",
    "our mapping key": "23FB3749EA030D2A25B278D2A562047ADE3F01B74F17A15402CB7352CA7D2B3EB71C343DB13D1DEBCE9A3666"
    "DBCFC920B49174A602CB47965CAA73DC702489A44D41DB914DE9613DC5E98C94160551C0DF86274B9359BC0490D01B03AD54022DCB4F57FAD6322497"
    "D7A1E28D46710F461AFE710FBBBC5F8BA166F4311975EC6C",
    "their mapping key": "78879F57225AA8080D52ED0FC890A4B25336F699AA89A2D3A189654AF70729E623EA5738B26381E4DA19E004"
    "706FACE7B235C2DBF2F38748312F3C98C2DD4882A41947B324AA1259AC22579DB93F7085655AF30889DBB845D9E6783FE42C9F2449400306254C8AE8"
    "EE9DD812A804C0B66E8CAFC14F84D8258950A91B44126EE6",
    "their key": "075693D9AE941877573E634B6E644F8E60AF17A0076B8B123D9201074D36152BD8B3A213F53820C42ADC79AB5D0AEEC3"
    "AEFB91394DA476BD97B9B14D0A65C1FC71A0E019CB08AF55E1F729005FBA7E3FA5DC41899238A250767A6D46DB974064386CD456743585F8"
    "E5D90CC8B4004B1F6D866C79CE0584E49687FF61BC29AEA1",
}


def _general(tag: int, value: str = "") -> str:
    content = encode(tag, bytes.fromhex(value)) if tag else b""
    return encode(0x7C, content).hex().upper()


def _step(cla: str, tag: int, value: str = "") -> str:
    body = _general(tag, value)
    return f"{cla}860000{len(body) // 2:02X}{body}00"


def test_pace_generic_mapping_in_a_finite_field() -> None:
    values = DH_GENERIC
    link = script(
        [
            ("0022C1A412800A04007F00070202040102830101840100", "9000"),
            (_step("10", 0), _general(0x80, values["nonce"]) + "9000"),
            (_step("10", 0x81, values["our mapping key"]), _general(0x82, values["their mapping key"]) + "9000"),
            ("", _general(0x84, values["their key"]) + "9000"),
            (_step("00", 0x85, "B46DD9BD4D98381F"), _general(0x86, "917F37B5C0E6D8D1") + "9000"),
        ],
        unseen={3},
    )
    connection = CardConnection(link)
    suite = pace_suites.choose(SecurityInfos(pace=(PaceInfo("0.4.0.127.0.7.2.2.4.1.2", 2, 0),)))
    source = MrzInformation("T22000129", "640812", "101031").key_source
    numbers = pace.ReaderSecrets(0x5265030F751F4AD18B08AC565FC7AC952E41618D, 0x89CCD99B0E8D3B1F11E1296DCA68EC53411CF2CA)
    pace.open_channel(connection, suite, Password.MRZ, source, reader_secrets=numbers)
    assert link.commands[3].hex().upper().startswith("1086000086" + "7C8183838180" + "907D89E2D425A178AA81AF4A7774EC8E")
    (channel,) = connection.processors
    assert channel._cipher.enc.hex().upper() == "2F7F46ADCC9E7E521B45D192FAFA9126"
    assert channel._cipher.mac_key.hex().upper() == "805A1D27D45A5116F73C54469462B7D8"


def _example(name: str) -> dict[str, str]:
    path = Path(__file__).parents[2] / "vectors" / "emrtd" / "icao9303_11_pace_im_cam.json"
    return json.loads(path.read_text())[name]


def _integrated(name: str) -> tuple[pace_suites.Suite, tuple[str, str]]:
    """Runs a worked example of integrated mapping; the suite, and the keys of the channel."""
    e = _example(name)
    number = int(e["parameter_id"])
    where = f"{number:02X}"
    oid = "04007F000702020404" if name == "ecdh_im" else "04007F000702020403"
    link = script(
        [
            (f"0022C1A412800A{oid}028301028401{where}", "9000"),
            (_step("10", 0), _general(0x80, e["encrypted_nonce"]) + "9000"),
            (_step("10", 0x81, e["nonce_t"]), _general(0x82) + "9000"),
            (_step("10", 0x83, e["terminal_public"]), _general(0x84, e["chip_public"]) + "9000"),
            (_step("00", 0x85, e["token_terminal"]), _general(0x86, e["token_chip"]) + "9000"),
        ]
    )
    connection = CardConnection(link)
    suite = pace_suites.choose(SecurityInfos(pace=(PaceInfo(e["oid"], 2, number),)))
    private = int(e["terminal_private"], 16)
    if name == "dh_im":  # the number is longer than the order of its generator, modulo which it is the same
        private %= dh_groups.by_parameter_id(0).q
    secrets = pace.ReaderSecrets(agreement=private, nonce=bytes.fromhex(e["nonce_t"]))
    # the example gives the password's key; this CAN is that of which the appendix derives it
    pace.open_channel(connection, suite, Password.CAN, "123456", reader_secrets=secrets)
    (channel,) = connection.processors
    return suite, (channel._cipher.enc.hex().upper(), channel._cipher.mac_key.hex().upper())


@pytest.mark.parametrize("name", ["ecdh_im", "dh_im"])
def test_pace_integrated_mapping(name: str) -> None:
    """Doc 9303-11, appendix H.1 and H.2, every message and both tokens."""
    e = _example(name)
    suite, keys = _integrated(name)
    assert keys == (e["ks_enc"], e["ks_mac"])
    number = suite.integrated_number(bytes.fromhex(e["nonce_s"]), bytes.fromhex(e["nonce_t"]))
    mapped = suite.group.map_integrated(number).hex().upper()
    assert mapped == e["mapped_generator"] if name == "dh_im" else mapped[2:66] == e["mapped_generator_x"]


def test_the_generator_of_integrated_mapping_in_a_finite_field() -> None:
    """Doc 9303-11, H.2: the number that the pseudo-random function gives, and the generator."""
    suite = pace_suites.choose(SecurityInfos(pace=(PaceInfo("0.4.0.127.0.7.2.2.4.3.2", 2, 0),)))
    nonces = bytes.fromhex("FA5B7E3E49753A0DB9178B7B9BD898C8"), bytes.fromhex("B3A6DB3C870C3E99245E0D1C06B747DE")
    number = suite.integrated_number(*nonces)
    assert f"{number:0256X}" == (
        "A0C7C50C002061A51CC87D254EF38068607417B6EE1B36473CFB800D2D2E5FA2B6980F01105D24FAB22ACD1BFA5C8A4C"
        "093ECDFAFE6D7125D42A843E338603835CF19AFAFF75EFE21DC5F6AA1F9AE46C25087E7368166FB08C1E4627AFED7D93"
        "570417B790FF7F747E57F432B04E1236819E0DFEF5B6E77CA4999925328182D2"
    )
    assert suite.group.map_integrated(number).hex().upper() == (
        "1D7D767F11E333BCD6DBAEF40E799E7A926B96973550656FF3C830726D118D61C276CDCC61D475CF03A98E0C0E79CAEB"
        "A5BE25578BD4551D0B10903236F0B0F976852FA78EEA14EA0ACA87D1E91F688FE0DFF897BBE35A472621D343564B262F"
        "34223AE8FC59B664BFEDFA2BFE7516CA5510A6BBB633D517EC25D4E0BBAA16C2"
    )


def test_pace_chip_authentication_mapping() -> None:
    """Doc 9303-11, appendix I, every message: the channel's keys, both tokens, the data about the chip."""
    e = _example("ecdh_cam")
    proof = encode(0x86, bytes.fromhex(e["token_chip"])) + encode(
        0x8A, bytes.fromhex(e["encrypted_chip_authentication_data"])
    )
    link = script(
        [
            ("0022C1A412800A04007F0007020204060283010184010D", "9000"),
            (_step("10", 0), _general(0x80, e["encrypted_nonce"]) + "9000"),
            (_step("10", 0x81, e["terminal_public_1"]), _general(0x82, e["chip_public_1"]) + "9000"),
            (_step("10", 0x83, e["terminal_public_2"]), _general(0x84, e["chip_public_2"]) + "9000"),
            (_step("00", 0x85, e["token_terminal"]), encode(0x7C, proof).hex() + "9000"),
        ]
    )
    connection = CardConnection(link)
    suite = pace_suites.choose(SecurityInfos(pace=(PaceInfo(e["oid"], 2, 13),)))
    secrets = pace.ReaderSecrets(int(e["terminal_private_1"], 16), int(e["terminal_private_2"], 16))
    found = pace.open_channel(connection, suite, Password.MRZ, e["mrz_key_source"], reader_secrets=secrets)
    (channel,) = connection.processors
    assert (channel._cipher.enc.hex().upper(), channel._cipher.mac_key.hex().upper()) == (e["ks_enc"], e["ks_mac"])
    assert found.chip_mapping is not None
    assert f"{found.chip_mapping.data:064X}" == e["chip_authentication_data"]


def test_chip_authentication_mapping() -> None:
    """Doc 9303-11, appendix I: from the shared secret to the data that tie the mapping key to the chip's static key."""
    curve = by_name("brainpoolP256r1")
    suite = pace_suites.choose(SecurityInfos(pace=(PaceInfo("0.4.0.127.0.7.2.2.4.6.2", 2, 13),)))
    shared = bytes.fromhex("67950559D0C06B4D4B86972D14460837461087F8419FDBC36AAF6CEAAC462832")
    agreed = pace_suites.Agreed.derive(suite, shared)
    assert agreed.cipher.enc.hex().upper() == "0A9DA4DB03BDDE39FC5202BC44B2E89E"
    assert agreed.mac_key.hex().upper() == "4B1C06491ED5140CA2B537D344C6C0B1"
    data = bytes.fromhex("85DC3FA93D0952BFA82F5FD189EE75BD82F11D1F0B8ED4BF5319AC9B53C426B3")
    sealed = bytes.fromhex(
        "1EEA964DAAE372AC990E3EFDE6333353BFC89A6704D93DA8798CF77F5B7A54BD10CBA372B42BE0B9B5F28AA8DE2F4F92"
    )
    assert agreed.seal_chip_data(data) == sealed
    assert agreed.open_chip_data(sealed) == data
    key = EcPublicKey(
        curve,
        0x1872709494399E7470A6431BE25E83EEE24FEA568C2ED28DB48E05DB3A610DC8,
        0x84D256A40E35EFCB59BF6753D3A489D28C7A4D973C2DA138A6E7A4A08F68E16F,
        False,
    )
    mapping_key = (
        0xA234236AA9B9621E8EFB73B5245C0E09D2576E5277183C1208BDD55280CAE8B3,
        0x04F365713A356E65A451E165ECC9AC0AC46E3771342C8FE5AEDD092685338E23,
    )
    info = ChipAuthenticationPublicKeyInfo(key.spki())
    infos = SecurityInfos(chip_authentication_public_keys=(info,))
    number = int.from_bytes(data, "big")
    assert pace.ChipMapping(curve, mapping_key, number).confirm(infos) == info
    for wrong in (pace.ChipMapping(curve, mapping_key, number + 1), pace.ChipMapping(curve, (key.x, key.y), number)):
        with pytest.raises(AuthenticationError):
            wrong.confirm(infos)


def _sessions(vectors: Path) -> list[tuple[str, dict]]:
    return [(name, case) for name, case in _load(vectors, "scp03_pysim.json").items() if name.startswith("SCP03")]


_COMMANDS = ("get_eid_cmd", "case_1_apdu", "case_2_apdu", "case_3_apdu", "case_4_apdu")


def _plain(case: dict, name: str) -> bytes:
    return bytes.fromhex(case[f"{name}_plain"])


def _keys(case: dict) -> Scp03Keys:
    keyset = case["keyset"]
    return Scp03Keys(*(bytes.fromhex(keyset[name]) for name in ("enc", "mac", "dek")), keyset["kvn"])


def test_scp03_host_side(vectors: Path) -> None:
    wrapped = 0
    for _, case in _sessions(vectors):
        initialize = CommandApdu.from_bytes(bytes.fromhex(case["init_upd_cmd"]))
        level = SecurityLevel(bytes.fromhex(case["ext_auth_cmd"])[2])
        link = script(
            [
                (case["init_upd_cmd"], case["init_upd_rsp"] + "9000"),
                (case["ext_auth_cmd"], "9000"),
            ]
        )
        connection = CardConnection(link)
        session = open_session(connection, _keys(case), level, host_challenge=initialize.data)
        assert session.sequence_counter == int(case["init_upd_rsp"][-6:], 16)
        for name in _COMMANDS:
            command = session.wrap(CommandApdu.from_bytes(_plain(case, name)))
            assert command.to_bytes().hex() == case[name]
            wrapped += 1
            if name == "get_eid_cmd":
                answer = session.unwrap(ResponseApdu(bytes.fromhex(case["get_eid_rsp"]), 0x9000))
                assert answer.data.hex() == case["get_eid_rsp_plain"]
    assert wrapped == 45


def test_scp03_card_side(vectors: Path) -> None:
    opened = 0
    for _, case in _sessions(vectors):
        keys = _keys(case)
        host_challenge = bytes.fromhex(case["init_upd_cmd"])[5:13]
        answer = bytes.fromhex(case["init_upd_rsp"])
        derived = SessionKeys.derive(keys, host_challenge, answer[13:21])
        assert derived.card_cryptogram == answer[21:29]
        channel = PersonaliserChannel(keys, ChannelState(derived, SecurityLevel.C_MAC, 8))
        authenticate = channel.open_command(CommandApdu.from_bytes(bytes.fromhex(case["ext_auth_cmd"])))
        assert channel.host_proves(authenticate.data)
        channel.accept(authenticate.p1)
        for name in _COMMANDS:
            plain = CommandApdu.from_bytes(_plain(case, name))
            found = channel.open_command(CommandApdu.from_bytes(bytes.fromhex(case[name])))
            assert (found.data, found.ne) == (plain.data, plain.ne)
            opened += 1
            if name == "get_eid_cmd":
                sealed = channel.seal_response(ResponseApdu(bytes.fromhex(case["get_eid_rsp_plain"]), 0x9000))
                assert sealed.data.hex() == case["get_eid_rsp"]
    assert opened == 45


def test_scp03_refuses_a_card_that_does_not_know_the_keys(vectors: Path) -> None:
    _, case = _sessions(vectors)[0]
    answer = bytearray.fromhex(case["init_upd_rsp"])
    answer[25] ^= 1
    link = script([(case["init_upd_cmd"], answer.hex() + "9000")])
    with pytest.raises(AuthenticationError):
        open_session(
            CardConnection(link),
            _keys(case),
            SecurityLevel.C_MAC_R_MAC,
            host_challenge=bytes.fromhex(case["init_upd_cmd"])[5:13],
        )
    assert len(link.commands) == 1  # nothing more was sent to a card that failed its proof
