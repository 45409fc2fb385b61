"""Of who was taken out of a gallery in a server nothing is left in any of the server's files but its log."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pytest

from cccd_core.dedup import EnrolledPerson, PostgresGallery
from cccd_core.dedup.gallery.records import encode
from cccd_core.errors import BusyError, UnavailableError
from cccd_core.storage import postgres as storage
from cccd_core.storage.aes_gcm import KeyRing
from cccd_core.templates import Tenprint
from support.known_fingers import finger
from support.postgres_server import Server

pytestmark = pytest.mark.postgres
OFFICE = "office"  # owns databases, and may nothing else


@pytest.fixture
def url(request: pytest.FixtureRequest, postgres: Server) -> Iterator[str]:
    """Of an empty database, as its owner."""
    user = getattr(request, "param", OFFICE)
    made = postgres.new_database()
    if postgres.sql(f"SELECT count(*) FROM pg_roles WHERE rolname = '{OFFICE}'") == "0":
        postgres.sql(f"CREATE ROLE {OFFICE} LOGIN")
    postgres.sql(f"ALTER DATABASE {Server.name(made)} OWNER TO {user}")
    yield postgres.url(Server.name(made), user)
    postgres.drop(made)


def big(name: str, identity: int, minutiae: int = 40) -> EnrolledPerson:
    fingers = {p: finger(identity * 16 + p, position=p, minutiae=minutiae) for p in (1, 2, 7)}
    return EnrolledPerson(name, Tenprint(fingers))


def telling(one: EnrolledPerson) -> list[bytes]:
    """What nobody else's templates hold."""
    return [record[28:] for _, record in encode(one)]


def found(postgres: Server, sought: list[bytes]) -> int:
    """How many of these stand in a file of the server, but for its log and the databases that it is made with, when all
    is on the disk."""
    postgres.sql("CHECKPOINT")
    made_with = postgres.sql("SELECT oid FROM pg_database WHERE datname IN ('postgres', 'template0', 'template1')")
    others = {"pg_wal", *made_with.split()}
    files = [
        path.read_bytes() for path in postgres.folder.rglob("*") if path.is_file() and others.isdisjoint(path.parts)
    ]
    return sum(any(piece in data for data in files) for piece in sought)


def digest_of(postgres: Server, url: str, name: str) -> bytes:
    query = f"SELECT encode(sha256, 'hex') FROM cccd_gallery.person WHERE person_id = '{name}'"
    return bytes.fromhex(postgres.sql(query, Server.name(url)))


@pytest.mark.parametrize(("url", "minutiae"), [("owner", 40), (OFFICE, 250)], indirect=["url"])  # long ones lie apart
def test_who_was_taken_out_is_in_no_byte_of_the_files(postgres: Server, url: str, minutiae: int) -> None:
    with closing(PostgresGallery(url)) as gallery:
        gallery.add_many(big(f"p{i}", 100 + i, minutiae) for i in range(40))
        gone = [*telling(big("p7", 107, minutiae)), digest_of(postgres, url, "p7")]
        changed = [*telling(big("p8", 108, minutiae)), digest_of(postgres, url, "p8")]
        kept = telling(big("p9", 109, minutiae))
        postgres.sql("ANALYZE", Server.name(url))
        assert found(postgres, [*gone, *changed, *kept]) == 11
        gallery.remove("p7", order="x")
        gallery.replace(big("p8", 900, minutiae), order="x")
        postgres.sql("VACUUM", Server.name(url))
        assert found(postgres, [*gone, *changed]) > 0  # which is why the tables are written anew
        gallery.purge()
        assert found(postgres, [*gone, *changed]) == 0
        assert found(postgres, [*kept, *telling(big("p8", 900, minutiae))]) == 6
        gallery.purge()
        assert gallery.get("p9") == big("p9", 109, minutiae)
        for i in range(40):
            if i != 7:
                gallery.remove(f"p{i}", order="x")
        gallery.purge()
        assert found(postgres, kept) == 0
        assert gallery.add(big("p9", 109, minutiae))
    with closing(PostgresGallery(url, make=False)) as gallery:  # whose tables are as before
        assert list(gallery) == [big("p9", 109, minutiae)]


def test_statistics_that_an_earlier_version_let_the_server_gather_are_forgotten(postgres: Server, url: str) -> None:
    name = Server.name(url)
    with closing(PostgresGallery(url)) as gallery:
        gallery.add_many(big(f"p{i}", 100 + i, 12) for i in range(20))
        for table, column in (("finger", "template"), ("person", "sha256"), ("person", "person_id")):
            postgres.sql(f"ALTER TABLE cccd_gallery.{table} ALTER {column} SET STATISTICS 100", name)
        postgres.sql("ANALYZE", name)
        statistics = postgres.sql("SELECT pg_relation_filepath('pg_statistic')", name)
        gone = [*telling(big("p7", 107, 12)), digest_of(postgres, url, "p7")]
        postgres.sql("CHECKPOINT")
        assert gone[-1] in (postgres.data / statistics).read_bytes()
        gallery.remove("p7", order="x")
        gallery.purge()
        assert found(postgres, gone) == 0
        postgres.sql("ANALYZE", name)
        gathered = "SELECT count(*) FROM pg_stats WHERE attname IN ('template', 'sha256', 'person_id')"
        assert postgres.sql(f"{gathered} AND tablename IN ('person', 'finger')", name) == "0"
        storages = "SELECT attstorage FROM pg_attribute WHERE attrelid = 'cccd_gallery.finger'::regclass"
        assert postgres.sql(f"{storages} AND attname = 'template'", name) == "e"
    with closing(PostgresGallery(url, make=False)) as gallery:
        assert len(gallery) == 19


def test_what_was_in_the_clear_is_in_no_file_once_it_is_encrypted(postgres: Server, url: str) -> None:
    ring = KeyRing(bytes(range(32)), clear_too=True)
    with closing(PostgresGallery(url)) as gallery:
        gallery.add(big("a", 101))
        assert found(postgres, telling(big("a", 101))) == 3
    with closing(PostgresGallery(url, cipher=ring)) as gallery:
        assert gallery.reseal() == 1
        assert found(postgres, telling(big("a", 101))) == 0
        assert gallery.get("a") == big("a", 101)


def test_who_may_still_see_it_is_waited_for(postgres: Server, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    other = postgres.new_database()  # any transaction of the server keeps rows
    with closing(PostgresGallery(url)) as gallery, closing(PostgresGallery(other)) as elsewhere:
        for number, reader in enumerate((gallery, elsewhere)):
            gone = big(f"a{number}", 100 + number)
            gallery.add(gone)
            with reader._database.read() as connection:
                connection.exec_driver_sql("SELECT count(*) FROM person").scalar_one()
                gallery.remove(gone.person_id, order="x")
                with monkeypatch.context() as hurried:
                    hurried.setattr(storage, "_LOCK_TIMEOUT_S", 1)
                    with pytest.raises(BusyError, match="not out of its files"):
                        gallery.purge()
                assert found(postgres, telling(gone)) == 3
            gallery.purge()
            assert found(postgres, telling(gone)) == 0
    postgres.drop(other)


def test_who_may_not_is_told_so(postgres: Server, url: str) -> None:
    name = Server.name(url)
    with closing(PostgresGallery(url)) as gallery:
        gallery.add(big("a", 101))
    postgres.sql("DROP ROLE IF EXISTS guest")
    postgres.sql("CREATE ROLE guest LOGIN")
    postgres.sql("GRANT USAGE ON SCHEMA cccd_gallery TO guest", name)
    postgres.sql("GRANT ALL ON ALL TABLES IN SCHEMA cccd_gallery TO guest", name)
    with closing(PostgresGallery(postgres.url(name, "guest"), make=False)) as gallery:
        gallery.remove("a", order="x")
        with pytest.raises(UnavailableError) as error:
            gallery.purge()
        assert error.value.facts["needs"] == "the tables' owner"
    with closing(PostgresGallery(url)) as gallery:
        gallery.purge()
    assert found(postgres, telling(big("a", 101))) == 0
