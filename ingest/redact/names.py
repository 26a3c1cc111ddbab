"""Names of people, by Microsoft Presidio where it is installed: it asks a spaCy model, which is never fetched here."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from citewell.core.errors import SettingsError
from citewell.ingest.redact.spans import BLANK, LIKELY, Find

# The largest installed model of a language is taken; `xx` reads any.
MODELS = {
    "de": ("de_core_news_lg", "de_core_news_md", "de_core_news_sm"),
    "en": ("en_core_web_trf", "en_core_web_lg", "en_core_web_md", "en_core_web_sm"),
    "es": ("es_core_news_lg", "es_core_news_md", "es_core_news_sm"),
    "fr": ("fr_core_news_lg", "fr_core_news_md", "fr_core_news_sm"),
    "it": ("it_core_news_lg", "it_core_news_md", "it_core_news_sm"),
    "nl": ("nl_core_news_lg", "nl_core_news_md", "nl_core_news_sm"),
    "pl": ("pl_core_news_lg", "pl_core_news_md", "pl_core_news_sm"),
    "pt": ("pt_core_news_lg", "pt_core_news_md", "pt_core_news_sm"),
    "xx": ("xx_ent_wiki_sm",),
}
MIN_SCORE = 0.5  # Presidio gives 0.85 to what a model names
MAX_CHARS = 50_000  # of a piece: spaCy refuses a million, and its memory grows with the length


class Names:
    """Finds names of people. Raises SettingsError when Presidio or every model that it could use is missing."""

    def __init__(self) -> None:
        installed = {language: next(filter(_is_installed, names), "") for language, names in MODELS.items()}
        self._languages = [language for language, model in installed.items() if model]
        if not _is_installed("presidio_analyzer"):
            raise SettingsError(
                "names are to be redacted, and presidio-analyzer is not installed",
                hint="Run `pip install 'citewell[names]'`, or take name out of ingest.redact.",
            )
        if not self._languages:
            raise SettingsError(
                "names are to be redacted, and no spaCy model is installed that finds them",
                hint="Install one, such as en_core_web_lg, or take name out of ingest.redact.",
            )
        models = [{"lang_code": language, "model_name": installed[language]} for language in self._languages]
        presidio: Any = import_module("presidio_analyzer")
        engines: Any = import_module("presidio_analyzer.nlp_engine")
        provider = engines.NlpEngineProvider(nlp_configuration={"nlp_engine_name": "spacy", "models": models})
        self._analyzer = presidio.AnalyzerEngine(
            nlp_engine=provider.create_engine(), supported_languages=self._languages
        )

    def find(self, text: str, language: str) -> Iterator[Find]:
        """Names in `text`, by the model of its language, else one of several languages, else any that is installed."""
        chosen = next((tag for tag in (language, "xx") if tag in self._languages), self._languages[0])
        for start, end in _pieces(text):
            results = self._analyzer.analyze(text=text[start:end], language=chosen, entities=["PERSON"])
            for found in results:
                name = text[start + found.start : start + found.end]
                if found.score >= MIN_SCORE and BLANK not in name and name.strip():
                    yield Find(start + found.start, start + found.end, "name", LIKELY)


def _is_installed(module: str) -> bool:
    return find_spec(module) is not None


def _pieces(text: str) -> Iterator[tuple[int, int]]:
    """Spans that cover the text, each ending at a line break or space where there is one."""
    start = 0
    while start < len(text):
        end = min(start + MAX_CHARS, len(text))
        if end < len(text):
            end = max(
                text.rfind("\n", start, end), text.rfind(" ", start + MAX_CHARS // 2, end), start + MAX_CHARS // 2
            )
        yield start, end
        start = end
