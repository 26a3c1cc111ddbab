"""Editions are told from documents that appear anew for every period."""

from __future__ import annotations

import pytest

from citewell.core.editions import edition_of, newer_editions


def test_the_newest_edition_replaces_all_older_ones_of_the_same_document_and_folder() -> None:
    documents = {
        "a": ("Travel policy (2021)", "p/travel-2021.md"), "b": ("Travel policy (2023)", "p/travel-2023.md"),
        "c": ("Travel policy (2025)", "p/travel-2025.md"), "d": ("Travel policy (2027)", "drafts/travel-2027.md"),
        "e": ("Sabbatical", "p/sabbatical.md"),
    }  # fmt: skip
    assert newer_editions(documents) == {"a": "c", "b": "c"}


@pytest.mark.parametrize(
    ("title", "uri", "order"),
    [
        ("User guide v2.10", "g/guide.md", (2, 10)), ("Security policy, version 3", "g/s.md", (3,)), ("", "g/pension-scheme-2024.pdf", (2024,)),
    ],
)  # fmt: skip
def test_years_and_versions_are_read_from_title_or_name(title: str, uri: str, order: tuple[int, ...]) -> None:
    edition = edition_of(title, uri)
    assert edition is not None
    assert edition.order == order


def test_versions_compare_as_numbers_and_never_with_years() -> None:
    nine, ten = edition_of("User guide v2.9", "g/a"), edition_of("User guide v2.10", "g/b")
    year = edition_of("User guide (2019)", "g/c")
    assert nine
    assert ten
    assert year
    assert ten.replaces(nine)
    assert not nine.replaces(ten)
    assert not year.replaces(nine)


@pytest.mark.parametrize(
    "title",
    [
        "Annual report 2024",
        "Product board, 11 February 2025",
        "Minutes of 2025-02-11",
        "From 1998 to 2004",
        "Guide",
        "Budget 2025",
        "ISO 2024",
    ],
)
def test_what_appears_anew_for_every_period_is_no_edition(title: str) -> None:
    assert edition_of(title, "f/x.md") is None
