"""The published worked examples: RFC 4493, Doc 9303-11 appendices D and G, GlobalPlatform SCP03."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cccd_core.card import CardConnection, CommandApdu, ResponseApdu, bac, pace, pace_suites, primitives
from cccd_core.card.pace_suites import Password
from cccd_core.card.scp03 import ChannelState, Scp03Keys, SecurityLevel, SessionKeys, open_session
from cccd_core.card.virtual.channels import PersonaliserChannel
from cccd_core.emrtd import security_infos
from cccd_core.emrtd.mrz import MrzInformation
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
