"""Chips for tests: a small image, personalised software cards, links that misbehave."""

from __future__ import annotations

import random
from collections.abc import Callable, Set
from pathlib import Path

from cccd_core.card import CardConnection, MemoryLink, profile
from cccd_core.card.card_keys import CardMasterKey
from cccd_core.card.profile import TerminalTrust
from cccd_core.card.scp03 import Scp03Session, SecurityLevel, open_session
from cccd_core.card.virtual import VirtualCard
from cccd_core.emrtd import dg15, security_infos
from cccd_core.emrtd.files import ElementaryFile
from cccd_core.emrtd.mrz import MrzInformation
from cccd_core.emrtd.tlv import encode
from cccd_core.personalise import CardJob
from cccd_core.pki import TEST_CARD_MASTER_KEY
from cccd_core.signing.chip_keys import ChipKeys

CAN = "987654"
MRZ = MrzInformation("123456789", "900101", "400101")
MASTER_KEY = CardMasterKey(TEST_CARD_MASTER_KEY)
SERIAL = bytes.fromhex("0011223344556677")


def image(
    keys: ChipKeys, *, portrait_bytes: int = 20_000, seed: int = 1, protected: bool = False
) -> dict[ElementaryFile, bytes]:
    """Files that look like a chip's: right tags, right SecurityInfos and DG15, the rest arbitrary bytes; DG3 and DG4
    where they are asked for."""
    fill = random.Random(seed).randbytes
    fingers = {ElementaryFile.DG3: encode(0x63, fill(900)), ElementaryFile.DG4: encode(0x76, fill(300))}
    infos = security_infos.for_dg14(ca_public_key=keys.ca_public_key, active_authentication=True)
    return {
        ElementaryFile.EF_CARDACCESS: security_infos.for_card_access().encode(),
        ElementaryFile.EF_COM: encode(0x60, fill(20)),
        ElementaryFile.DG1: encode(0x61, fill(93)),
        ElementaryFile.DG2: encode(0x75, fill(portrait_bytes)),
        ElementaryFile.DG14: security_infos.build_dg14(infos),
        ElementaryFile.DG15: dg15.build(keys.aa_public_key),
        ElementaryFile.EF_SOD: encode(0x77, fill(1500)),
        **(fingers if protected else {}),
    }


def blank(path: Path | None = None, **options: object) -> VirtualCard:
    """A blank card that never waits."""
    made = {"master_key": MASTER_KEY, "serial": SERIAL, "wait": lambda _: None, **options}
    return VirtualCard.create(path, **made)  # type: ignore[arg-type]


def open_channel(
    card: VirtualCard, level: SecurityLevel = SecurityLevel.ALL, *, master_key: CardMasterKey = MASTER_KEY
) -> tuple[CardConnection, Scp03Session]:
    """The application selected, SCP03 open."""
    connection = CardConnection(MemoryLink(card))
    profile.select_applet(connection)
    keys = master_key.chooser(profile.get_serial(connection))
    return connection, open_session(connection, keys, level)


def write(
    connection: CardConnection,
    session: Scp03Session,
    files: dict[ElementaryFile, bytes],
    keys: ChipKeys,
    trust: TerminalTrust | None = None,
) -> None:
    """Files and secrets; the front door stays shut."""
    for file, content in files.items():
        profile.write_file(connection, file, content)
    profile.put_secrets(
        connection,
        session,
        can=CAN,
        mrz_information=MRZ,
        ca_private_key=keys.ca_private_key,
        aa_private_key=keys.aa_private_key,
        trust=trust,
    )


def personalised(
    path: Path | None = None,
    *,
    lock: bool = True,
    portrait_bytes: int = 20_000,
    trust: TerminalTrust | None = None,
    **options: object,
) -> tuple[VirtualCard, dict[ElementaryFile, bytes]]:
    """A finished card and what is on it; with somebody to trust also DG3 and DG4."""
    keys = ChipKeys.generate()
    files = image(keys, portrait_bytes=portrait_bytes, protected=trust is not None)
    card = blank(path, **options)
    connection, session = open_channel(card)
    write(connection, session, files, keys, trust)
    profile.finish(connection)
    if lock:
        profile.lock(connection)
    connection.drop_processors()
    card.power_on()
    return card, files


class ScriptedLink:
    """A link whose answers a function makes; counts the commands."""

    atr = b"\x3b\x00"

    def __init__(self, answer: Callable[[bytes], bytes]) -> None:
        self.answer = answer
        self.commands: list[bytes] = []

    def transmit(self, command: bytes) -> bytes:
        self.commands.append(command)
        return self.answer(command)

    def reset(self) -> None:
        self.commands.append(b"reset")

    def close(self) -> None:
        pass


def script(exchanges: list[tuple[str, str]], *, unseen: Set[int] = frozenset()) -> ScriptedLink:
    """A link that demands these commands in this order and gives these answers (hexadecimal); of the `unseen` ones any
    command will do."""
    steps = iter(enumerate(exchanges))

    def answer(command: bytes) -> bytes:
        number, (expected, response) = next(steps)
        assert number in unseen or command.hex().upper() == expected.upper()
        return bytes.fromhex(response)

    return ScriptedLink(answer)


def finish_job(connection: CardConnection, session: Scp03Session, job: CardJob) -> None:
    """Writes a job's files and secrets, opens the front door and locks."""
    for file, content in job.image.files.items():
        profile.write_file(connection, file, content)
    profile.put_secrets(
        connection,
        session,
        can=job.secrets.can,
        mrz_information=job.secrets.mrz_information,
        ca_private_key=job.secrets.ca_private_key,
        aa_private_key=job.secrets.aa_private_key,
        trust=job.secrets.trust,
    )
    profile.finish(connection)
    profile.lock(connection)
