"""Whatever a reader sends, and in whatever order: DG3 opens to nobody whose chain does not grant it, and the day never
goes back. Beside the card runs a slow truth of what it must allow, written from BSI TR-03110-3 2.5 and B.3."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from functools import cache

from hypothesis import given, settings
from hypothesis import strategies as st

from cccd_core.card import CardConnection, ChipReader, CommandApdu, MemoryLink
from cccd_core.card.profile import TerminalTrust
from cccd_core.card.virtual import VirtualCard
from cccd_core.card.virtual.state import Trust
from cccd_core.emrtd.cv import CvCertificate, Right, Role
from cccd_core.emrtd.files import ElementaryFile
from cccd_core.emrtd.tlv import encode
from cccd_core.pki.cv import CvKey, certify, link, make_request
from support.chip import CAN, personalised
from support.terminals import TODAY, Hierarchy, days, pair

KEYS = ("VNTESTCVCA00001", "VNTESTCVCA00002", "VNTESTDV00001", "VNTESTDV00002", "VNTESTIS00001", "VNTESTIS00002")


@cache
def _country() -> Hierarchy:
    return Hierarchy(*(_pairs()[name] for name in (KEYS[0], KEYS[2], KEYS[4])))


@cache
def _pairs() -> dict[str, CvKey]:
    return {name: pair(name) for name in KEYS}


@cache
def _card() -> tuple[VirtualCard, dict[ElementaryFile, bytes], Trust]:
    card, files = personalised(portrait_bytes=200, trust=TerminalTrust(_country().root().encoded, TODAY))
    assert card.memory.trust is not None
    return card, files, card.memory.trust


@cache
def _issued(by: str, to: str, role: Role, rights: int, effective: int, expiration: int) -> CvCertificate:
    pairs = _pairs()
    dates = {"effective": days(effective), "expiration": days(expiration)}
    if role is Role.CVCA:
        return link(pairs[by], pairs[to], rights=Right(rights), **dates)
    return certify(pairs[by], make_request(pairs[to]), role=role, rights=Right(rights), **dates)


dates = st.sampled_from(((-9, -3), (-2, 5), (1, 8), (4, 40)))
certificates = st.one_of(
    st.builds(lambda rights, d: (KEYS[0], KEYS[1], Role.CVCA, rights, *d), st.sampled_from((1, 3)), dates),
    st.builds(
        lambda by, to, role, rights, d: (by, to, role, rights, *d),
        st.sampled_from(KEYS[:2]), st.sampled_from(KEYS[2:4]), st.sampled_from((Role.DV_DOMESTIC, Role.DV_FOREIGN)),
        st.integers(0, 3), dates,
    ),
    st.builds(
        lambda by, to, rights, d: (by, to, Role.IS, rights, *d),
        st.sampled_from(KEYS[:4]), st.sampled_from(KEYS[4:]), st.integers(0, 3), dates,
    ),
)  # fmt: skip
steps = st.one_of(
    st.tuples(st.just("dst"), st.sampled_from(KEYS)),
    st.tuples(st.just("give"), certificates),
    st.tuples(st.just("send"), certificates),
    st.tuples(st.just("at"), st.sampled_from(KEYS)),
    st.tuples(st.just("challenge"), st.just(None)),
    st.tuples(st.just("prove"), st.sampled_from(KEYS[4:])),
    st.tuples(st.just("chip"), st.just(None)),
)


def _whole(link_first: bool, role: Role, rights: tuple[int, int], date: tuple[int, int]) -> list[tuple[str, object]]:
    """A terminal that does all in order, by the first key of the CVCA or the next one."""
    root = KEYS[link_first]
    links = [("give", (KEYS[0], KEYS[1], Role.CVCA, 3, 0, 40))] if link_first else []
    return [
        *links,
        ("give", (root, KEYS[2], role, rights[0], *date)),
        ("give", (KEYS[2], KEYS[4], Role.IS, rights[1], *date)),
        ("at", KEYS[4]),
        ("challenge", None),
        ("prove", KEYS[4]),
    ]


whole = st.builds(
    _whole, st.booleans(), st.sampled_from((Role.DV_DOMESTIC, Role.DV_FOREIGN)),
    st.tuples(st.integers(0, 3), st.integers(0, 3)), dates,
)  # fmt: skip
stories = st.one_of(
    st.lists(steps, max_size=10),
    st.builds(
        lambda before, main, after: [*before, *main, *after],
        st.lists(steps, max_size=2), whole, st.lists(steps, max_size=4),
    ),
    st.builds(lambda main, place, odd: [*main[:place], odd, *main[place:]], whole, st.integers(0, 6), steps),
)  # fmt: skip


@dataclass
class Known:
    """A key that the truth knows: until when, in which role, with which rights along the chain."""

    expiration: dt.date
    role: Role
    rights: int


@dataclass
class Truth:
    """What the card must do."""

    today: dt.date = TODAY
    points: list[str] = field(default_factory=lambda: [KEYS[0]])
    point: dict[str, Known] = field(default_factory=lambda: {KEYS[0]: Known(days(900), Role.CVCA, 3)})
    dv: tuple[str, Known] | None = None
    system: tuple[str, Known] | None = None
    issuer: str | None = None
    issuer_key: Known | None = None
    chosen: tuple[str, Known] | None = None
    nonce: bool = False
    rights: int = 0

    def new_channel(self) -> None:
        self.dv = self.system = self.issuer = self.issuer_key = self.chosen = None
        self.nonce, self.rights = False, 0

    def dst(self, name: str) -> bool:
        self.issuer = self.issuer_key = None
        if name in self.points:
            self.issuer, self.issuer_key = name, self.point[name]
        elif self.dv and self.dv[0] == name:
            self.issuer, self.issuer_key = self.dv
        return self.issuer is not None

    def verify(self, by: str, to: str, role: Role, rights: int, effective: int, expiration: int) -> bool:
        issuer, key = self.issuer, self.issuer_key
        self.issuer = self.issuer_key = None
        if key is None or issuer != by:
            return False
        may = role is not Role.IS if key.role is Role.CVCA else role is Role.IS
        end = days(expiration)
        if not may or (role is not Role.CVCA and min(end, key.expiration) < self.today):
            return False
        known = Known(end, role, rights if role is Role.CVCA else rights & key.rights)
        if role is not Role.IS or key.role is Role.DV_DOMESTIC:
            self.today = max(self.today, days(effective))
        if role is Role.CVCA:
            if to not in self.points:
                self.points = [to, *self.points][:2]
                self.point[to] = known
        elif role is Role.IS:
            self.system = to, known
        else:
            self.dv = to, known
        return True

    def prove(self, name: str) -> bool:
        nonce, self.nonce = self.nonce, False
        if not nonce or self.chosen is None or self.chosen[0] != name:
            return False
        self.rights = self.chosen[1].rights
        return True


def test_a_card_does_what_the_standard_says() -> None:
    proved: list[int] = []

    @settings(max_examples=200)
    @given(stories)
    def tell(story: list[tuple[str, object]]) -> None:
        proved.append(_tell(story))

    tell()
    assert {rights for rights in proved if rights} == {1, 2, 3}, "stories that end well are among them"


def _tell(story: list[tuple[str, object]]) -> int:
    """Tells the card a story; the rights that it had at its end."""
    card, files, first = _card()
    card.memory.set_trust(first)
    truth, pairs = Truth(), _pairs()
    reader = ChipReader(CardConnection(MemoryLink(card)))
    reader.connection.reset()
    reader.open_pace(CAN)
    reader.chip_authentication(files[ElementaryFile.DG14])
    nonce = bytes(8)

    def send(ins: int, p1: int, p2: int, data: bytes = b"", ne: int | None = None) -> tuple[bool, bytes]:
        response = reader.connection.send(CommandApdu(0, ins, p1, p2, data, ne))
        return response.ok, response.data

    def named(name: str) -> bytes:
        return encode(0x83, name.encode())

    for what, about in story:
        if what == "dst":
            assert send(0x22, 0x81, 0xB6, named(str(about)))[0] == truth.dst(str(about))
        elif what in ("give", "send"):
            assert isinstance(about, tuple)
            if what == "give":
                assert send(0x22, 0x81, 0xB6, named(about[0]))[0] == truth.dst(about[0])
            given = _issued(*about).for_verification
            assert send(0x2A, 0x00, 0xBE, given)[0] == truth.verify(*about)
        elif what == "at":
            held = truth.system is not None and truth.system[0] == about
            truth.chosen = truth.system if held else None
            assert send(0x22, 0x81, 0xA4, named(str(about)))[0] == held
        elif what == "challenge":
            done, nonce = send(0x84, 0, 0, ne=8)
            assert done
            truth.nonce = True
        elif what == "prove":
            assert reader.pace is not None
            assert reader.chip is not None
            signature = pairs[str(about)].sign(reader.pace.chip_key + nonce + reader.chip.reader_key)
            assert send(0x82, 0, 0, signature)[0] == truth.prove(str(about))
        else:
            reader.chip_authentication(files[ElementaryFile.DG14])
            truth.new_channel()
        for right, fid in ((1, b"\x01\x03"), (2, b"\x01\x04")):
            assert send(0xA4, 0x02, 0x0C, fid)[0] == bool(truth.rights & right), what
        assert card.memory.trust is not None
        assert card.memory.trust.today == truth.today
        assert [str(point.holder) for point in card.memory.trust.points] == truth.points
    return truth.rights
