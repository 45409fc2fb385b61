"""Domain parameters of key agreement as an AlgorithmIdentifier gives them: mapped to a known curve or group.

BSI TR-03110-3 clause A.2.1; Doc 9303-11 clause 9.5. Parameters that are spelt out are compared with those of the known
ones, all of them, and never used themselves.
"""

from __future__ import annotations

from cccd_core.emrtd import curves, dh_groups, tlv
from cccd_core.emrtd.curves import Curve
from cccd_core.emrtd.dh_groups import DH_KEY_AGREEMENT, DH_PUBLIC_NUMBER, DhGroup
from cccd_core.emrtd.public_keys import EC_PUBLIC_KEY, STANDARDISED_PARAMETERS, EcPublicKey, parse_spki
from cccd_core.errors import FormatError

DomainParameters = Curve | DhGroup


def standardised(parameter_id: int) -> DomainParameters:
    """The group or curve of a number of Doc 9303-11 table 6. FormatError for a number that has none."""
    if parameter_id < len(dh_groups.GROUPS):
        return dh_groups.by_parameter_id(parameter_id)
    return curves.by_parameter_id(parameter_id)


def parse(algorithm: bytes) -> DomainParameters:
    """Reads a DER AlgorithmIdentifier: a standardised number, a curve by name or spelt out, a Diffie-Hellman group
    spelt out. FormatError with offset for anything else, unknown parameters included.
    """
    whole = tlv.read_one(algorithm, tlv.SEQUENCE, what="domain parameters")
    reader = whole.reader()
    identifier = tlv.to_oid(reader.next(tlv.OID, what="kind of domain parameters"))
    if identifier in (DH_PUBLIC_NUMBER, DH_KEY_AGREEMENT):
        return dh_groups.group_of(whole.reader())
    if identifier == STANDARDISED_PARAMETERS:
        number = tlv.to_integer(reader.next(tlv.INTEGER, what="number of domain parameters"))
        reader.finish("domain parameters")
        return standardised(number)
    if identifier != EC_PUBLIC_KEY:
        raise FormatError("domain parameters of an unknown kind", offset=whole.offset, algorithm=identifier)
    # A key at the curve's own generator: so the curve is read and compared in the one place that does it.
    found = reader.next(tlv.OID, tlv.SEQUENCE, what="curve")
    reader.finish("domain parameters")
    key = parse_spki(tlv.sequence(algorithm, tlv.bit_string(_generator(found))))
    if not isinstance(key, EcPublicKey):
        raise FormatError("domain parameters that are no curve's", offset=whole.offset)
    return key.curve


def _generator(found: tlv.Tlv) -> bytes:
    if found.tag == tlv.OID:
        curve = curves.BY_OID.get(tlv.to_oid(found))
        if curve is None:
            raise FormatError("a curve that is not known here", offset=found.offset, curve=tlv.to_oid(found))
        return curve.encode_point(curve.gx, curve.gy)
    parts = found.reader()
    for what in ("ECParameters version", "field of the curve", "coefficients of the curve"):
        parts.next(what=what)
    return parts.next(tlv.OCTET_STRING, what="generator").value
