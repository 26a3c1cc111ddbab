"""Answers by a language model: the prompt, the reply, one repair, and citations of whole passages, which verification narrows."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from citewell.core.answers import Draft, Sentence
from citewell.core.errors import ModelFailed
from citewell.core.evidence import Evidence
from citewell.core.language import Completion, LanguageModel, Message
from citewell.core.protocols import TokenCounter, Told
from citewell.core.sentences import sentence_spans
from citewell.core.settings import GenerateSettings
from citewell.core.types import Context, Passage, Query
from citewell.core.verdicts import Check
from citewell.generate.language.prompt import asking_again, asking_to_rewrite, messages_for
from citewell.generate.language.reply import Form, ReplyReader, ReplySentence, reply_schema
from citewell.generate.language.untrusted import unfounded

DECLINED, REPAIRED, REWRITTEN, CUT_OFF = "model_declined", "reply_repaired", "rewritten", "generator_cut_off"


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

    def warm_up(self, seconds: float) -> None:
        """Loads the model and has it read what is the same in every prompt. Raises what the model raises."""
        self.model.complete(self._asked(Query("Who?"), ()), None, 1, seconds)

    def generate(self, query: Query, context: Context, evidence: Sequence[Evidence], tell: Told | None = None) -> Draft:
        """The model's sentences, each citing whole passages of the context."""
        del evidence
        return self._drafted(self._asked(query, context.passages), context, (), tell)

    def rewrite(
        self, query: Query, context: Context, draft: Draft, refused: Sequence[tuple[Check, str]], tell: Told | None = None
    ) -> Draft:  # fmt: skip
        """The answer once more, with the sentences that were not accepted and why in words."""
        said = " ".join(sentence.text for sentence in draft.sentences)
        asked = [*self._asked(query, context.passages), *asking_to_rewrite(said, refused)]
        again = self._drafted(asked, context, (REWRITTEN,), tell)
        before = (note for note in draft.notes if note != CUT_OFF)
        return Draft(again.sentences, again.route, (*before, *again.notes))

    @property
    def _form(self) -> Form:
        return "json" if self.model.is_structured and self._settings.structured else "lines"

    def _asked(self, query: Query, passages: Sequence[Passage]) -> list[Message]:
        return messages_for(query.text, edges_first(passages), self._settings.max_sentences, self._form)

    def _drafted(self, asked: list[Message], context: Context, notes: tuple[str, ...], tell: Told | None) -> Draft:
        markers = [passage.marker for passage in context.passages]
        if not markers:
            return Draft((), self.route)
        ends = time.monotonic() + self._settings.timeout_s
        heard = self._heard(context, tell)
        completion = self._completed(asked, markers, ends, heard)
        reply = heard.reader.finish(whole=completion.whole)
        if not reply.is_usable:
            problem = "it was cut off" if not completion.whole else "it cites no passage"
            asked = [*asked, *asking_again(completion.text[:2000], problem, markers)]
            heard = self._heard(context, tell)
            reply = heard.reader.finish(whole=self._completed(asked, markers, ends, heard).whole)
            notes = (*notes, REPAIRED)
        if not reply.is_usable:
            raise ModelFailed(
                f"{self.route} replies nothing that can be checked ({', '.join(reply.problems)})",
                hint="A larger model follows the form better; meanwhile answers are quoted from the documents.",
            )
        if reply.answerable is False:
            return Draft((), self.route, (*notes, DECLINED))
        if reply.cut_off:
            notes = (*notes, CUT_OFF)
        heard.hear(reply.sentences[heard.reader.given :])
        return Draft(tuple(heard.made.values()), self.route, notes)

    def _heard(self, context: Context, tell: Told | None) -> _Heard:
        markers = [passage.marker for passage in context.passages]
        return _Heard(ReplyReader(markers, self._settings.max_sentences, self._form), context, tell)

    def _completed(self, asked: Sequence[Message], markers: Sequence[int], ends: float, heard: _Heard) -> Completion:
        most, either = self._settings.max_sentences, self.model.takes_any_schema
        schema = reply_schema(markers, most, either=either) if self._form == "json" else None
        seconds = max(0.1, ends - time.monotonic())
        completion = self.model.complete(asked, schema, self._settings.answer_tokens, seconds, heard)
        if not heard.wanted:
            raise ModelFailed(f"nobody waits for what {self.route} writes")
        return completion


def edges_first(passages: Sequence[Passage]) -> list[Passage]:
    """The strongest first, the second last, and so inwards: models read the middle of a long prompt worst (Liu et al., TACL 2024)."""
    return [*passages[::2], *reversed(passages[1::2])]


@dataclass(slots=True)
class _Heard:
    """A reply while it is written, and the cited sentences that it holds so far."""

    reader: ReplyReader
    context: Context
    tell: Told | None
    made: dict[str, Sentence] = field(default_factory=dict)
    wanted: bool = True

    def take(self, piece: str) -> bool:
        """Reads on; whether more is wanted."""
        self.hear(self.reader.feed(piece))
        self.wanted = self.wanted and (self.tell is None or self.tell.is_wanted)
        return self.wanted

    def restart(self) -> bool:
        """Begins anew, unless a sentence was told."""
        if self.made:
            return False
        self.reader = ReplyReader(self.reader.markers, self.reader.most_sentences, self.reader.form)
        return True

    def hear(self, said: Sequence[ReplySentence]) -> None:
        """Makes and tells sentences that carry no link and no secret which stands in nothing they cite. One that names no passage cites them
        all: verification keeps what supports it."""
        passages = {passage.marker: passage for passage in self.context.passages}
        for one in said:
            if one.citations == ():
                continue
            cited = [passages[marker] for marker in one.citations or passages if marker in passages]
            whole = tuple(p.cite(p.start_char, p.start_char + len(p.text)) for p in cited)
            for start, end in sentence_spans(one.text):  # each is checked by itself
                text = one.text[start:end].strip()
                if text.casefold() not in self.made and not unfounded(text, [passage.text for passage in cited]):
                    sentence = self.made[text.casefold()] = Sentence(
                        text, whole, heading=cited[0].chunk.header if one.citations else ""
                    )
                    self.wanted = self.wanted and (self.tell is None or self.tell(sentence))
