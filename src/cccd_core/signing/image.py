"""The whole image of a chip in one call: data groups, EF.COM, EF.SOD, EF.CardAccess."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Mapping

from cccd_core.emrtd import com, security_infos
from cccd_core.emrtd.build import build_data_groups
from cccd_core.emrtd.content import CardContent
from cccd_core.emrtd.dg13 import PLAIN, AuthorityCodec
from cccd_core.emrtd.files import ChipImage, ElementaryFile
from cccd_core.emrtd.sod import SodWriter
from cccd_core.signing.signer import Signer


def build_image(
    content: CardContent,
    signer: Signer,
    *,
    ca_public_key: bytes | None = None,
    aa_public_key: bytes | None = None,
    codec: AuthorityCodec = PLAIN,
    additional: Mapping[int, bytes] | None = None,
    sod_version: int = 0,
    signing_time: dt.datetime | None = None,
) -> ChipImage:
    """Everything that a chip of this person holds, signed: EF.CardAccess, EF.COM, the data groups, EF.SOD.

    The public keys are those of the chip's own key pairs (`ChipKeys.ca_public_key`, `.aa_public_key`); `additional`
    as in `emrtd.build_data_groups`. Version 1 of EF.SOD goes with LDS 1.8. The same arguments give the same files up to
    the signature's own randomness. Errors as `emrtd.build_data_groups`; SigningError.
    """
    groups = build_data_groups(
        content, ca_public_key=ca_public_key, aa_public_key=aa_public_key, codec=codec, additional=additional
    )
    files = {
        ElementaryFile.EF_CARDACCESS: security_infos.for_card_access(
            chip_authentication=ca_public_key is not None
        ).encode(),
        ElementaryFile.EF_COM: com.build(groups, lds_version=com.LDS_1_8 if sod_version else com.LDS_1_7),
    }
    files |= {ElementaryFile.for_data_group(number): groups[number] for number in sorted(groups)}
    files[ElementaryFile.EF_SOD] = sign_data_groups(groups, signer, version=sod_version, signing_time=signing_time)
    return ChipImage(files)


def sign_data_groups(
    data_groups: Mapping[int, bytes],
    signer: Signer,
    *,
    version: int = 0,
    signing_time: dt.datetime | None = None,
) -> bytes:
    """EF.SOD over these data groups. To sign many, keep a `SodWriter` and call the signer on what it prepares."""
    writer = SodWriter(signer.certificate_der, signer.algorithm)
    digests = {number: hashlib.new(writer.hash_name, data).digest() for number, data in data_groups.items()}
    unsigned = writer.prepare(digests, version=version, signing_time=signing_time)
    return writer.finish(unsigned, signer.sign(unsigned.to_be_signed))
