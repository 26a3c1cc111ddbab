"""Dates and numbers reach the verifier in one form."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from citewell.generate.verification.quantities import amounts_of
from citewell.generate.verification.uniform import uniform


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("It began on Mar. 3rd, 2019.", "It began on 2019-03-03."),
        ("It began on 3 March 2019.", "It began on March 3, 2019."),
        ("It ended in Sept 2001.", "It ended in September 2001."),
        ("It ended in March of 2001.", "It ended in March 2001."),
        ("Terminó en marzo de 2001.", "Terminó en marzo del 2001."),
        ("Two hundred and five people came.", "205 people came."),
        ("It cost 1.5 million.", "It cost 1,500,000."),
        ("It fell by five per cent.", "It fell by 5%."),
        ("the twenty-first century", "the 21st century"),
        ("the fifth of them", "the 5th of them"),
        ("in nineteen ninety", "in 1990"),
        ("3 thousand men", "three thousand men"),
    ],
)
def test_two_ways_to_write_the_same_become_one(one: str, other: str) -> None:
    assert uniform(one) == uniform(other)


@pytest.mark.parametrize(
    "text",
    [
        "On 3/4/2019 or 4/3/2019.",  # either may be the month
        "Hundreds of people in their thirties, a dozen, a million; the first and the second half.",
        "Version 2.0.1 of 192.168.0.1 has 0.50 kg.",
        "May I ask? He may. One of them, and half.",
        "",
    ],
)
def test_what_has_one_reading_only_by_chance_stays(text: str) -> None:
    assert uniform(text) == text


@given(st.integers(min_value=0, max_value=10**9))
def test_a_whole_number_keeps_its_value(value: int) -> None:
    (found,) = amounts_of(uniform(f"There are {value:,} of them."))
    assert found.value == value


@given(st.text(max_size=200))
def test_any_text_is_read_and_a_second_time_changes_nothing_of_its_dates(text: str) -> None:
    once = uniform(text)
    assert isinstance(once, str)
    assert uniform("on 2019-03-03") in uniform(f"on 2019-03-03; {once}")
