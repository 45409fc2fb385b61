"""What `cccd card read` and `cccd card verify` show of an inspection. Prints; no logic."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cccd_core.cli.terminal import cell, say, show, table

if TYPE_CHECKING:
    from cccd_core.inspection import Inspection
    from cccd_core.issuance.holder import HolderComparison
    from cccd_core.pki import DocumentReport


def show_fields(inspection: Inspection) -> None:
    """What the chip says, field by field, and what of it is odd."""
    rows = table("field", "on the card", title="The card, field by field")
    for name, value in inspection.fields.items():
        rows.add_row(cell(name), cell(value))
    show(rows)
    if inspection.odd:
        odd = table("part", "what is odd about it")
        for name, why in inspection.odd.items():
            odd.add_row(cell(name), cell(why))
        show(odd)


def show_files(inspection: Inspection) -> None:
    """What became of each file."""
    rows = table("file", "state", "bytes", "detail", right=["bytes"])
    for found in inspection.found.values():
        rows.add_row(cell(found.file.label), cell(found.state), cell(found.length or ""), cell(found.detail))
    show(rows)


_STYLES = {"held": "green", "failed": "bold red", "untold": "yellow", "absent": ""}


def show_checks(inspection: Inspection) -> None:
    """Every check, and every rule of passive authentication."""
    rows = table("check", "outcome", "detail")
    for check in inspection.checks:
        outcome = "FAILED" if check.passed is False else str(check.outcome)
        rows.add_row(cell(check.label), cell(outcome, _STYLES[check.outcome]), cell(check.detail))
    show(rows)
    if inspection.passive is not None:
        _show_rules(inspection.passive)


def _show_rules(report: DocumentReport) -> None:
    from cccd_core.pki import RULES

    flagged = {flag.rule for flag in report.flags}
    rows = table("rule", "outcome", "why", "clause", title=f"Passive authentication, policy {report.policy.name}")
    for rule, outcome in report.rules.items():
        said = "flagged" if rule in flagged else str(outcome)
        style = {"held": "green", "failed": "bold red", "flagged": "yellow"}.get(said, "")
        rows.add_row(cell(rule), cell(said, style), cell(report.why(rule)), cell(RULES[rule].clause))
    show(rows)


def show_verdict(inspection: Inspection, holder: HolderComparison | None, fingers: bool) -> None:
    """The reasons and, last, all that the exit code stands for; `fingers`: some were given."""
    if holder is not None:
        said = "the holder's" if holder.matched else "NOT the holder's"
        rate = f"score {holder.score:.1f}, {holder.threshold:.1f} is needed for a false match rate of {holder.fmr:g}"
        say(f"finger: {said} ({rate})")
    elif fingers:
        say("finger: could not be compared, DG3 was not read or holds nothing to compare")
    if inspection.expired:
        say("expired: yes")
    for reason in inspection.reasons:
        say(f"reason: {reason}")
    say(f"verdict: {closing(inspection, holder, fingers)}")


def closing(inspection: Inspection, holder: HolderComparison | None, fingers: bool) -> str:
    """All that the exit code stands for, worst first: a genuine chip of another person, or out of force, is no pass."""
    from cccd_core.inspection import Verdict

    verdict = inspection.verdict
    faults = ["the document has expired"] if inspection.expired else []
    if holder is not None and not holder.matched:
        faults.append("the finger is NOT the holder's")
    missing = ["the finger could not be compared"] if fingers and holder is None else []
    if inspection.expired is None and verdict is Verdict.GENUINE:
        missing.append("until when it is valid could not be read")
    if verdict is Verdict.NOT_GENUINE or not (faults or missing):
        return "; ".join((verdict.label, *faults, *missing))
    chip = "the chip is genuine" if verdict is Verdict.GENUINE else "whether the chip is genuine could not be told"
    return f"{'does NOT pass' if faults else 'could not tell'}: {'; '.join((*faults, *missing, chip))}"
