"""From a card's content to its data groups: one call for all that the Vietnamese card holds, in the order of its
files.
"""

from __future__ import annotations

from collections.abc import Mapping

from cccd_core.emrtd import dg1, dg2, dg3, dg13, dg15, mrz, security_infos
from cccd_core.emrtd.content import CardContent
from cccd_core.emrtd.files import ElementaryFile
from cccd_core.emrtd.tlv import read_one
from cccd_core.errors import ParameterError


def build_data_groups(
    content: CardContent,
    *,
    ca_public_key: bytes | None = None,
    aa_public_key: bytes | None = None,
    codec: dg13.AuthorityCodec = dg13.PLAIN,
    additional: Mapping[int, bytes] | None = None,
) -> dict[int, bytes]:
    """The data groups of the Vietnamese card by number: DG1, DG2, DG3 where fingers are given, DG13, DG14, and DG15
    where an active authentication key is given.

    Keys are DER SubjectPublicKeyInfo (`signing.ChipKeys`). `additional` are data groups coded elsewhere (DG11, DG12 of
    `details`), which may not replace those made here. ParameterError or FormatError for content that cannot be
    coded.
    """
    groups = {1: dg1.build(mrz.for_card(content)), 2: dg2.build(content.portrait, sex=content.sex)}
    if content.fingers:
        groups[3] = dg3.build(content.fingers)
    groups[13] = dg13.build(dg13.of_content(content), codec=codec)
    infos = security_infos.for_dg14(ca_public_key=ca_public_key, active_authentication=aa_public_key is not None)
    groups[14] = security_infos.build_dg14(infos)
    if aa_public_key is not None:
        groups[15] = dg15.build(aa_public_key)
    for number, data in (additional or {}).items():
        if number in groups:
            raise ParameterError("a data group is given twice", data_group=number)
        read_one(data, ElementaryFile.for_data_group(number).tag, what=f"DG{number}")
        groups[number] = data
    return dict(sorted(groups.items()))
