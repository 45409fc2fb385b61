"""SourceAFIS as a worker process: builds the small Java program beside this file with Maven and talks to it."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

import numpy as np
import numpy.typing as npt

from cccd_core.errors import UnavailableError
from cccd_core.evaluation.scoring import PairScores, Timing

HERE = Path(__file__).resolve().parent
PROJECT = HERE / "sourceafis"
BUILD = HERE.parent.parent / "build" / "sourceafis-peer"
VERSION = "3.18.1"


def build() -> list[str]:
    """Builds the program where it is not built, and gives its command. UnavailableError says what is missing."""
    for tool, needs in (("java", "a Java 17 runtime (openjdk-17-jre-headless)"), ("mvn", "Maven (maven)")):
        if shutil.which(tool) is None:
            raise UnavailableError("SourceAFIS cannot be run here", needs=needs)
    jar = BUILD / "sourceafis-peer.jar"
    sources = [PROJECT / "pom.xml", *PROJECT.rglob("*.java")]
    if not jar.exists() or jar.stat().st_mtime < max(source.stat().st_mtime for source in sources):
        done = subprocess.run(
            ["mvn", "-q", "-B", "package"], cwd=PROJECT, capture_output=True, text=True, timeout=900, check=False
        )
        if done.returncode:
            lines = (done.stdout + done.stderr).strip().splitlines()
            raise UnavailableError(
                "SourceAFIS could not be fetched or built", needs="Maven Central", why=lines[0] if lines else ""
            )
    # One compute thread: the interpreter's own helpers (compiler, collector) are held to one more.
    return ["java", "-XX:+UseSerialGC", "-Xmx4g", "-cp", f"{jar}:{BUILD / 'lib'}/*", "cccd.Peer"]


class SourceAfis:
    """A running SourceAFIS. Use as a context manager."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="sourceafis-"))
        command = build()
        with (self._folder / "stderr").open("w") as said:
            self._process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=said, text=True, bufsize=1
            )
        self._fingers: list[str] = []
        self._names: list[str] = []

    def __enter__(self) -> SourceAfis:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._process.communicate(timeout=10)  # closes its input, which ends it, and both pipes
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _ask(self, command: str) -> list[str]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(command + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline().split()
        if not answer:
            said = (self._folder / "stderr").read_text("utf-8", "replace").strip().splitlines()
            raise UnavailableError("SourceAFIS ended", status=self._process.wait(), why=said[-1] if said else "")
        return answer

    def load(self, samples: Sequence[tuple[str, str, Path]]) -> None:
        """Reads templates: (finger, sample's name, file), one finger's beside each other."""
        listing = self._folder / "set.txt"
        listing.write_text("".join(f"{finger}\t{file.resolve()}\n" for finger, _, file in samples), "utf-8")
        self._fingers = [finger for finger, _, _ in samples]
        self._names = [name for _, name, _ in samples]
        if self._ask(f"set {listing}") != ["set", str(len(samples))]:
            raise UnavailableError("SourceAFIS did not read the set")

    def score(self) -> tuple[npt.NDArray[np.float64], Timing]:
        """Every unordered pair once, in the order of `PairScores.scores`, and how long it took (one thread)."""
        file = self._folder / "scores.bin"
        counts = [int(word) for word in self._ask(f"score {file}")[1:]]
        genuine, genuine_ns, impostor, impostor_ns, prepare_ns = counts
        timing = Timing(genuine, genuine_ns / 1e9, impostor, impostor_ns / 1e9, len(self._names), prepare_ns / 1e9)
        return np.fromfile(file, dtype=">f8").astype(np.float64), timing

    def pair_scores(self, scores: npt.NDArray[np.float64]) -> PairScores:
        """The scores as `PairScores`, failed samples not among them."""
        order = {finger: index for index, finger in enumerate(dict.fromkeys(self._fingers))}
        index = np.array([order[finger] for finger in self._fingers], dtype=np.int32)
        return PairScores(tuple(self._names), index, scores.astype(np.float32))
