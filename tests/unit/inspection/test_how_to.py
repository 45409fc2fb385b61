"""The example of the how-to on verifying runs as it stands, at a card in memory instead of a reader."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from cccd_core.card import Link, MemoryLink
from cccd_core.card.transport import pcsc
from support import cards
from support.cards import Country
from support.documents import document

PAGE = Path(__file__).resolve().parents[3] / "docs" / "how-to" / "verify-a-card.md"


@pytest.mark.parametrize("known", [True, False])
def test_the_example(
    known: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    found = re.search(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert found is not None
    country = Country.make(tmp_path / "pki")
    one = document(country)

    def link(reader: str) -> Link:
        assert reader == "the reader"
        return MemoryLink(one.card)

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(pcsc, "find_reader", lambda: "the reader")
    monkeypatch.setattr(pcsc, "PcscLink", link)
    code = found[1].replace("123456", one.can if known else "000000")
    exec(compile(code, str(PAGE), "exec"), {})
    said = capsys.readouterr().out
    if known:
        assert said == cards.content(1).full_name + "\n"
    else:
        assert said.startswith("could not tell\nPACE: ")
