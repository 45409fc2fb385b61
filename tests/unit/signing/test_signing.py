"""Chip keys, the image of a chip, and the security object byte by byte."""

from __future__ import annotations

import datetime as dt
import hashlib
import pickle

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from cccd_core.emrtd import ElementaryFile, security_infos, sod, times
from cccd_core.emrtd.algorithms import SignatureAlgorithm
from cccd_core.emrtd.public_keys import EcPublicKey, parse_spki
from cccd_core.errors import ParameterError, SigningError
from cccd_core.signing import ChipKeys, Signer, SoftwareSigner, build_image, pkcs11_modules
from cccd_core.signing.keys import verifies
from cccd_core.signing.software import load_private_key
from support import countries, emrtd_samples

KEY = ec.generate_private_key(ec.SECP256R1())
SIGNER = countries.software_signer(KEY)


def test_chip_keys_belong_together_and_are_not_shown() -> None:
    keys = ChipKeys.generate()
    for private, public in ((keys.ca_private_key, keys.ca_public_key), (keys.aa_private_key, keys.aa_public_key)):
        loaded = load_private_key(private)
        assert isinstance(loaded, ec.EllipticCurvePrivateKey)
        point = parse_spki(public)
        assert isinstance(point, EcPublicKey)
        assert point.curve.name == "brainpoolP256r1"
        numbers = loaded.public_key().public_numbers()
        assert (numbers.x, numbers.y) == (point.x, point.y)
    assert len({keys.ca_public_key, keys.aa_public_key, ChipKeys.generate().ca_public_key}) == 3
    assert keys.ca_private_key.hex() not in repr(keys)
    assert str(keys.ca_private_key) not in repr(keys)


def test_an_image_holds_every_file_in_writing_order() -> None:
    keys = ChipKeys.generate()
    content = emrtd_samples.content()
    image = build_image(content, SIGNER, ca_public_key=keys.ca_public_key, aa_public_key=keys.aa_public_key)
    assert [file.label for file in image] == [
        "EF.CardAccess", "EF.COM", "DG1", "DG2", "DG3", "DG13", "DG14", "DG15", "EF.SOD",
    ]  # fmt: skip
    assert image[ElementaryFile.EF_CARDACCESS] == security_infos.for_card_access().encode()
    for file in image:
        if file is not ElementaryFile.EF_CARDACCESS:
            assert image[file][0] == file.tag
    again = build_image(content, SIGNER, ca_public_key=keys.ca_public_key, aa_public_key=keys.aa_public_key)
    assert again.data_groups == image.data_groups
    assert pickle.loads(pickle.dumps(image)) == image
    assert pickle.loads(pickle.dumps(content)) == content


def test_what_is_signed_is_the_der_set_of_attributes() -> None:
    writer = sod.SodWriter(SIGNER.certificate_der, SIGNER.algorithm)
    digests = {2: b"\2" * 32, 1: b"\1" * 32}
    unsigned = writer.prepare(digests, signing_time=dt.datetime(2026, 11, 22, 3, 4, 5, 999_999, tzinfo=dt.UTC))
    rows = "".join(f"30250201{n:02x}0420" + f"{n:02x}" * 32 for n in (1, 2))
    assert unsigned.content.hex() == "3060" + "020100" + "300b0609608648016503040201" + "304e" + rows
    parsed = sod.parse_security_object(unsigned.content)
    assert (list(parsed.digests), parsed.version, parsed.digest_algorithm) == ([1, 2], 0, "sha256")
    assert unsigned.to_be_signed[0] == 0x31
    assert b"261122030405Z" in unsigned.to_be_signed
    assert hashlib.sha256(unsigned.content).digest() in unsigned.to_be_signed
    whole = writer.finish(unsigned, SIGNER.sign(unsigned.to_be_signed))
    info = sod.parse(whole).signed_data.signers[0]
    assert info.signed_attributes_sent == unsigned.to_be_signed
    assert verifies(parse_spki(countries.spki(KEY)), SIGNER.algorithm, info.signature, unsigned.to_be_signed)
    assert not verifies(parse_spki(countries.spki(KEY)), SIGNER.algorithm, info.signature, unsigned.to_be_signed + b"x")


@pytest.mark.parametrize(
    ("digests", "version"),
    [({1: b"\1" * 32}, 0), ({1: b"\1" * 32, 2: b"\1" * 31}, 0), ({1: b"\1" * 32, 17: b"\1" * 32}, 0),
     ({1: b"\1" * 32, 0: b"\1" * 32}, 0), ({1: b"\1" * 32, 2: b"\1" * 32}, 2)],
)  # fmt: skip
def test_security_objects_that_are_not_written(digests: dict[int, bytes], version: int) -> None:
    writer = sod.SodWriter(SIGNER.certificate_der, SIGNER.algorithm)
    with pytest.raises(ParameterError):
        writer.prepare(digests, version=version)


def test_times_are_utc_and_change_form_in_2050() -> None:
    for time, text in (
        (dt.datetime(2049, 12, 31, 23, 59, 59, tzinfo=dt.UTC), b"491231235959Z"),
        (dt.datetime(2050, 1, 1, tzinfo=dt.UTC), b"20500101000000Z"),
        (dt.datetime(2026, 1, 1, 6, tzinfo=dt.timezone(dt.timedelta(hours=7))), b"251231230000Z"),
    ):
        assert times.encode(time)[2:] == text
        assert times.decode(times.encode(time)) == time
    with pytest.raises(ParameterError):
        times.encode(dt.datetime(2026, 1, 1))


def test_the_algorithm_fits_the_key() -> None:
    wide = ec.generate_private_key(ec.SECP521R1())
    strong = rsa.generate_private_key(65537, 2048)
    assert SoftwareSigner(wide, b"").algorithm is SignatureAlgorithm.ECDSA_SHA512
    assert SoftwareSigner(strong, b"").algorithm is SignatureAlgorithm.RSA_PSS_SHA256
    assert isinstance(SIGNER, Signer)
    assert "ECDSA" in repr(SIGNER)
    with pytest.raises(SigningError):
        SoftwareSigner(wide, b"", SignatureAlgorithm.RSA_PSS_SHA256)
    for algorithm in (SignatureAlgorithm.RSA_PSS_SHA384, SignatureAlgorithm.RSA_PSS_SHA512):
        signer = SoftwareSigner(strong, b"", algorithm)
        assert verifies(parse_spki(countries.spki(strong)), algorithm, signer.sign(b"x"), b"x")


def test_modules_are_looked_for_where_the_environment_says(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path_factory.mktemp("modules") / "token.so"
    monkeypatch.setenv("CCCD_PKCS11_MODULE", str(path))
    assert path not in pkcs11_modules()
    path.write_bytes(b"never loaded")
    assert pkcs11_modules()[0] == path
