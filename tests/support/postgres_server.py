"""A PostgreSQL server of the tests' own, in a temporary folder, behind a socket there."""

from __future__ import annotations

import getpass
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

from support.patience import until

CLERK = "clerk"  # the one user of whom a password is asked


def programs() -> Path | None:
    """The folder of the server's programs; None where none is installed. Debian keeps them out of PATH."""
    found = shutil.which("initdb")
    if found is not None:
        return Path(found).resolve().parent
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    return installed[-1].parent if installed else None


class Server:
    """One server. It must not run as root: who is root starts it as the user `postgres` or `nobody`."""

    def __init__(self, programs: Path) -> None:
        self.programs = programs
        self.folder = Path(tempfile.mkdtemp(prefix="cccd-pg-", dir="/tmp"))
        self._as: dict[str, int | list[int]] = {}
        self.user = getpass.getuser()
        if os.geteuid() == 0:
            names = {entry.pw_name: entry for entry in pwd.getpwall()}
            entry = names.get("postgres") or names["nobody"]
            self.user = entry.pw_name
            self._as = {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
            os.chown(self.folder, entry.pw_uid, entry.pw_gid)
        self.data = self.folder / "data"
        self._made = 0
        self._process: subprocess.Popen[bytes] | None = None
        self._arguments = (
            self.programs / "postgres", "-D", self.data, "-k", self.folder, "-c", "listen_addresses=",
            "-c", "max_connections=60", "-c", "shared_buffers=32MB",
            "-c", "recovery_init_sync_method=syncfs",
        )  # fmt: skip
        self._run("initdb", "-D", str(self.data), "-A", "trust", "-U", "owner", "-E", "UTF8", "--no-sync", "--locale=C")
        rules = self.data / "pg_hba.conf"
        rules.write_text(f"local all {CLERK} scram-sha-256\n{rules.read_text()}")

    def start(self) -> None:
        """Starts it, and waits until it answers."""
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(self._arguments, stdout=log, stderr=log, cwd=self.folder, **self._as)
        until(self._answers)

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, (self.folder / "log").read_text()
        return not self._call("pg_isready", "-h", str(self.folder), "-U", "owner", "-d", "postgres").returncode

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """Ends it, as by pg_ctl: SIGINT fast, SIGQUIT at once, as after a crash."""
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait()
            self._process = None

    def remove(self) -> None:
        self.stop()
        shutil.rmtree(self.folder)

    def sql(self, statement: str, database: str = "postgres") -> str:
        """Runs a statement as the owner."""
        done = self._call(
            "psql", "-h", str(self.folder), "-U", "owner", "-d", database, "-X", "-q", "-A", "-t", "-v",
            "ON_ERROR_STOP=1", "-c", statement,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def new_database(self) -> str:
        """The URL of an empty database."""
        self._made += 1
        name = f"d{self._made}"
        self.sql(f"CREATE DATABASE {name}")
        return self.url(name)

    def drop(self, url: str) -> None:
        """Takes a database away, whoever uses it."""
        self.sql(f"DROP DATABASE {self.name(url)} WITH (FORCE)")

    @staticmethod
    def name(url: str) -> str:
        """The name of a database."""
        return url.partition("@/")[2].partition("?")[0]

    def url(self, database: str, user: str = "owner") -> str:
        return f"postgresql://{user}@/{database}?host={quote(str(self.folder), safe='')}"

    def restart(self, how: signal.Signals = signal.SIGINT) -> None:
        self.stop(how)
        self.start()

    def cut(self, database: str) -> int:
        """Ends every connection to a database, under the hands of whoever uses it; how many there were."""
        return int(self.sql(f"SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE {_others(database)}"))

    def settle(self, database: str) -> None:
        """Waits until nobody is connected to a database: a server still ends what a killed client began."""
        until(lambda: self.sql(f"SELECT count(*) FROM pg_stat_activity WHERE {_others(database)}") == "0")

    def _run(self, program: str, *arguments: str) -> None:
        done = self._call(program, *arguments)
        assert done.returncode == 0, done.stderr

    def _call(
        self, program: str, *arguments: str, environment: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self.programs / program, *arguments], capture_output=True, text=True, check=False, cwd=self.folder,
            env={**os.environ, "LC_ALL": "C", **(environment or {})}, **self._as,
        )  # fmt: skip


def _others(database: str) -> str:
    """Who else is connected to a database."""
    return f"datname = '{database}' AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
