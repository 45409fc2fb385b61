"""What happens where a rule does not hold: a value that a caller hands in, with a name and a digest for manifests.

Nothing is decided by silence: the default is `strict`, `legacy` is for passports of past years, and a rule that a
policy ignores stands in every result as not checked for that reason."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from types import MappingProxyType
from typing import ClassVar, Final

from cccd_core.arguments import require_type
from cccd_core.errors import ParameterError
from cccd_core.pki.rules import RULES, Action, Rule

_NAMED: Final = {
    "strict": {rule: row.strict for rule, row in RULES.items()},
    "legacy": {rule: row.legacy for rule, row in RULES.items()},
}


class VerificationPolicy:
    """An action for each rule: one of the named policies, `STRICT` or `LEGACY`, with the changes that a caller made:
    `VerificationPolicy.STRICT.with_(fresh_list="refuse")`. Immutable; two are equal where their actions are.

    `digest` is SHA-256 over the sorted `rule=action` lines, hexadecimal: it goes into manifests beside `name`.
    """

    __slots__ = ("_actions", "base", "digest")

    STRICT: ClassVar[VerificationPolicy]
    LEGACY: ClassVar[VerificationPolicy]

    _actions: Mapping[Rule, Action]
    base: str
    digest: str

    def __init__(self, base: str, changes: Mapping[Rule, Action] | None = None) -> None:
        require_type(base, str, "base")
        if base not in _NAMED:
            raise ParameterError("a policy begins with strict or legacy", policy=base[:40])
        actions = {**_NAMED[base], **(changes or {})}
        for rule, action in actions.items():
            if RULES[rule].fixed and action is not Action.REFUSE:
                raise ParameterError("a rule without which nothing is proved cannot be changed", rule=rule.value)
        lines = "\n".join(sorted(f"{rule.value}={action.value}" for rule, action in actions.items()))
        object.__setattr__(self, "base", base)
        object.__setattr__(self, "_actions", MappingProxyType(actions))
        object.__setattr__(self, "digest", hashlib.sha256(lines.encode("ascii")).hexdigest())

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"a policy does not change: {name}")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, VerificationPolicy) and self.digest == other.digest

    def __hash__(self) -> int:
        return hash(self.digest)

    def __repr__(self) -> str:
        return f"VerificationPolicy({self.name!r})"

    def __reduce__(self) -> tuple[object, ...]:
        return (VerificationPolicy, (self.base, self._changes()))

    def __getitem__(self, rule: Rule) -> Action:
        return self._actions[rule]

    @property
    def actions(self) -> Mapping[Rule, Action]:
        """The action of each rule."""
        return self._actions

    @property
    def name(self) -> str:
        """`strict`, `legacy`, or that with the changes: `legacy,issuing_state=flag`. `parse` reads it back."""
        return ",".join((self.base, *(f"{rule.value}={action.value}" for rule, action in self._changes().items())))

    def _changes(self) -> dict[Rule, Action]:
        named = _NAMED[self.base]
        return {rule: action for rule, action in self._actions.items() if action is not named[rule]}

    def with_(self, **changes: str) -> VerificationPolicy:
        """This policy with other actions for the rules named, as words: `refuse`, `flag`, `ignore`. ParameterError for
        a word that is none, and for a rule that cannot be changed."""
        read: dict[Rule, Action] = {}
        for word, action in changes.items():
            require_type(action, str, word[:40])
            try:
                read[Rule(word)] = Action(action)
            except ValueError:
                raise ParameterError("no such rule or action", rule=word[:40], action=action[:40]) from None
        return VerificationPolicy(self.base, {**self._changes(), **read})

    @classmethod
    def parse(cls, text: str) -> VerificationPolicy:
        """`strict`, `legacy`, or one of them followed by `,rule=action` as often as needed. ParameterError."""
        require_type(text, str, "policy")
        base, *changes = (part.strip() for part in text.split(","))
        words = {rule.strip(): action.strip() for rule, _, action in (change.partition("=") for change in changes)}
        return cls(base).with_(**words)


def require_policy(policy: object) -> None:
    """ParameterError for what is no policy: the name of one is not one."""
    if not isinstance(policy, VerificationPolicy):
        raise ParameterError(
            "a policy is a VerificationPolicy; VerificationPolicy.parse reads one from its name", field="policy",
            given=type(policy).__name__,
        )  # fmt: skip


VerificationPolicy.STRICT = VerificationPolicy("strict")
VerificationPolicy.LEGACY = VerificationPolicy("legacy")
