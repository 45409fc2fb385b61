"""What the card of a sound dossier says, and the job that puts it on a chip."""

from __future__ import annotations

from datetime import datetime

from cccd_core.card.profile import TerminalTrust
from cccd_core.emrtd import CardContent, mrz
from cccd_core.emrtd.dg13 import PLAIN, AuthorityCodec
from cccd_core.issuance.dossiers.fingers import chip_fingers
from cccd_core.issuance.dossiers.policy import CheckPolicy
from cccd_core.issuance.register.store import Card
from cccd_core.issuance.runs.content import Content
from cccd_core.personalise import CardJob, ChipSecrets
from cccd_core.signing import ChipKeys, Signer
from cccd_core.signing.image import build_image


def card_job(
    content: Content,
    card: Card,
    signer: Signer,
    cvca_certificate: bytes,
    policy: CheckPolicy,
    *,
    signing_time: datetime | None = None,
    codec: AuthorityCodec = PLAIN,
) -> CardJob:
    """The job of a dossier that was accepted: fresh chip keys, a signed image, which states its signing time where one
    is given, the CVCA whose terminals the chip will trust from the day of issue on; `codec` codes the authority's own
    fields of DG13. CccdError where it cannot be built,
    SigningError where the signer cannot sign."""
    said = card_content(content, card, policy)
    keys = ChipKeys.generate()
    image = build_image(
        said,
        signer,
        ca_public_key=keys.ca_public_key,
        aa_public_key=keys.aa_public_key,
        codec=codec,
        signing_time=signing_time,
    )
    secrets = ChipSecrets(
        can=mrz.can(said.personal_number),
        mrz_information=mrz.for_card(said).information,
        ca_private_key=keys.ca_private_key,
        aa_private_key=keys.aa_private_key,
        trust=TerminalTrust(cvca_certificate, card.issue_date),
    )
    return CardJob(card.dossier_id, said.personal_number, image, secrets)


def card_content(content: Content, card: Card, policy: CheckPolicy) -> CardContent:
    """What the card of a sound dossier says. The dates are the register's, fixed when the dossier was accepted."""
    dossier = content.dossier
    return CardContent(
        personal_number=dossier.personal_number,
        full_name=dossier.full_name,
        birth_date=dossier.birth_date,
        sex=dossier.sex,
        issue_date=card.issue_date,
        expiry_date=card.expiry_date,
        portrait=content.portrait,
        fingers=chip_fingers(content.tenprint, content.images, policy.chip_fingers),
        nationality=dossier.nationality,
        ethnicity=dossier.ethnicity,
        religion=dossier.religion,
        place_of_origin=dossier.place_of_origin,
        place_of_residence=dossier.place_of_residence,
        marks=dossier.marks,
        father=dossier.father,
        mother=dossier.mother,
        spouse=dossier.spouse,
        old_number=dossier.old_number,
    )
