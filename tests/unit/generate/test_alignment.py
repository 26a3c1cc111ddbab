"""What a claim says exactly is found in its evidence, however it is written, or found to differ."""

from __future__ import annotations

import pytest

from citewell.core.verdicts import Claimed
from citewell.generate.verification.alignment import align
from citewell.generate.verification.numerals import spelled, words_value
from citewell.generate.verification.quantities import amounts_of, dates_of
from citewell.generate.verification.verifier import ClaimVerifier
from citewell.generate.verification.weights import Weights

EVIDENCE = (
    "Maria Holt founded the Graz office on 3 March 2019 with 12 engineers. The pump moves 1,500 litres an hour and must not be opened "
    "while it runs. Revenue rose by 45 percent to $3.2 million in 2021. The reading room is open weekly."
)


@pytest.mark.parametrize(
    "claim",
    [
        "The Graz office was founded by Maria Holt on March 3, 2019.",
        "Maria Holt founded the Graz office with twelve engineers on 2019-03-03.",
        "The pump moves 1500 litres an hour.",
        "Revenue rose by 45% to 3.2 million dollars in 2021.",
        "Revenue rose by 45 per cent in 2021.",
        "In 2021 revenue rose to $3,200,000.",
        "The pump mustn't be opened while it runs.",
    ],
)
def test_the_same_in_another_form_is_no_difference(claim: str) -> None:
    assert align(claim, EVIDENCE).findings == ()


@pytest.mark.parametrize(
    ("claim", "kind", "stated"),
    [
        ("Maria Holt founded the Graz office with thirteen engineers.", "number", "12"),
        ("Maria Holt founded the Graz office on 13/03/2019.", "date", "3 March 2019"),
        ("Maria Holt founded the Graz office on 3 May 2019.", "date", "3 March 2019"),
        ("The pump moves 1,500 gallons an hour.", "unit", "1,500 litres"),
        ("Revenue rose by 45 percentage points in 2021.", "unit", "45 percent"),
        ("Revenue rose by 45 percent to $3.2 billion in 2021.", "unit", "$3.2 million"),
        ("Revenue rose by 45 percent to $3.2 million in 2020.", "number", "2021"),
        ("Peter Holt founded the Graz office on 3 March 2019.", "name", "Maria"),
        ("Maria Holt founded the Linz office with 12 engineers.", "name", "Graz"),
        ("The pump must be opened while it runs.", "negation", "not"),
        ("Revenue fell by 45 percent in 2021.", "opposite", "rose"),
        ("The reading room is open monthly.", "unit", "weekly"),
    ],
)
def test_what_differs_is_named_with_what_is_stated(claim: str, kind: str, stated: str) -> None:
    (finding,) = align(claim, EVIDENCE).findings
    assert (finding.kind, finding.stated) == (kind, stated)
    assert finding.contradicts


def test_a_number_in_another_place_of_the_evidence_does_not_do() -> None:
    (finding,) = align("The pump moves 12 litres an hour and must not be opened while it runs.", EVIDENCE).findings
    assert (finding.kind, finding.stated) == ("number", "1,500 litres")


def test_what_is_nowhere_said_is_missing_and_contradicts_nothing() -> None:
    findings = align("The Vienna branch sells 70 models.", EVIDENCE).findings
    assert {(f.kind, f.contradicts) for f in findings} == {("name", False), ("number", False)}


def test_what_stands_in_the_header_counts_as_said() -> None:
    assert align("Nivarro N1 moves 1,500 litres an hour.", EVIDENCE).findings
    assert align("Nivarro N1 moves 1,500 litres an hour.", EVIDENCE, "Nivarro N1 › Pump").findings == ()


def test_a_quotation_is_known_by_its_letters_and_a_part_that_says_less_is_none() -> None:
    assert align("The reading room is open weekly.", EVIDENCE).verbatim
    assert not align("be opened while it runs", EVIDENCE).verbatim


@pytest.mark.parametrize(
    ("claim", "evidence"),
    [
        ("The maximum dose is 1.", "The maximum dose is 1.5 mg a day."),
        ("Siemens may take documents home.", "No employee of Siemens may take documents home."),
        ("5 million people live here.", "About 1.5 million people live here."),
        ("Donald sued the firm.", "McDonald sued the firm."),
        ("Aspirin cures cancer.", "There is no evidence that Aspirin cures cancer."),
        ("smoking is allowed.", "The following is wrong: smoking is allowed."),
        ("You may cancel within 14 days.", "You may cancel within 14 days; not if it was used."),
        ("Is smoking allowed.", "Is smoking allowed?"),
    ],
)
def test_a_part_of_a_sentence_is_no_quotation(claim: str, evidence: str) -> None:
    assert not align(claim, evidence).verbatim


def test_whole_sentences_in_their_marks_are_a_quotation() -> None:
    evidence = "It was late. “Nobody may smoke”. 2. Dogs stay out!"
    assert [align(claim, evidence).verbatim for claim in ("Nobody may smoke.", "2. Dogs stay out", "Dogs stay out.", "It was late. “Nobody may smoke”.")] == [True] * 4  # fmt: skip


@pytest.mark.parametrize(
    "claim",
    [
        "Maria Holt founded the Graz office on March 3rd, 2019 with twelve engineers.",
        "Maria Holt founded the Graz office on 2019-03-03 with 12 engineers",
        "Revenue rose by 45% to $3,200,000 in 2021.",
    ],
)
def test_a_sentence_with_its_dates_and_numbers_in_another_form_is_told_apart(claim: str) -> None:
    aligned = align(claim, EVIDENCE)
    assert (aligned.quotation, aligned.verbatim) == ("reformatted", False)
    assert len(aligned.spans) == 1


@pytest.mark.parametrize(
    ("claim", "evidence"),
    [
        ("The term began on 4 March 2019.", "The term began on 3/4/2019."),  # either may be the month
        ("It holds 1,500 litres.", "It holds 1.5 litres."),
        ("It takes thirteen days.", "It takes 30 days."),
        ("The office opened in May 2010.", "The office opened in March of 2010."),
        ("It rose by 5 percent.", "It rose by 5 percentage points."),
        ("Twelve engineers came.", "Twelve engineers came?"),
        ("Twelve engineers came.", "It is false that 12 engineers came."),
    ],
)
def test_another_date_number_or_frame_is_not_only_another_form(claim: str, evidence: str) -> None:
    assert align(claim, evidence).quotation == ""


def test_a_possessive_is_the_name() -> None:
    assert align("Seamans' committee met in July of 1961.", "Seamans' committee met in July 1961.").findings == ()


def test_the_sentences_that_carry_a_claim_are_told() -> None:
    text = "The pump is old. It was built in Graz. Nobody uses it."
    assert [text[a:b] for a, b in align("The old pump was built in Graz.", text).spans] == [
        "The pump is old.",
        "It was built in Graz.",
    ]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("twenty-one", 21), ("one hundred and five", 105), ("three million", 3e6), ("two thirds", 2 / 3), ("half", 0.5),
        ("nineteen eighty-four", 1984), ("a", None), ("twelve thousand three hundred", 12300), ("two hundred and fifth", 205),
    ],
)  # fmt: skip
def test_numbers_in_words_have_their_value(text: str, value: float | None) -> None:
    read = words_value(text)
    assert (read[0] if read else None) == (pytest.approx(value) if value is not None else None)


@pytest.mark.parametrize("value", [0, 7, 13, 20, 21, 100, 101, 345, 1000, 1001, 12345, 999_999])
def test_what_is_spelled_is_read_again(value: int) -> None:
    assert words_value(spelled(value)) == (value, False)


def test_amounts_have_values_that_compare_across_units_and_scales() -> None:
    (one,), (other,) = amounts_of("1.5 km"), amounts_of("about 1,500 metres")
    assert one.same(other)
    assert other.rough
    assert [a.dimension for a in amounts_of("$5, 7 %, 3 kg, 9 lives")] == ["dollar", "share", "mass", ""]


def test_a_slashed_date_is_read_both_ways_and_no_other() -> None:
    (written,), (said,), (third,) = dates_of("03/04/2019"), dates_of("4 March 2019"), dates_of("5 March 2019")
    assert said.says(written)
    assert not third.says(written)
    assert dates_of("31/31/2019") == []


def test_figures_outweigh_likeness_of_meaning() -> None:
    sure = ClaimVerifier(Weights(weights={"coverage": 1.0}, intercept=9.0, threshold=0.5, contradicted=0.0))
    said, wrong = sure.check(
        [Claimed(t, EVIDENCE) for t in ("The pump moves 1500 litres.", "The pump moves 1600 litres.")]
    )
    assert (said.label, said.reasons) == ("supported", ("entailed",))
    assert (wrong.label, wrong.reasons) == ("contradicted", ("number_differs",))
    assert wrong.support <= 0.5
