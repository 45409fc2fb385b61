"""What came of judging something by the rules: every rule with its outcome, the reason, and what the policy does.

A `Judgement` gathers findings while something is judged; a `Report` is the finished whole. Reasons and facts hold
names of certificates, algorithms and times, never what a document says of a person."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import ClassVar, Final

from cccd_core.errors import CccdError, Fact
from cccd_core.pki.policy import VerificationPolicy, require_policy
from cccd_core.pki.rules import RULES, Action, Rule
from cccd_core.plain import Json

IGNORED: Final = "the policy ignores this rule"


class Outcome(StrEnum):
    """What came of a rule."""

    HELD = "held"
    FAILED = "failed"
    NOT_CHECKED = "not_checked"


@dataclass(frozen=True, slots=True)
class Finding:
    """One rule asked of one thing: `about` says of which (`document signer`, `CSCA`, `revocation list`, `DG2`, ...),
    `why` what was found, `facts` the same for programs."""

    rule: Rule
    outcome: Outcome
    action: Action
    about: str = ""
    why: str = ""
    facts: tuple[tuple[str, Fact], ...] = ()

    @property
    def refuses(self) -> bool:
        """Whether the policy refuses for it."""
        return self.outcome is Outcome.FAILED and self.action is Action.REFUSE

    @property
    def flags(self) -> bool:
        """Whether it is accepted by exception."""
        return self.outcome is Outcome.FAILED and self.action is Action.FLAG

    def error(self) -> CccdError:
        """The error of a rule that did not hold: its facts, and with them `check` (the topic) and `rule` (the word)."""
        row = RULES[self.rule]
        facts = {"check": row.check, "rule": self.rule.value, **({"about": self.about} if self.about else {})}
        return row.error(self.why or row.text, **{**facts, **dict(self.facts)})

    def as_dict(self) -> dict[str, Json]:
        """JSON-ready."""
        return {
            "rule": self.rule.value, "outcome": self.outcome.value, "action": self.action.value, "about": self.about,
            "why": self.why, "clause": RULES[self.rule].clause, "facts": dict(self.facts),
        }  # fmt: skip


_HELD: Final = Outcome.HELD
_IGNORE: Final = Action.IGNORE


@lru_cache(maxsize=4096)
def _finding(rule: Rule, outcome: Outcome, action: Action, about: str, why: str) -> Finding:
    """A finding without facts: the same ones come up in every document."""
    return Finding(rule, outcome, action, about, why)


@dataclass(frozen=True, slots=True)
class Judged:
    """All findings of a judgement, the rules that held of something, and whether one refuses."""

    policy: VerificationPolicy
    findings: tuple[Finding, ...]
    held: frozenset[Rule]
    refused: bool


class Judgement:
    """Findings being gathered under one policy. A rule that the policy ignores is found once, as not checked."""

    __slots__ = ("_actions", "_held", "_ignored", "findings", "policy", "refused")

    def __init__(self, policy: VerificationPolicy) -> None:
        require_policy(policy)
        self.policy = policy
        self.findings: list[Finding] = []
        self.refused = False
        self._actions = policy.actions
        self._held: set[Rule] = set()
        self._ignored: set[Rule] = set()

    def held(self, rule: Rule, about: str = "", why: str = "") -> None:
        """The rule holds of this."""
        action = self._actions[rule]
        if action is _IGNORE:
            self._ignore(rule)
        else:
            self.findings.append(_finding(rule, _HELD, action, about, why))
            self._held.add(rule)

    def failed(self, rule: Rule, about: str = "", why: str = "", **facts: Fact) -> None:
        """The rule does not hold of this."""
        self._add(rule, Outcome.FAILED, about, why, facts)

    def unknown(self, rule: Rule, about: str = "", why: str = "") -> None:
        """It cannot be told whether the rule holds of this."""
        self._add(rule, Outcome.NOT_CHECKED, about, why, {})

    def require(self, rule: Rule, holds: bool, about: str, why: str, **facts: Fact) -> bool:
        """Held or failed; `why` and `facts` are said where it failed."""
        if holds:
            self.held(rule, about)
        else:
            self._add(rule, Outcome.FAILED, about, why, facts)
        return holds

    def include(self, judged: Judged) -> None:
        """What was judged elsewhere under the same policy."""
        self.findings.extend(judged.findings)
        self._held |= judged.held
        self.refused |= judged.refused

    def close(self) -> Judged:
        """The whole of it."""
        return Judged(self.policy, tuple(self.findings), frozenset(self._held), self.refused)

    def _add(self, rule: Rule, outcome: Outcome, about: str, why: str, facts: dict[str, Fact]) -> None:
        action = self._actions[rule]
        if action is _IGNORE:
            self._ignore(rule)
            return
        if facts:
            self.findings.append(Finding(rule, outcome, action, about, why, tuple(facts.items())))
        else:
            self.findings.append(_finding(rule, outcome, action, about, why))
        if outcome is Outcome.FAILED and action is Action.REFUSE:
            self.refused = True

    def _ignore(self, rule: Rule) -> None:
        if rule not in self._ignored:
            self._ignored.add(rule)
            self.findings.append(_finding(rule, Outcome.NOT_CHECKED, _IGNORE, "", IGNORED))


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """All findings, in the order in which they were made. `NEEDED` are the rules that must have held for acceptance."""

    NEEDED: ClassVar[frozenset[Rule]] = frozenset()

    judged: Judged

    @property
    def policy(self) -> VerificationPolicy:
        """Under which it was judged."""
        return self.judged.policy

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What was found, rule by rule."""
        return self.judged.findings

    @property
    def accepted(self) -> bool:
        """Whether nothing refuses, and what acceptance rests on was checked and held."""
        return not self.judged.refused and self.judged.held >= self.NEEDED

    @property
    def refusals(self) -> tuple[Finding, ...]:
        """What refuses."""
        return tuple(finding for finding in self.findings if finding.refuses)

    @property
    def flags(self) -> tuple[Finding, ...]:
        """What does not hold and is accepted by exception."""
        return tuple(finding for finding in self.findings if finding.flags)

    @property
    def unchecked(self) -> tuple[Finding, ...]:
        """What could not be checked, or was ignored, each with the reason; rules that never came up are in `rules`."""
        return tuple(finding for finding in self.findings if finding.outcome is Outcome.NOT_CHECKED)

    @property
    def rules(self) -> dict[Rule, Outcome]:
        """Each rule of the table with its outcome here: failed where it failed of anything, held where it held of all
        it was asked of, not checked otherwise."""
        found = dict.fromkeys(Rule, Outcome.NOT_CHECKED)
        seen: set[Rule] = set()
        for finding in self.findings:
            rule = finding.rule
            if finding.outcome is Outcome.FAILED or rule not in seen:
                found[rule] = finding.outcome
            elif finding.outcome is Outcome.NOT_CHECKED and found[rule] is Outcome.HELD:
                found[rule] = Outcome.NOT_CHECKED
            seen.add(rule)
        return found

    def why(self, rule: Rule) -> str:
        """The reason of a rule's outcome, in words."""
        outcome = self.rules[rule]
        reasons = [finding.why for finding in self.findings if finding.rule is rule and finding.outcome is outcome]
        if reasons:
            return "; ".join(dict.fromkeys(reason for reason in reasons if reason))
        return "nothing here that it is about, or not reached"

    def require(self) -> None:
        """Raises the error of the first finding that refuses."""
        if self.judged.refused:
            raise self.refusals[0].error()
        missing = self.NEEDED - self.judged.held
        if missing:
            raise CccdError("what acceptance rests on was not checked", rules=" ".join(sorted(missing)))

    def as_dict(self) -> dict[str, Json]:
        """JSON-ready: verdict, policy, every rule."""
        seen = {finding.rule for finding in self.findings}
        rest: list[Json] = [
            Finding(rule, Outcome.NOT_CHECKED, self.policy[rule], "", self.why(rule)).as_dict()
            for rule in Rule
            if rule not in seen
        ]
        rows: list[Json] = [finding.as_dict() for finding in self.findings]
        return {
            "accepted": self.accepted,
            "policy": {"name": self.policy.name, "digest": self.policy.digest},
            "refusals": [finding.rule.value for finding in self.refusals],
            "flags": [finding.rule.value for finding in self.flags],
            "rules": rows + rest,
        }
