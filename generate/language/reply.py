"""What a language model replies: a schema that leaves no room for wrong markers, and a parser that reads whatever comes.

The schema is for models that can be held to one. Nothing is taken on trust all the same: a reply is read by `ReplyReader`, which knows no
wrong input, gives each sentence as soon as it is whole, and never a marker that is not the context's.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, create_model

from citewell.core.sentences import ENDS, sentence_spans
from citewell.generate.language.untrusted import readable

Form = Literal["json", "lines"]  # what a model is asked for
MOST_TEXT = 600  # characters of a sentence
MOST_CITATIONS = 3
MOST_REPLY = 20_000  # characters that are read of a reply
_OBJECT = re.compile(r"\{")
_ANSWERABLE = re.compile(r'"answerable"\s*:\s*(true|false)')
_MARKERS = re.compile(r"\s?\[(\d+(?:\s*,\s*\d+)*)\]")
_QUOTED_MARKER = re.compile(r"\s*\[?(\d{1,5})\]?\s*")
_NUMBERED = re.compile(r"(\d{1,2})[.)]\s+")
_THOUGHT, _THOUGHT_ENDS = re.compile(r"\s*<think(?:ing)?>", re.I), re.compile(r"</think(?:ing)?>", re.I)
_TEXT_CUT_OFF = re.compile(r'"text"\s*:\s*"((?:[^"\\]|\\.)*)\Z')
_DECLINED = re.compile(r"^\W*(?:NOT ANSWERABLE|NO ANSWER)\b", re.I)
_DECODER = json.JSONDecoder()


@dataclass(frozen=True, slots=True)
class ReplySentence:
    """A sentence with the markers that it cites, each one of the context's; none where it named no valid one.

    None where a line named none at all, or the reply was cut off before it did: then verification looks for its support.
    """

    text: str
    citations: tuple[int, ...] | None


@dataclass(frozen=True, slots=True)
class Reply:
    """All of a reply. `answerable` is None where it does not say; `problems` are codes of what was wrong with it; `cut_off` where it goes on."""

    sentences: tuple[ReplySentence, ...] = ()
    answerable: bool | None = None
    problems: tuple[str, ...] = ()
    cut_off: bool = False

    @property
    def is_usable(self) -> bool:
        """Whether it says something that can be checked, or declines."""
        return any(s.citations or s.citations is None for s in self.sentences) or self.answerable is False


def reply_model(markers: Sequence[int], most_sentences: int) -> type[BaseModel]:
    """The type of a reply over a context with these markers. Raises ValueError without markers."""
    if not markers:
        raise ValueError("a reply without markers can cite nothing")
    marker: Any = Literal[tuple(sorted(set(markers)))]
    config = ConfigDict(extra="forbid")
    sentence: Any = create_model(
        "CitedSentence", __config__=config,
        text=(Annotated[str, Field(min_length=1, max_length=MOST_TEXT)], ...),
        citations=(Annotated[list[marker], Field(min_length=1, max_length=MOST_CITATIONS)], ...),
    )  # fmt: skip
    return create_model(
        "CitedReply", __config__=config, answerable=(bool, ...),
        sentences=(Annotated[list[sentence], Field(max_length=most_sentences)], ...),
    )  # fmt: skip


def reply_schema(markers: Sequence[int], most_sentences: int, *, either: bool = False) -> dict[str, Any]:
    """The same as a JSON schema without references or titles, which some servers do not know.

    With `either` it is one of two: a reply that answers has a sentence at least, one that does not has none. Some services want an object at
    the root and know no alternatives there.
    """
    schema = reply_model(markers, most_sentences).model_json_schema()
    definitions = schema.pop("$defs", {})
    plain = _plain(schema, definitions)
    assert isinstance(plain, dict)
    return {"anyOf": [_of(plain, True, {"minItems": 1}), _of(plain, False, {"maxItems": 0})]} if either else plain


def _of(schema: dict[str, Any], answerable: bool, length: dict[str, int]) -> dict[str, Any]:
    """The schema for replies of this kind."""
    fields = schema["properties"]
    sentences = {**fields["sentences"], **length}
    return {**schema, "properties": {"answerable": {"const": answerable}, "sentences": sentences}}


def _plain(part: Any, definitions: dict[str, Any]) -> Any:
    if isinstance(part, dict):
        if "$ref" in part:
            return _plain(definitions[part["$ref"].rpartition("/")[2]], definitions)
        named = part.get("properties") is not None or "type" in part
        return {key: _plain(value, definitions) for key, value in part.items() if not (key == "title" and named)}
    return [_plain(one, definitions) for one in part] if isinstance(part, list) else part


@dataclass(slots=True)
class ReplyReader:
    """Reads a reply piece by piece; whatever comes is read, and nothing raises.

    Understood are the JSON of `reply_schema`, alone or within other text, cut off or not, and lines of text that end in markers such as
    `[1]` or `[2, 3]`: the form that was asked for while the reply comes, and at its end the other one where the first found nothing. Where lines
    were asked for a marker may be missing.
    """

    markers: Collection[int]
    most_sentences: int
    form: Form = "json"
    given: int = 0
    _text: str = ""
    _at: int = 0
    _sentences: list[ReplySentence] = field(default_factory=list)
    _problems: dict[str, None] = field(default_factory=dict)

    def feed(self, piece: str) -> list[ReplySentence]:
        """The sentences that are whole now and were not given before, in order; none while the reply may still decline to answer."""
        room = MOST_REPLY - len(self._text)
        if len(piece) > room:
            self._problems["too_long"] = None
        self._text += piece[: max(0, room)]
        if not self.given and not self._past_thoughts():
            return []
        if self.form == "lines" and "\n" in piece and not self._opens_like_json():
            self._take(self._lines(self._text.rfind("\n") + 1))
        elif self.form == "json" and "}" in piece:
            self._take(self._objects())
        if self.given == len(self._sentences) or (self.form == "json" and self._says_answerable() is not True):
            return []
        fresh = self._sentences[self.given :]
        self.given = len(self._sentences)
        return fresh

    def finish(self, *, whole: bool = True) -> Reply:
        """The reply, of which no more comes; what was not whole is left out, such as a last line where the model's tokens ran out."""
        if not self._past_thoughts():
            self._text = ""
        as_lines = not self._opens_like_json() and (self.form == "lines" or not self._looks_like_json())
        if as_lines and not whole:
            self._text = self._text[: self._last_end()]
        if self.form == "lines" and not self._opens_like_json():
            self._take(self._lines(len(self._text)))
        if not self._sentences:
            self._at = 0
            if self._looks_like_json():
                self._take(self._objects())
                self._take(self._cut_off())
            else:
                self._take(self._lines(len(self._text)))
        answerable = False if self._declines() else self._says_answerable()
        if self.given and answerable is False:  # lines that go on as JSON: what was given stays
            answerable = None
        if not self._sentences and answerable is not False:
            self._problems["nothing_cited"] = None
        cut_off = not whole and (as_lines or not self._is_closed())
        return Reply(tuple(self._sentences), answerable, tuple(self._problems), cut_off)

    def _past_thoughts(self) -> bool:
        """Whether what a model thinks before it answers is over; it is left out."""
        ends = list(_THOUGHT_ENDS.finditer(self._text))
        if ends:
            self._text, self._at = self._text[ends[-1].end() :], 0
            self._sentences.clear()
        return bool(ends) or not _THOUGHT.match(self._text)

    def _last_end(self) -> int:
        """Where the last sentence ends after which something follows: of what stands at the very end nobody knows whether it goes on."""
        rest = self._text[self._at :]
        ends = [end for _, end in sentence_spans(rest) if rest[end:].strip() or rest[end : end + 1].isspace()]
        return self._at + max(ends, default=0)

    def _is_closed(self) -> bool:
        """Whether the first object of the reply ends."""
        first = _OBJECT.search(self._text)
        try:
            return first is not None and bool(_DECODER.raw_decode(self._text, first.start()))
        except (ValueError, RecursionError):
            return False

    def _says_answerable(self) -> bool | None:
        said = _ANSWERABLE.search(self._text)
        return None if said is None else said[1] == "true"

    def _declines(self) -> bool:
        return not self._sentences and _DECLINED.match(self._text) is not None

    def _looks_like_json(self) -> bool:
        return any(f'"{name}"' in self._text for name in ("answerable", "sentences", "text"))

    def _opens_like_json(self) -> bool:
        return self._text.lstrip().startswith("{")

    def _take(self, found: Iterator[tuple[str, list[Any] | None]]) -> None:
        for text, named in found:
            if len(self._sentences) == self.most_sentences:
                self._problems["too_many_sentences"] = None
                break
            said = " ".join(readable(_MARKERS.sub("", text)).split())[:MOST_TEXT]
            known = [m for m in map(_marker, named or ()) if m in self.markers]
            if named is not None and len(known) < len(named):
                self._problems["unknown_marker"] = None
            if not re.search(r"\w", said):
                continue
            self._sentences.append(
                ReplySentence(said, None if named is None else tuple(dict.fromkeys(known))[:MOST_CITATIONS])
            )

    def _objects(self) -> Iterator[tuple[str, list[Any]]]:
        """The whole objects with `text` and `citations` that were not read yet."""
        while (match := _OBJECT.search(self._text, self._at)) is not None:
            try:
                value, end = _DECODER.raw_decode(self._text, match.start())
            except (ValueError, RecursionError):
                inner = _OBJECT.search(self._text, match.start() + 1)
                if inner is None:
                    return  # it may still become whole
                if not self._is_opening(match.start(), inner.start()):
                    return
                self._at = inner.start()
                continue
            self._at = end
            yield from _cited(value)

    def _is_opening(self, start: int, inner: int) -> bool:
        """Whether what stands between two braces opens the reply, and is no sentence that is still being written."""
        return not re.search(r'"text"\s*:', self._text[start:inner])

    def _cut_off(self) -> Iterator[tuple[str, list[Any] | None]]:
        """The sentences that are whole in a text that is not."""
        match = _TEXT_CUT_OFF.search(self._text, self._at)
        text = match[1] if match and not self._sentences else ""
        try:
            said = str(_DECODER.decode(f'"{text}"'))
        except ValueError:  # it ends within an escape
            return
        spans = [(a, b) for a, b in sentence_spans(said) if said[b:].strip() or said[b : b + 1].isspace()]
        yield from ((said[a:b], None) for a, b in spans if said[a:b].rstrip().endswith(tuple(ENDS)))

    def _lines(self, end: int) -> Iterator[tuple[str, list[Any] | None]]:
        """The lines up to there that were not read yet."""
        text, self._at = self._text[self._at : end], end
        for line in () if self._declines() else text.splitlines():
            named = [
                int(part) for group in _MARKERS.findall(line) for part in group.split(",") if len(part.strip()) < 6
            ]
            said = line.strip().lstrip("-*• ")
            numbered = _NUMBERED.match(said)
            if (
                numbered and int(numbered[1]) == len(self._sentences) + 1
            ):  # in a list; else it is a figure of the sentence
                said = said[numbered.end() :]
            if named or (self.form == "lines" and said and not said.endswith(":")):  # what ends so announces the answer
                yield said, list(named) or None


def _cited(value: Any) -> Iterator[tuple[str, list[Any]]]:
    """The sentences of a decoded object: itself, or those of its list."""
    if not isinstance(value, dict):
        return
    text, named = value.get("text"), value.get("citations")
    if isinstance(text, str):
        yield text, named if isinstance(named, list) else [] if named is None else [named]
        return
    sentences = value.get("sentences")
    for one in sentences if isinstance(sentences, list) else []:
        yield from _cited(one) if isinstance(one, dict) and "text" in one else ()


def _marker(named: Any) -> int:
    """A marker as a number, also where it stands in quotation marks; 0, which is none, for anything else."""
    if isinstance(named, str) and (found := _QUOTED_MARKER.fullmatch(named)):
        return int(found[1])
    return named if isinstance(named, int) and not isinstance(named, bool) else 0


def read_reply(text: str, markers: Collection[int], most_sentences: int, form: Form = "json") -> Reply:
    """A whole reply at once."""
    reader = ReplyReader(markers, most_sentences, form)
    reader.feed(text)
    return reader.finish()
