"""JMRTD, an independent eMRTD reader in Java, reads our cards whole, as an inspection system DG3 too. Needs Java 17,
Maven and JMRTD 0.7.42, which Maven fetches; skipped where one of them is missing.
"""

from __future__ import annotations

import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key

from cccd_core.card.virtual import VirtualCard
from cccd_core.emrtd.mrz import MrzInformation
from cccd_core.emrtd.security_infos import SecurityInfos
from cccd_core.pki.cv.local_country import inspection_system
from support.cards import Country
from support.chip import CAN, finish_job, open_channel
from support.patience import PATIENCE_S
from support.protocols import ca_info, card, pace_info, public_info, stored

HERE = Path(__file__).resolve().parent / "jmrtd"


@pytest.fixture(scope="module")
def classes(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The class path of the compiled reader."""
    if not shutil.which("mvn") or not shutil.which("java"):
        pytest.skip("no Java or no Maven on this machine")
    folder = tmp_path_factory.mktemp("jmrtd")
    shutil.copytree(HERE, folder, dirs_exist_ok=True)
    goals = ["compile", "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:build-classpath"]
    built = subprocess.run(
        ["mvn", "-q", "-B", *goals, "-Dmdep.outputFile=path.txt"],
        cwd=folder, capture_output=True, text=True, timeout=PATIENCE_S, check=False,
    )  # fmt: skip
    if built.returncode and "resolve" in built.stdout:
        pytest.skip("Maven cannot fetch JMRTD here")
    assert built.returncode == 0, built.stdout
    return f"{folder / 'target' / 'classes'}:{(folder / 'path.txt').read_text()}"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, str, MrzInformation, Path]]:
    """A finished card behind a TCP port: length in four bytes, then the APDU; a connection is one power cycle. And the
    folder of an inspection system as the reader takes it."""
    country = Country.make(tmp_path_factory.mktemp("pki") / "pki")
    terminal = tmp_path_factory.mktemp("terminal")
    folder = inspection_system(country.directory.path)
    for name, certificate in zip(("verifier", "system"), folder.chain()[1:], strict=True):
        (terminal / f"{name}.cvcert").write_bytes(certificate.encoded)
    (key,) = (folder.path / "keys").iterdir()
    private = load_pem_private_key(key.read_bytes(), None)
    (terminal / "key.der").write_bytes(private.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()))
    job = country.job(7, side_px=250)
    card = VirtualCard.create(None, master_key=country.card_master_key)
    connection, session = open_channel(card)
    finish_job(connection, session, job)

    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    client, _ = server.accept()
                except OSError:
                    return
                card.power_on()
                with client, client.makefile("rb") as stream:
                    while len(head := stream.read(4)) == 4:
                        answer = card.process(stream.read(int.from_bytes(head, "big")))
                        client.sendall(len(answer).to_bytes(4, "big") + answer)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield server.getsockname()[1], job.secrets.can, job.secrets.mrz_information, terminal
        server.shutdown(socket.SHUT_RDWR)
    thread.join(PATIENCE_S)


@pytest.mark.parametrize("access", ["can", "mrz", "bac"])
@pytest.mark.parametrize("lengths", [("256", "224", "false"), ("256", "223", "true"), ("65536", "4000", "false")])
def test_jmrtd_reads_the_card(
    classes: str, served: tuple[int, str, MrzInformation, Path], access: str, lengths: tuple[str, str, str]
) -> None:
    port, can, mrz, terminal = served
    secrets = (can, mrz.document_number, mrz.birth_date, mrz.expiry_date)
    done = subprocess.run(
        ["java", "-cp", classes, "ReadCard", str(port), access, *secrets, *lengths, str(terminal)],
        capture_output=True, text=True, timeout=PATIENCE_S, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.splitlines() == [
        "files 6", "DG1 true", f"number {mrz.document_number}", "DG2 true", "faces 1", "DG13 true",
        "DG14 true", "DG15 true", "active authentication true", "chip authentication true", "DG3 shut",
        "trust point VNTESTCVCA00001 READ_ACCESS_DG3_AND_DG4", "DG3 true",
    ]  # fmt: skip


# Every mapping over every group, the ciphers by turns. JMRTD 0.7.42 gives integrated mapping with AES-192 a nonce that
# is longer than the key (Doc 9303-11, 4.4.3.3.2), and asks for 256 bytes where a key of 2048 bits needs more.
_KINDS = (
    (1, (1, 2, 3, 4), (0,)),
    (2, (1, 2, 3, 4), range(8, 19)),
    (3, (1, 2, 4), (0,)),
    (4, (1, 2, 4), (8, 9, *range(11, 19))),
    (6, (2, 3, 4), range(8, 19)),
)
WAYS = [(kind, ciphers[n % len(ciphers)], n) for kind, ciphers, numbers in _KINDS for n in numbers]


def test_jmrtd_speaks_every_protocol_with_the_card(classes: str) -> None:
    secret = 0x1234567890ABCDEF
    made = []
    for kind, cipher, number in WAYS:
        dg14 = SecurityInfos(
            chip_authentication=(ca_info(number > 2, cipher),),
            chip_authentication_public_keys=(public_info(number, secret),),
        )
        access = SecurityInfos(pace=(pace_info(kind, cipher, number),))
        made.append(card(access, dg14=dg14, ca_key=stored(number, secret)))

    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve(chip: VirtualCard, client: socket.socket) -> None:
            with client, client.makefile("rb") as stream:
                while len(head := stream.read(4)) == 4:
                    answer = chip.process(stream.read(int.from_bytes(head, "big")))
                    client.sendall(len(answer).to_bytes(4, "big") + answer)

        def accept() -> None:
            for chip in made:
                client, _ = server.accept()
                threading.Thread(target=serve, args=(chip, client), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        done = subprocess.run(
            ["java", "-cp", classes, "OpenCards", str(server.getsockname()[1]), str(len(made)), CAN],
            capture_output=True, text=True, timeout=PATIENCE_S, check=False,
        )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    names = {1: "GM", 2: "GM", 3: "IM", 4: "IM", 6: "CAM"}
    expected = [
        f"0.4.0.127.0.7.2.2.4.{kind}.{cipher} {number} {names[kind]} "
        f"0.4.0.127.0.7.2.2.3.{2 if number > 2 else 1}.{cipher} 27"
        for kind, cipher, number in WAYS
    ]
    assert done.stdout.splitlines() == expected
