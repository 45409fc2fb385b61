"""`python -m fuzz`: fuzzes every target, each in processes of its own, and says what was found.

Exit code 0 only when nothing was: no exception but CccdError, no input over 50 ms or 64 MiB. What was found is kept in
the target's corpus, where the tests replay it. `--keep N` also keeps up to N small inputs that reach what no seed and
no corpus file did.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from fuzz import registry

REPOSITORY = registry.HOME.parent
STARTUP_SECONDS = 120  # importing with instrumentation, the corpus's first run, the end's statistics


@dataclass
class Result:
    """What came of one target."""

    name: str
    runs: int = 0
    judged: dict[str, object] = field(default_factory=dict)
    findings: list[str] = field(default_factory=list)


def main(arguments: list[str] | None = None) -> int:
    """Runs the command line; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m fuzz", description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=int, default=60, help="fuzzing time of each target (60)")
    parser.add_argument("--target", action="append", help="only this target; may be given several times")
    parser.add_argument("--jobs", type=int, default=2, help="targets at once (2)")
    parser.add_argument("--keep", type=int, default=0, metavar="N", help="keep up to N small inputs in the corpus")
    parser.add_argument("--home", type=Path, default=registry.HOME, help="folder with targets/ and corpus/")
    options = parser.parse_args(arguments)
    home = options.home.resolve()
    known = registry.names(home)
    wanted = options.target or known
    if unknown := sorted(set(wanted) - set(known)):
        parser.error(f"no such target: {' '.join(unknown)}; there are: {' '.join(known)}")
    print(f"{len(wanted)} targets, {options.seconds} s each, {options.jobs} at once", flush=True)
    with ThreadPoolExecutor(max(1, options.jobs)) as pool:
        results = list(pool.map(lambda name: _fuzz(name, home, options.seconds, options.keep), wanted))
    found = sum(len(result.findings) for result in results)
    print(f"{sum(result.runs for result in results):,} inputs run, {found} findings")
    return 1 if found else 0


def _fuzz(name: str, home: Path, seconds: int, keep: int) -> Result:
    result = Result(name)
    with tempfile.TemporaryDirectory(prefix=f"fuzz-{name}-") as folder:
        work = Path(folder)
        log = work / "log"
        command = [sys.executable, "-m", "fuzz.child", name, str(home), str(work), str(seconds)]
        with log.open("wb") as output:
            try:
                code = subprocess.run(
                    command,
                    cwd=REPOSITORY,
                    stdout=output,
                    stderr=output,
                    timeout=seconds + STARTUP_SECONDS,
                    check=False,
                ).returncode
            except subprocess.TimeoutExpired:
                code = -1
                result.findings.append("the fuzzing process did not end")
        text = log.read_text(encoding="utf-8", errors="replace")
        executed = re.findall(r"stat::number_of_executed_units:\s*(\d+)", text)
        result.runs = int(executed[-1]) if executed else 0
        if executed and not re.search(r"\bcov: \d", text):
            result.findings.append("the fuzzer ran blind: no coverage came from the target's packages")
        artifacts = sorted(work.glob("finding-*"))
        for artifact in artifacts:
            kept = _keep(artifact, name, home)
            result.findings.append(f"{kept}\n{_traceback(text)}")
        if code != 0 and not artifacts:
            result.findings.append(f"the fuzzing process ended with code {code}\n{_tail(text)}")
        _judge(result, home, work)
        if keep and not result.findings:
            _keep_reaching(name, home, work, keep)
    _print(result)
    return result


def _judge(result: Result, home: Path, work: Path) -> None:
    folders = [work / "suspects", work / "inputs", home / "corpus" / result.name]
    done = subprocess.run(
        [sys.executable, "-m", "fuzz.judge", result.name, str(home), *map(str, folders)],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        result.findings.append(f"an input could not be judged\n{_tail(done.stderr)}")
        return
    result.judged = json.loads(done.stdout)
    for complaint in result.judged["complaints"]:  # type: ignore[attr-defined]
        kept = _keep(Path(complaint["path"]), result.name, home)
        result.findings.append(f"{kept}: {complaint['complaint']}")


def _keep(path: Path, name: str, home: Path) -> Path:
    folder = home / "corpus" / name
    if path.parent == folder or not path.is_file():
        return path
    folder.mkdir(parents=True, exist_ok=True)
    kept = folder / path.name
    shutil.copyfile(path, kept)
    return kept


def _keep_reaching(name: str, home: Path, work: Path, most: int) -> None:
    """Adds small inputs of the run that reach what seeds and corpus do not."""
    done = subprocess.run(
        [sys.executable, "-m", "fuzz.reach", name, str(home), str(most), str(work / "inputs")],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
    )
    for path in json.loads(done.stdout):
        _keep(Path(path), name, home)


def _traceback(text: str) -> str:
    begin = text.rfind("=== Uncaught Python exception: ===")
    return _tail(text if begin < 0 else text[begin : text.find("==", begin + 40)])


def _tail(text: str) -> str:
    return "\n".join(f"    {line}" for line in text.strip().splitlines()[-25:])


def _print(result: Result) -> None:
    judged = result.judged
    cost = ""
    if judged:
        cost = (
            f", {judged['measured']} of {judged['inputs']} kept inputs measured ({judged['accepted']} accepted):"
            f" at most {judged['slowest_ms']:.1f} ms and {judged['peak_mib']:.2f} MiB"
        )
    print(f"{'FOUND ' if result.findings else 'ok    '}{result.name}: {result.runs:,} inputs run{cost}", flush=True)
    for finding in result.findings:
        print(f"  {finding}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
