"""`cccd card verify --trust`: whom to trust, in whatever form people hold it."""

from __future__ import annotations

import base64
import json
import textwrap
from pathlib import Path

import pytest

from cccd_core.card.virtual import VirtualCard
from cccd_core.cli import common
from cccd_core.cli.common import EXIT_NOT_RUN, EXIT_UNDECIDED, EXIT_USAGE
from cccd_core.cli.main import build
from cccd_core.emrtd.algorithms import SignatureAlgorithm
from cccd_core.personalise import CardJob
from cccd_core.pki import issue
from support import x509_forms as forms
from support.cards import Country
from support.chip import MASTER_KEY, finish_job, open_channel


@pytest.fixture(scope="module")
def country(tmp_path_factory: pytest.TempPathFactory) -> Country:
    return Country.make(tmp_path_factory.mktemp("country") / "pki")


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Country:
    return Country.make(tmp_path_factory.mktemp("elsewhere") / "pki")


@pytest.fixture(scope="module")
def job(country: Country) -> CardJob:
    return country.job(1)


@pytest.fixture(scope="module")
def card(job: CardJob, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("card") / "a.card"
    with VirtualCard.create(path, master_key=MASTER_KEY) as made:
        finish_job(*open_channel(made), job)
    return path


def csca(country: Country) -> Path:
    return country.directory.path / "csca" / "certificate.der"


def pem(der: bytes) -> str:
    lines = "\n".join(textwrap.wrap(base64.b64encode(der).decode("ascii"), 64))
    return f"somebody's words\n-----BEGIN CERTIFICATE-----\n{lines}\n-----END CERTIFICATE-----\n"


def ldif(der: bytes) -> str:
    return f"dn: c=VN,dc=data\nuserCertificate;binary:: {base64.b64encode(der).decode('ascii')}\n\n"


@pytest.fixture
def trusted(country: Country, tmp_path: Path) -> dict[str, Path]:
    """The country's CSCA in every form."""
    der = csca(country).read_bytes()
    found = {"DER": csca(country), "PKI folder": country.directory.path, "folder": tmp_path / "folder"}
    for name, text in (("PEM", pem(der)), ("LDIF", ldif(der)), ("base64", base64.b64encode(der).decode("ascii"))):
        found[name] = tmp_path / name
        found[name].write_text(text)
    found["folder"].mkdir()
    (found["folder"] / "odd.txt").write_text("no certificate")
    (found["folder"] / "csca.pem").write_text(pem(der))
    return found


def verify(card: Path, job: CardJob, *words: str | Path) -> int:
    return common.run(build("card"), ["card", "verify", str(card), "--can", job.secrets.can, *map(str, words)])


@pytest.mark.parametrize("form", ["DER", "PKI folder", "folder", "PEM", "LDIF", "base64"])
def test_trust_in_every_form(
    form: str, trusted: dict[str, Path], card: Path, job: CardJob, capsys: pytest.CaptureFixture[str]
) -> None:
    assert verify(card, job, "--trust", trusted[form]) == 0
    assert ("left out: " in capsys.readouterr().err) is (form == "folder")


def test_several_and_our_own_beside_them(
    card: Path, job: CardJob, country: Country, elsewhere: Country, capsys: pytest.CaptureFixture[str]
) -> None:
    assert verify(card, job, "--trust", csca(elsewhere)) == EXIT_UNDECIDED
    assert "no trusted CSCA issued the signer" in capsys.readouterr().out
    assert verify(card, job, "--trust", csca(elsewhere), "--trust", csca(country)) == 0
    assert verify(card, job, "--trust", csca(elsewhere), "--pki", country.directory.path) == 0


def test_a_master_list_counts_where_its_root_is_given(
    card: Path, job: CardJob, country: Country, elsewhere: Country, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, ours = str(elsewhere.directory.path), tmp_path / "list.ml"
    assert common.run(build("pki"), ["pki", "list-signer", folder, "--kind", "master-list"]) == 0
    assert common.run(build("pki"), ["pki", "write-master-list", folder, str(csca(country)), "-o", str(ours)]) == 0
    assert verify(card, job, "--trust", ours) == EXIT_UNDECIDED
    assert "left out: " in capsys.readouterr().err
    assert verify(card, job, "--trust", ours, "--root", csca(elsewhere)) == 0
    assert verify(card, job, "--trust", ours, "--root", csca(country)) == EXIT_UNDECIDED


def test_a_root_is_trusted_for_nothing_else(card: Path, job: CardJob, country: Country, elsewhere: Country) -> None:
    assert verify(card, job, "--trust", csca(elsewhere), "--root", csca(country)) == EXIT_UNDECIDED


def test_a_signer_that_the_material_holds_helps_a_document_that_lacks_it(
    card: Path, job: CardJob, country: Country, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert verify(card, job, "--trust", csca(country), "--ds", csca(country), "--json") == 0
    assert json.loads(capsys.readouterr().out)["verdict"] == "genuine"
    (tmp_path / "none").write_bytes(b"none")
    assert verify(card, job, "--trust", csca(country), "--ds", tmp_path / "none") == EXIT_NOT_RUN
    (tmp_path / "empty").mkdir()
    assert verify(card, job, "--trust", csca(country), "--ds", tmp_path / "empty") == EXIT_NOT_RUN


def test_trust_that_is_useless_is_named_with_the_reason(
    card: Path, job: CardJob, country: Country, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A signer without its CSCA, a certificate that says CA:FALSE, with its own list, an empty folder and file."""
    base = forms.Base()
    party = base.csca
    false = bytes.fromhex("300C0603551D130101FF04023000")
    not_ca = forms.certificate(party, party, [forms.KEY_USAGE_CA, false, *forms.identifiers(party, party)])
    authority = issue.Authority(party.name, party.key_identifier, SignatureAlgorithm.ECDSA_SHA256, party.sign)
    crl = issue.revocation_list(authority, 1, forms.SINCE, forms.UNTIL, {})
    signer = country.directory.path / "ds" / "certificate.der"
    for name, content in (("false.der", not_ca), ("both.der", not_ca + crl), ("empty.der", b""), ("bag.pem", b"-----")):
        (tmp_path / name).write_bytes(content)
    (tmp_path / "folder").mkdir()
    no_authority = "the certificate says that it is no authority's"
    rows = {
        signer: ["the certificate's key may not sign certificates"],
        tmp_path / "false.der": [no_authority],
        tmp_path / "both.der": [no_authority, f"the CSCA of a revocation list was left out: {no_authority}"],
        tmp_path / "empty.der": ["not trust material, but an empty file"],
        tmp_path / "folder": ["a folder without a file of trust material"],
    }
    for path, reasons in rows.items():
        assert verify(card, job, "--trust", path, "--json") == EXIT_UNDECIDED
        told = capsys.readouterr()
        assert [error["message"] for error in json.loads(told.out)["left_out"]] == reasons
        for reason in reasons:
            assert f"left out: {reason}" in " ".join(told.err.split())
        assert "nobody is trusted" in told.err
    assert verify(card, job, "--trust", csca(country), "--trust", signer) == 0
    assert "left out" not in capsys.readouterr().err, "a signer beside its CSCA helps"
    assert verify(card, job, "--trust", csca(country), "--root", tmp_path / "false.der") == 0
    assert no_authority in " ".join(capsys.readouterr().err.split())


def test_what_is_not_there(card: Path, job: CardJob, tmp_path: Path) -> None:
    assert verify(card, job, "--trust", tmp_path / "nothing") == EXIT_NOT_RUN
    assert verify(card, job, "--root", tmp_path / "nothing", "--trust", card) == EXIT_NOT_RUN
    assert verify(card, job, "--trust", "-") == EXIT_USAGE
