"""Answers by a language model: the prompt, the reply, one repair, and citations of whole passages, which verification narrows."""

from __future__ import annotations

import time
from collections.abc import Sequence

from citewell.core.answers import Draft, Sentence
from citewell.core.errors import ModelFailed
from citewell.core.evidence import Evidence
from citewell.core.language import Completion, LanguageModel, Message
from citewell.core.protocols import TokenCounter
from citewell.core.sentences import sentence_spans
from citewell.core.settings import GenerateSettings
from citewell.core.types import Context, Passage, Query
from citewell.core.verdicts import Check
from citewell.generate.language.prompt import Form, asking_again, asking_to_rewrite, messages_for
from citewell.generate.language.reply import Reply, read_reply, reply_schema
from citewell.generate.language.untrusted import unfounded

DECLINED, REPAIRED, REWRITTEN = "model_declined", "reply_repaired", "rewritten"


class LanguageGenerator:
    """Asks a language model. Raises ModelFailed where what it replies cannot be used, and whatever the model raises."""

    def __init__(self, model: LanguageModel, settings: GenerateSettings) -> None:
        self.model = model
        self._settings = settings

    @property
    def route(self) -> str:
        """The model's name."""
        return self.model.name

    @property
    def tokens(self) -> TokenCounter:
        """The model's tokenizer."""
        return self.model.tokens

    @property
    def reserve(self) -> int:
        """Tokens of the answer, and of one more reply with what is wrong with the first."""
        return 2 * self._settings.answer_tokens + 128

    @property
    def window(self) -> int:
        """What the model reads and writes at most."""
        return self.model.window

    def render(self, query: Query, passages: Sequence[Passage]) -> str:
        """The whole prompt in the model's own template."""
        return self.model.render(self._asked(query, passages))

    def generate(self, query: Query, context: Context, evidence: Sequence[Evidence]) -> Draft:
        """The model's sentences, each citing whole passages of the context."""
        del evidence
        return self._drafted(self._asked(query, context.passages), context, ())

    def rewrite(self, query: Query, context: Context, draft: Draft, refused: Sequence[tuple[Check, str]]) -> Draft:
        """The answer once more, with the sentences that were not accepted and why in words."""
        said = " ".join(sentence.text for sentence in draft.sentences)
        asked = [*self._asked(query, context.passages), *asking_to_rewrite(said, refused)]
        again = self._drafted(asked, context, (REWRITTEN,))
        return Draft(again.sentences, again.route, draft.usage + again.usage, (*draft.notes, *again.notes))

    @property
    def _form(self) -> Form:
        return "json" if self.model.is_structured else "lines"

    def _asked(self, query: Query, passages: Sequence[Passage]) -> list[Message]:
        return messages_for(query.text, edges_first(passages), self._settings.max_sentences, self._form)

    def _drafted(self, asked: list[Message], context: Context, notes: tuple[str, ...]) -> Draft:
        markers = [passage.marker for passage in context.passages]
        if not markers:
            return Draft((), self.route)
        ends = time.monotonic() + self._settings.timeout_s
        completion = self._completed(asked, markers, ends)
        reply, usage = read_reply(completion.text, markers, self._settings.max_sentences), completion.usage
        if not reply.is_usable:
            problem = "it was cut off" if not completion.whole else "it cites no passage"
            again = self._completed([*asked, *asking_again(completion.text[:2000], problem, markers)], markers, ends)
            reply, usage = read_reply(again.text, markers, self._settings.max_sentences), usage + again.usage
            notes = (*notes, REPAIRED)
        if not reply.is_usable:
            raise ModelFailed(
                f"{self.route} replies nothing that can be checked ({', '.join(reply.problems)})",
                hint="A larger model follows the form better; meanwhile answers are quoted from the documents.",
            )
        if reply.answerable is False:
            return Draft((), self.route, usage, (*notes, DECLINED))
        return Draft(_cited(reply, context), self.route, usage, notes)

    def _completed(self, asked: Sequence[Message], markers: Sequence[int], ends: float) -> Completion:
        schema = reply_schema(markers, self._settings.max_sentences) if self.model.is_structured else None
        return self.model.complete(asked, schema, self._settings.answer_tokens, max(0.1, ends - time.monotonic()))


def edges_first(passages: Sequence[Passage]) -> list[Passage]:
    """The strongest first, the second last, and so inwards: models read the middle of a long prompt worst (Liu et al., TACL 2024)."""
    return [*passages[::2], *reversed(passages[1::2])]


def _cited(reply: Reply, context: Context) -> tuple[Sentence, ...]:
    """The sentences that cite something, and carry no link and no secret that stands in nothing they cite."""
    passages = {passage.marker: passage for passage in context.passages}
    made: dict[str, Sentence] = {}
    for said in reply.sentences:
        cited = [passages[marker] for marker in said.citations if marker in passages]
        whole = tuple(p.cite(p.start_char, p.start_char + len(p.text)) for p in cited)
        for start, end in sentence_spans(said.text) if cited else ():  # each is checked by itself
            text = said.text[start:end].strip()
            if not unfounded(text, [passage.text for passage in cited]):
                made.setdefault(text.casefold(), Sentence(text, whole, heading=cited[0].chunk.header))
    return tuple(made.values())
