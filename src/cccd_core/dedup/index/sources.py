"""What an index is made from: a gallery that numbers its people, what prepares fingers, what codes them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from cccd_core.dedup.person import EnrolledPerson
from cccd_core.matching.parameters import MatcherParameters
from cccd_core.matching.prepared import PreparedTemplate
from cccd_core.templates import FingerTemplate


class Numbered(Protocol):
    """A person, and the number that nobody else of the gallery ever has."""

    @property
    def sequence(self) -> int: ...

    @property
    def person(self) -> EnrolledPerson: ...


class Withdrawn(Protocol):
    """Somebody taken out or given other templates: the withdrawal's own number, and the person's."""

    @property
    def sequence(self) -> int: ...

    @property
    def kind(self) -> str: ...

    @property
    def place(self) -> int: ...


class Truth(Protocol):
    """What an index asks of a gallery; see `dedup.gallery`."""

    @property
    def gallery_id(self) -> str: ...

    def last_sequence(self) -> int: ...

    def last_withdrawal(self) -> int: ...

    def entries(self, after: int = 0, until: int | None = None) -> Iterator[Numbered]: ...

    def entries_of(self, sequences: Sequence[int]) -> Sequence[Numbered]: ...

    def withdrawals(self, after: int = 0) -> Iterator[Withdrawn]: ...


class Preparer(Protocol):
    """What makes prepared fingers of templates: `matching.Matcher`."""

    @property
    def parameters(self) -> MatcherParameters: ...

    def prepare(self, template: FingerTemplate) -> PreparedTemplate: ...


class CodeColumn(Protocol):
    """One kind of code, and how many bytes a finger has."""

    @property
    def name(self) -> str: ...

    @property
    def bytes_per_finger(self) -> int: ...


class Coder(Protocol):
    """What makes codes of templates: `dedup.codes.FingerCoder`. Deterministic bit for bit."""

    @property
    def digest(self) -> str: ...

    @property
    def columns(self) -> Sequence[CodeColumn]: ...

    def encode(self, templates: Sequence[FingerTemplate], *, threads: int = 1) -> Mapping[str, NDArray[np.uint8]]: ...
