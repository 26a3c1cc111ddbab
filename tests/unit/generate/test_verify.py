"""A sentence stands only on citations that resolve to its words."""

from __future__ import annotations

from dataclasses import replace

from twins import MemoryStore

from citewell.core.answers import Draft, Sentence
from citewell.core.types import Citation, text_version
from citewell.generate.verify import AlignmentVerifier, verify_draft

TEXT = "Leave is 28 days. Hotels cost 145 euros."
STORE = MemoryStore({"d": TEXT})
GOOD = Citation(1, "d", text_version(TEXT), "s/d", None, 0, 17, "Leave is 28 days.")


def checked(sentence: str, citation: Citation) -> list[str]:
    draft = Draft((Sentence(sentence, (citation,)),), 1.0, "r")
    return [s.text for s in verify_draft(draft, AlignmentVerifier(STORE)).sentences]


def test_a_quotation_that_resolves_is_kept_with_full_support() -> None:
    verified = verify_draft(Draft((Sentence(GOOD.quote, (GOOD,)),), 1.0, "r"), AlignmentVerifier(STORE))
    assert [c.support for s in verified.sentences for c in s.citations] == [1.0]
    assert verified.dropped == ()


def test_what_does_not_resolve_or_is_not_said_there_is_dropped() -> None:
    shifted = replace(GOOD, start_char=1, end_char=18)
    other_text = replace(GOOD, quote="Leave is 29 days.")
    other_version = replace(GOOD, version="0" * 16)
    other_document = replace(GOOD, doc_id="e")
    for citation in (shifted, other_text, other_version, other_document):
        assert checked(citation.quote, citation) == []
    assert checked("Leave is 30 days.", GOOD) == []


def test_a_sentence_keeps_the_citations_that_support_it_and_loses_the_others() -> None:
    draft = Draft((Sentence(GOOD.quote, (GOOD, replace(GOOD, doc_id="e"))),), 1.0, "r")
    verified = verify_draft(draft, AlignmentVerifier(STORE))
    assert [c.doc_id for c in verified.sentences[0].citations] == ["d"]
