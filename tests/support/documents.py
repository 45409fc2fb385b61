"""Documents as they come to a counter: signed by a test country, on a software card, each odd in a chosen way."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from cccd_core.card import CommandApdu, ResponseApdu, profile
from cccd_core.card.profile import TerminalTrust
from cccd_core.card.virtual import VirtualCard
from cccd_core.card.virtual.state import Directory
from cccd_core.emrtd import EMRTD_APPLICATION_ID, ElementaryFile, MrzInformation, com, security_infos
from cccd_core.emrtd.mrz import can, for_card
from cccd_core.personalise import CardJob, ChipSecrets
from cccd_core.signing import ChipKeys, build_image
from cccd_core.signing.image import sign_data_groups
from support import cards
from support.cards import Country
from support.chip import MASTER_KEY, finish_job, open_channel


@dataclass
class Document:
    """A document in hand: its chip, and what is printed on it."""

    card: VirtualCard
    files: dict[ElementaryFile, bytes]
    can: str
    mrz: MrzInformation

    def put(self, file: ElementaryFile, content: bytes) -> None:
        """Writes a file past all rules, as somebody with the chip in a laboratory might."""
        place = Directory.APPLICATION if file.in_application else Directory.MASTER_FILE
        self.card.memory.files[place, file.fid].content[:] = content
        self.files[file] = content

    def remove(self, *files: ElementaryFile) -> None:
        """Files that this document does not have."""
        for file in files:
            place = Directory.APPLICATION if file.in_application else Directory.MASTER_FILE
            del self.card.memory.files[place, file.fid]
            self.files.pop(file, None)


def document(
    country: Country,
    number: int = 1,
    *,
    groups: Mapping[int, bytes] | None = None,
    without: Collection[int] = (),
    keys_of_another: bool = False,
    access: bytes | None = None,
    security: bytes | None = None,
    ca_key: bytes | None = None,
) -> Document:
    """A document of test person `number`: `groups` in place of its own data groups, `without` some of them, all signed.
    `keys_of_another`: its chip has other keys than those it names, as a copy has. `access` and `security` are
    EF.CardAccess and EF.CardSecurity, `ca_key` the chip's key as it is stored, where they are to be others."""
    person = cards.content(number)
    keys = ChipKeys.generate()
    image = build_image(person, country.signer, ca_public_key=keys.ca_public_key, aa_public_key=keys.aa_public_key)
    data_groups = {n: c for n, c in {**image.data_groups, **(groups or {})}.items() if n not in without}
    files = {f: c for f, c in image.files.items() if f.data_group is None}
    files |= {ElementaryFile.for_data_group(n): c for n, c in sorted(data_groups.items())}
    files[ElementaryFile.EF_COM] = com.build(data_groups)
    files[ElementaryFile.EF_SOD] = sign_data_groups(data_groups, country.signer)
    held = ChipKeys.generate() if keys_of_another else keys
    secrets = ChipSecrets(
        can(person.personal_number), for_card(person).information, held.ca_private_key, held.aa_private_key,
        TerminalTrust(country.cvca_certificate, person.issue_date),
    )  # fmt: skip
    card = VirtualCard.create(None, master_key=MASTER_KEY, wait=lambda _: None)
    job = CardJob("job", person.personal_number, image, secrets)
    finish_job(*open_channel(card), job)
    if access is not None:
        files[ElementaryFile.EF_CARDACCESS] = access
    if security is not None:
        files[ElementaryFile.EF_CARDSECURITY] = security
    if ca_key is not None:
        card.memory.secrets[profile.DGI_CHIP_AUTHENTICATION_KEY] = ca_key
    made = Document(card, {}, secrets.can, secrets.mrz_information)
    for file in image.files.keys() - files.keys():
        made.remove(file)
    for file, content in files.items():
        place = Directory.APPLICATION if file.in_application else Directory.MASTER_FILE
        stored = card.memory.files.get((place, file.fid))
        if stored is None:
            stored = type(card.memory.files[Directory.APPLICATION, ElementaryFile.EF_SOD.fid])(file.sfi, bytearray())
            card.memory.files[place, file.fid] = stored
        made.put(file, content)
    return made


def dg14_without_pace(dg14: bytes) -> bytes:
    """DG14 as a chip has it that does no PACE."""
    infos = security_infos.parse(dg14)
    return security_infos.build_dg14(
        security_infos.SecurityInfos(
            chip_authentication=infos.chip_authentication,
            chip_authentication_public_keys=infos.chip_authentication_public_keys,
            active_authentication=infos.active_authentication,
        )
    )


class PlainChip:
    """A chip without access control: it selects and reads, and knows nothing else."""

    atr = b"\x3b\x00"

    def __init__(self, files: Mapping[ElementaryFile, bytes]) -> None:
        self.files = {(file.in_application, file.fid): content for file, content in files.items()}
        self.in_application = False
        self.current = b""

    def power_on(self) -> None:
        self.in_application, self.current = False, b""

    def power_off(self) -> None:
        pass

    def process(self, raw: bytes) -> bytes:
        command = CommandApdu.from_bytes(raw)
        return self._answer(command).to_bytes()

    def _answer(self, command: CommandApdu) -> ResponseApdu:
        if command.ins == 0xA4 and command.p1 == 0x04:
            self.in_application = command.data == EMRTD_APPLICATION_ID
            return ResponseApdu(b"", 0x9000 if self.in_application else 0x6A82)
        if command.ins == 0xA4 and command.p1 == 0x02:
            found = self.files.get((self.in_application, int.from_bytes(command.data, "big")))
            self.current = found or b""
            return ResponseApdu(b"", 0x6A82 if found is None else 0x9000)
        if command.ins == 0xB0:
            start = command.p1 << 8 | command.p2
            return ResponseApdu(self.current[start : start + (command.ne or 0)], 0x9000)
        return ResponseApdu(b"", 0x6D00)
