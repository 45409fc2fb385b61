"""Arrays of PostgreSQL as text: a server reads what was meant, whatever stands in the values."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cccd_core.storage.postgres_arrays import array
from support.postgres_server import Server

TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=("Cs",)), max_size=8)
SPECIAL = st.sampled_from(['"', "\\", "{", "}", ",", "NULL", "null", "", " ", "\n", "'", '"}', "\\x00", "Đ", "Ð"])
KINDS = {
    "text": st.one_of(TEXTS, SPECIAL),
    "bigint": st.integers(-(1 << 63), (1 << 63) - 1),
    "integer": st.integers(-(1 << 31), (1 << 31) - 1),
    "bytea": st.binary(max_size=20),
    "date": st.dates(),
}


@pytest.mark.postgres
@pytest.mark.parametrize("kind", KINDS)
def test_a_server_reads_what_was_meant(postgres: Server, kind: str) -> None:
    import psycopg

    with psycopg.connect(postgres.url("postgres"), autocommit=True) as connection:

        @settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow])
        @given(st.lists(st.one_of(st.none(), KINDS[kind]), max_size=12), st.lists(KINDS[kind], max_size=12))
        def check(some: list[object], full: list[object]) -> None:
            for values in (some, full):
                found = connection.execute(f"SELECT %s::{kind}[]".encode(), (array(values),)).fetchone()
                assert found == (values,)

        check()


def test_columns_of_one_kind_and_of_several() -> None:
    assert array([]) == "{}"
    assert array([1, -2]) == "{1,-2}"
    assert array(["a", "b c"]) == '{"a","b c"}'
    assert array(['a"', "\\"]) == '{"a\\"","\\\\"}'
    assert array([b"\x00", b""]) == '{"\\\\x00","\\\\x"}'
    assert array([None, "NULL", 7, b"a", date(2026, 11, 2)]) == '{NULL,"NULL",7,"\\\\x61",2026-11-02}'


@pytest.mark.parametrize("value", [True, 1.5, datetime(2026, 11, 2, tzinfo=UTC), ["a"], {}])
def test_what_no_array_is_made_of(value: object) -> None:
    with pytest.raises(TypeError):
        array(["a", value])
