"""What a look-up costs through a service: `python -m benchmarks.scale.served [--people 2000] [--probes 40]`.

Synthetic people of four fingers (seed 1), the probes other impressions of them. The service runs in a process of its
own; each round looks the same probes up there, one after the other over one connection, and in this process, one thread
each, in turns. What is quoted is the ratio of probes a second, with its lowest and highest round; then what it costs
where people come and go between the probes.
"""

from __future__ import annotations

import argparse
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from cccd_core import runtime
from cccd_core.dedup import Cascade, DedupParameters, EnrolledPerson, create_gallery, open_gallery
from cccd_core.dedup.codes import FingerCoder
from cccd_core.dedup.gallery.records import encode
from cccd_core.dedup.lookup import Lookup
from cccd_core.dedup.service.client import Client, outcome_of
from cccd_core.dedup.service.protocol import Request, SentFinger, identified_in, sent
from cccd_core.errors import UnavailableError
from cccd_core.intake.sent import sent_person
from cccd_core.matching import Matcher
from cccd_core.synthesis import tenprint

SEED = 1
FOUR = (2, 3, 7, 8)


def someone(name: str, who: int, impression: int = 0) -> EnrolledPerson:
    return EnrolledPerson(name, tenprint(SEED, who, impression=impression, positions=FOUR))


def fingers(person: EnrolledPerson) -> tuple[SentFinger, ...]:
    return sent(encode(person))


@contextmanager
def served(gallery: Path, path: Path, cascade: str) -> Iterator[Client]:
    words = ["search", str(gallery), "--serve", str(path), "--threads", "1", "--cascade", cascade]
    with subprocess.Popen([sys.executable, "-m", "cccd_core.cli.main", *words], stdout=subprocess.DEVNULL) as process:
        while True:
            try:
                client = Client(path)
                break
            except UnavailableError:
                if process.poll() is not None:
                    raise
                time.sleep(0.1)
        try:
            with client:
                client.ask(Request("status", wait=60))  # answered when the index is up to date
                yield client
        finally:
            process.send_signal(signal.SIGTERM)


def looked_up(client: Client, probes: Sequence[Request], name: str) -> list[str | None]:
    found = []
    for n, probe in enumerate(probes):
        request = Request("identify", f"{name}.{n}", None, probe.fingers, wait=60)
        looked = identified_in(outcome_of(client.ask(request)))
        found.append(None if looked is None else looked.answers[0].of)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, default=2000)
    parser.add_argument("--probes", type=int, default=40)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--cascade", default="codes:keep=0.001>same>any")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        folder, path = Path(place) / "gallery", Path(place) / "s"
        with closing(create_gallery(folder)) as gallery:
            gallery.add_many(someone(f"p{n}", n) for n in range(given.people))
        probes = [
            Request("identify", "x", None, fingers(someone("x", n * 7 % given.people, 1))) for n in range(given.probes)
        ]
        with served(folder, path, given.cascade) as client, open_gallery(folder) as gallery:
            lookup = Lookup.over(
                gallery, folder, Matcher(), FingerCoder.shipped(), DedupParameters(), Cascade.parse(given.cascade),
                threads=1,
            )  # fmt: skip
            mine, theirs = [], []
            for turn in range(given.rounds + 1):  # the first one warms both
                start = time.perf_counter()
                expected = [lookup.search([sent_person("x", probe)]).answers[0].of for probe in probes]
                middle = time.perf_counter()
                found = looked_up(client, probes, f"r{turn}")
                end = time.perf_counter()
                assert found == expected
                mine.append(given.probes / (middle - start))
                theirs.append(given.probes / (end - middle))
            still = 1 / statistics.median(theirs[1:])
            ratios = sorted(b / a for a, b in zip(mine[1:], theirs[1:], strict=True))
            print(f"{runtime.manifest('')}")
            print(f"{given.people:,} people of 4 fingers, {given.cascade}, {given.probes} probes, seed {SEED}")
            print(f"found {sum(one is not None for one in expected)} of {given.probes}, the same both ways")
            print(f"probes/s in process {statistics.median(mine[1:]):.1f}, over the socket {1 / still:.1f}")
            print(f"ratio {statistics.median(ratios):.3f} ({ratios[0]:.3f}-{ratios[-1]:.3f})")
            start = time.perf_counter()
            for n in range(given.probes):
                person = someone(f"n{n}", given.people + n)
                outcome_of(client.ask(Request("insert", f"i{n}", f"n{n}", fingers(person), wait=60)))
            inserts = (time.perf_counter() - start) / given.probes
            start = time.perf_counter()
            for n, probe in enumerate(probes):
                person = someone(f"m{n}", 2 * given.people + n)
                outcome_of(client.ask(Request("insert", f"j{n}", f"m{n}", fingers(person), wait=60)))
                looked_up(client, [probe], f"k{n}")
            both = (time.perf_counter() - start) / given.probes - inserts
            start = time.perf_counter()
            for n, probe in enumerate(probes):
                outcome_of(client.ask(Request("delete", f"d{n}", f"m{n}", order="1", wait=60)))
                looked_up(client, [probe], f"l{n}")
            gone = (time.perf_counter() - start) / given.probes
            print(
                f"insert {1000 * inserts:.1f} ms; a look-up {1000 * still:.1f} ms, after an insert {1000 * both:.1f} ms"
            )
            print(f"delete and a look-up {1000 * gone:.1f} ms")


if __name__ == "__main__":
    main()
