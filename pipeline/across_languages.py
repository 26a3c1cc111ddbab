"""What is said when a question and the documents are in different languages."""

from __future__ import annotations

from citewell.core.languages import MULTILINGUAL, SURE, UNKNOWN, detect
from citewell.core.protocols import Embedder
from citewell.index.snapshot import Snapshot

FEW = 0.01  # of all passages
SHOWN = 3


def across_languages(embedder: Embedder, snapshot: Snapshot, question: str) -> str:
    """A note where hardly any passage that may be shown is in the language of the question, and the embedder does not read both; else
    nothing."""
    passages = snapshot.bm25.passages_by_language
    told = {language: count for language, count in passages.items() if language != UNKNOWN}
    language, probability = detect(question)
    read = embedder.languages
    if probability < SURE or not told or MULTILINGUAL in read or {language, *list(told)[:1]} <= read:
        return ""
    if told.get(language, 0) > FEW * sum(told.values()):
        return ""
    documents = ", ".join(list(told)[:SHOWN])
    return (
        f"the question is in {language} and the documents are in {documents}: names, numbers and words that both share are compared, not "
        "meaning; a multilingual model as embedder.model compares meaning"
    )
