"""A sentence stands only on citations that resolve to its words, or to words that say it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from twins import MemoryStore, shown

from citewell.core.answers import Lean, Sentence
from citewell.core.protocols import Verifier
from citewell.core.types import Citation, Context
from citewell.core.verdicts import Claimed, Verdict
from citewell.generate.verification.draft import Verified, support_of, verify_sentence
from citewell.generate.verification.verifier import ClaimVerifier
from citewell.generate.verification.weights import Weights

TEXTS = ("Leave is 28 days. It begins in May. Hotels cost 145 euros.", "Pumps are cleaned weekly. Nobody likes it.")
STORE = MemoryStore(dict(zip("ab", TEXTS, strict=True)))
CONTEXT = shown(*TEXTS)
ALIGNED = ClaimVerifier(
    Weights(weights={"coverage": 10.0, "differs": -9.0}, intercept=-6.0, threshold=0.5, contradicted=0.0)
)
GOOD = CONTEXT.passages[0].cite(0, 17)


class Reading:
    """Supports what ends in a full stop, and remembers what it was asked."""

    name = "reading"

    def __init__(self) -> None:
        self.asked: list[Claimed] = []

    def check(self, claims: Sequence[Claimed]) -> list[Verdict]:
        self.asked += claims
        return [
            Verdict("supported" if c.text.endswith(".") else "contradicted", 0.8, ("entailed",), ((0, 17),))
            for c in claims
        ]


def verified(text: str, *citations: Citation, context: Context = CONTEXT, leans: tuple[Lean, ...] = ()) -> Verified:
    return outcome(Sentence(text, citations, leans_on=leans), ALIGNED, context)


def outcome(sentence: Sentence, verifier: Verifier, context: Context = CONTEXT) -> Verified:
    good, check = verify_sentence(sentence, context, STORE, verifier)
    return Verified((good,) if good else (), (check,))


def test_a_quotation_that_resolves_is_kept_with_full_support() -> None:
    done = verified(GOOD.quote, GOOD)
    assert [c.support for s in done.sentences for c in s.citations] == [1.0]
    assert done.dropped == ()
    assert [(check.label, check.reasons, check.kept) for check in done.checks] == [("supported", ("quoted",), True)]


def test_what_does_not_resolve_or_is_not_said_anywhere_is_dropped() -> None:
    shifted = replace(GOOD, start_char=1, end_char=18)
    other_version = replace(GOOD, version="0" * 16)
    other_document = replace(GOOD, doc_id="z")
    for citation in (shifted, other_version, other_document):
        done = verified("Trains are free of charge.", citation)
        assert (done.sentences, done.checks[0].reasons) == ((), ("citation_unresolved",))
    done = verified("Leave is 30 days.", GOOD)
    assert (done.sentences, done.dropped) == ((), ("Leave is 30 days.",))
    assert (done.checks[0].label, done.checks[0].reasons) == ("contradicted", ("number_differs",))


def test_a_sentence_keeps_the_citations_that_support_it_and_loses_the_others() -> None:
    done = verified(GOOD.quote, GOOD, replace(GOOD, doc_id="z"), CONTEXT.passages[1].cite(0, 25))
    assert [c.doc_id for c in done.sentences[0].citations] == ["a"]


def test_a_citation_of_a_whole_passage_is_narrowed_to_what_carries_the_support() -> None:
    done = verified("Hotels cost 145 euros.", CONTEXT.passages[0].cite(0, len(TEXTS[0])))
    assert [c.quote for c in done.sentences[0].citations] == ["Hotels cost 145 euros."]
    assert STORE.text_at("a", GOOD.version, 36, 58) == "Hotels cost 145 euros."


def test_a_better_span_is_looked_for_before_a_sentence_is_dropped() -> None:
    done = verified("Pumps are cleaned weekly.", GOOD)
    assert [(c.marker, c.quote) for c in done.sentences[0].citations] == [(2, "Pumps are cleaned weekly.")]
    assert done.checks[0].repaired


def test_what_is_not_a_quotation_is_judged_and_the_narrowed_citation_judged_again() -> None:
    verifier = Reading()
    whole = CONTEXT.passages[0].cite(0, len(TEXTS[0]))
    done = outcome(Sentence("Staff have a month off.", (whole,)), verifier)
    assert [c.quote for c in done.sentences[0].citations] == ["Leave is 28 days."]
    assert [c.support for c in done.sentences[0].citations] == [0.8]
    assert [claim.evidence for claim in verifier.asked] == [TEXTS[0], "Leave is 28 days."]


def test_leans_that_do_not_resolve_are_left_out() -> None:
    good, bad = Lean("antecedent", GOOD), Lean("antecedent", replace(GOOD, quote="Leave is 29 days."))
    done = verified("It begins in May.", CONTEXT.passages[0].cite(18, 35), leans=(good, bad))
    assert done.sentences[0].leans_on == (good,)


def test_support_is_told_for_each_citation() -> None:
    bad = replace(GOOD, quote="Leave is 29 days.")
    assert support_of(Sentence(GOOD.quote, (GOOD, bad)), STORE, ALIGNED) == [1.0, 0.0]
