"""Security objects signed by one thread, with and without the ledger, side by side.

Prints objects a second of both, interleaved, and the ratio with its spread. The aim of the project is 15,000 a second.
Correctness beside the speed: the ledger has every signature, and the last object verifies.
"""

from __future__ import annotations

import hashlib
import statistics
import sys
import time
from pathlib import Path

import pytest

from cccd_core.emrtd.sod import SodWriter, parse
from cccd_core.signing import Signer
from cccd_core.signing.counted import CountedSigner, KeyPeriod
from cccd_core.signing.ledger import Ledger, key_digest, read
from support import countries

OBJECTS = 2000
ROUNDS = 11


def test_security_objects(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plain = countries.software_signer()
    ledger = Ledger.open(tmp_path / "ledger", key_digest(b"a key"))
    counted = CountedSigner(plain, ledger, KeyPeriod(None, None))
    writer = SodWriter(plain.certificate_der, plain.algorithm)
    digests = {number: hashlib.sha256(bytes((number,))).digest() for number in (1, 2, 3, 13, 14, 15)}

    def rate(signer: Signer) -> float:
        start = time.perf_counter()
        for _ in range(OBJECTS):
            unsigned = writer.prepare(digests)
            made = writer.finish(unsigned, signer.sign(unsigned.to_be_signed))
        spent = time.perf_counter() - start
        assert parse(made).security_object.digests == digests
        return OBJECTS / spent

    rates = [(rate(plain), rate(counted)) for _ in range(ROUNDS)]
    counted.close()
    assert read(tmp_path / "ledger").signatures == ROUNDS * OBJECTS
    ratios = sorted(after / before for before, after in rates)
    with capsys.disabled():
        print(
            f"\nsecurity objects a second, one thread, P-256, Python {sys.version.split()[0]}: "
            f"{statistics.median(one for one, _ in rates):,.0f} uncounted, "
            f"{statistics.median(one for _, one in rates):,.0f} counted; "
            f"ratio {statistics.median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})"
        )
