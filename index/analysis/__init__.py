"""The one analyzer of lexical search: the same terms when indexing, searching, weighing and marking."""

from citewell.index.analysis.analyzer import (
    ANALYZER_VERSION,
    FALLBACK,
    QuestionTerms,
    analyse,
    analyse_passage,
    beginning,
    languages_of_question,
    one_letter_away,
    phrases,
    spans_of,
    terms_of_question,
    words_of,
)
from citewell.index.analysis.bridges import bridges
from citewell.index.analysis.words import coverage, is_stop_word

__all__ = [
    "ANALYZER_VERSION",
    "FALLBACK",
    "QuestionTerms",
    "analyse",
    "analyse_passage",
    "beginning",
    "bridges",
    "coverage",
    "is_stop_word",
    "languages_of_question",
    "one_letter_away",
    "phrases",
    "spans_of",
    "terms_of_question",
    "words_of",
]
