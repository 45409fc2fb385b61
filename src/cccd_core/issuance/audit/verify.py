"""Whether a trail is as it was written, and which entry is the first that is not. Lines in, findings out.

Two kinds of proof are laid together. The chain: every line names the hash of the one before, so that whoever alters a
line and leaves the rest is noticed at once. The blocks: a key signed for the hash of the last entry and for a list of
what each entry said; by that list the entry is named that is altered, gone, put in or moved, also where all the hashes
were made anew. What stands behind the last block is held by the chain alone, and what was cut off the end is known to
anchors alone.

A trail is read line by line, and of one that is sound nothing is held (`audit.proven`). Where one is not, the lines
behind the last sound block are held and laid beside each other (`audit.walk`), so many of them at the most.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Final

from cccd_core.errors import Fact
from cccd_core.issuance.audit import chain
from cccd_core.issuance.audit.chain import Code, Statement
from cccd_core.issuance.audit.findings import AuditKey, Finding, Verification, Wrong
from cccd_core.issuance.audit.proven import Proven
from cccd_core.issuance.audit.stores import BytesReader, TrailReader
from cccd_core.issuance.audit.walk import Walk, compare_with_signed

LOOKED_AT_MOST: Final = 200_000
"""So many lines behind the last sound block are looked at where something is wrong."""

# What is told first of one entry: what the signed lists say is exact, and goes before what the chain alone suggests.
_RANK = {Wrong.NOT_A_TRAIL: 0, Wrong.OTHER_TRAIL: 0, Wrong.REORDERED: 0, Wrong.BLOCK_ALTERED: 2, Wrong.REWRITTEN: 2}


def verify(
    trail: bytes | TrailReader,
    *,
    about: str | None = None,
    keys: Sequence[AuditKey] = (),
    anchors: Iterable[Statement] = (),
    codes: Iterable[Code] = (),
) -> Verification:
    """Verifies a whole trail. `about`: which run it must be of; `keys`: those that may have signed it (none: signatures
    are not looked at, which the result says); `anchors` and `codes` of any trails, of which those of this one count.

    Never raises for what stands in the trail. FileError where it cannot be read.
    """
    reader = BytesReader(trail) if isinstance(trail, bytes) else trail
    known, sought = list(anchors), list(codes)
    proven = Proven(tuple(keys), about, [*(one.entries for one in known), *(one.entries for one in sought)])
    torn, sound = False, True
    for line in reader.lines():
        torn = not line.endswith(b"\n")
        sound = torn or proven.take(line[:-1])
        if not sound or torn:
            break
    left = 0
    if sound and proven.now.lines:
        walk = Walk.behind(tuple(keys), proven, proven.now, lambda _: None)
    else:
        walk, torn, left = _looked_at(reader, proven, tuple(keys), about)
    walk.end()
    compare_with_signed(walk)
    borne_out = _compare_with_known(walk, known, sought, whole=not left)
    if not reader.guarded:
        walk.findings.append(Finding(Wrong.UNGUARDED, walk.count + left + 1))
    findings = sorted(walk.findings, key=lambda one: (one.number, _RANK.get(one.what, 1)))
    first_bad = findings[0].number if findings else walk.count + 1
    return Verification(
        version=walk.version, trail=walk.trail, about=walk.about, entries=walk.count, blocks=walk.blocks,
        signed=max(0, min(walk.signed_to, first_bad - 1)), anchored=max(0, min(borne_out, first_bad - 1)),
        keys_given=bool(walk.keys),
        torn=torn, first_at=walk.first_at, last_at=walk.latest,
        code=None if walk.trail is None or walk.head is None else chain.code_of(walk.trail, walk.count, walk.head),
        back=walk.back, findings=tuple(findings), left=left,
    )  # fmt: skip


def _looked_at(
    reader: TrailReader, proven: Proven, keys: tuple[AuditKey, ...], about: str | None
) -> tuple[Walk, bool, int]:
    """The lines behind those that were proven sound; whether the last one is torn, and how many were not looked at."""
    sound = proven.sound
    lines = reader.lines(sound.lines)
    if sound.lines:
        walk = Walk.behind(keys, proven, sound, lambda digest: _number_of(reader, digest, sound.lines))
    else:
        walk = Walk(keys)
        first = next(lines, b"")
        walk.begin(first.removesuffix(b"\n") if first.endswith(b"\n") else b"", about)
        if first and not first.endswith(b"\n"):
            return walk, True, 0
        if walk.version == 1:
            walk.take(first[:-1])
    most = None if walk.version == 1 else LOOKED_AT_MOST
    for line in islice(lines, most):
        if not line.endswith(b"\n"):
            return walk, True, 0
        walk.take(line[:-1])
    return walk, False, sum(1 for _ in lines)


def _number_of(reader: TrailReader, digest: str, lines: int) -> int | None:
    """The number of the first entry among so many lines that says what has this digest."""
    for line in islice(reader.lines(), lines):
        record = chain.decoded(line[:-1])
        number = None if record is None else record.get("seq")
        if record is not None and isinstance(number, int) and chain.content_digest(record) == digest:
            return number
    return None


def _compare_with_known(walk: Walk, anchors: list[Statement], codes: list[Code], *, whole: bool) -> int:
    """Lays the trail beside what is known of it elsewhere; up to which entry that bears it out. `whole`: whether the
    walk came to the end, so that what is not there is cut off."""
    known = 0
    own = [one for one in anchors if one.trail == walk.trail]
    own_codes = [one for one in codes if walk.trail is not None and walk.trail.startswith(one.trail)]
    if (anchors or codes) and not own and not own_codes:
        walk.findings.append(Finding(Wrong.NO_ANCHOR, 0, {"anchors": len(anchors) + len(codes)}))
    for anchor in own:
        if walk.keys and not any(key.name == anchor.key and key.signed(anchor) for key in walk.keys):
            facts: dict[str, Fact] = {"entries": anchor.entries, "key": anchor.key}
            walk.findings.append(Finding(Wrong.ANCHOR_NOT_SIGNED_SO, anchor.entries, facts))
            continue
        at = chain.time_text(anchor.at)
        same = anchor.entries <= walk.count and walk.mark(anchor.entries) == anchor.head
        known = _known(walk, anchor.entries, known, same, {"anchored_at": at, "head": anchor.head}, whole)
    for code in own_codes:
        mark = walk.mark(code.entries)
        same = mark is not None and walk.trail is not None and code.fits(walk.trail, mark)
        known = _known(walk, code.entries, known, same, {"code": code.signs}, whole)
    return known


def _known(walk: Walk, entries: int, known: int, same: bool, facts: dict[str, Fact], whole: bool) -> int:
    if entries > walk.count and not whole:
        return known
    if entries > walk.count:
        walk.findings.append(Finding(Wrong.CUT_OFF, walk.count + 1, {"entries": entries, **facts}))
    elif not same:
        if not any(one.number <= entries for one in walk.findings):
            walk.findings.append(Finding(Wrong.REWRITTEN, entries, facts))
    else:
        return max(known, entries)
    return known
