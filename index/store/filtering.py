"""A filter as a condition of SQL over the living documents; values are bound, never written into the text."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping

from citewell.core.filters import All, Any, Condition, Filter, Not

# The columns of fields that every document has; `d` is its row.
_COLUMNS: Mapping[str, str] = {
    "id": "d.doc_id",
    "uri": "d.uri",
    "source": "d.source",
    "collection": "d.source",
    "path": "d.path",
    "title": "d.title",
}
# Names that people give to media types; any other value of `type` is a media type itself.
MEDIA_TYPES: Mapping[str, str] = {
    "md": "text/markdown",
    "markdown": "text/markdown",
    "html": "text/html",
    "txt": "text/plain",
    "text": "text/plain",
    "pdf": "application/pdf",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
}


def condition_of(filter: Filter, groups: str) -> tuple[str, dict[str, object]]:
    """The SQL condition and its values; `groups` is the expression for the groups that may read a document, as a JSON list."""
    compiler = _Compiler(groups)
    return compiler.sql(filter), compiler.values


class _Compiler:
    def __init__(self, groups: str) -> None:
        self._groups = groups
        self.values: dict[str, object] = {}

    def sql(self, filter: Filter) -> str:
        match filter:
            case All(parts):
                return "(" + " AND ".join(map(self.sql, parts)) + ")"
            case Any(parts):
                return "(" + " OR ".join(map(self.sql, parts)) + ")"
            case Not(part):
                return f"NOT {self.sql(part)}"
            case Condition():
                return self._condition(filter)

    def _condition(self, condition: Condition) -> str:
        if condition.operator == "!=":
            return f"NOT {self._has_one(condition)}"
        if condition.operator in {":", "="}:
            return self._has_one(condition)
        return f"ifnull({self._compared(condition)}, 0)"

    def _has_one(self, condition: Condition) -> str:
        """Whether the field has one of the values; false where the document has no such field."""
        made = [self._fits(condition.name)(value, condition.operator == ":") for value in condition.values]
        return "ifnull((" + " OR ".join(made) + "), 0)"

    def _fits(self, name: str) -> Callable[[str, bool], str]:
        if name == "tag":
            return self._tag
        if name == "group":
            return lambda value, _: (
                f"EXISTS (SELECT 1 FROM json_each({self._groups}) g WHERE g.value = {self._bound(value)})"
            )
        if name == "type":
            return lambda value, wild: self._like("d.media_type", MEDIA_TYPES.get(value.casefold(), value), wild)
        if name == "language":
            return self._language
        return lambda value, wild: self._like(self._field(name), value, wild)

    def _language(self, value: str, wild: bool) -> str:
        """`de` is also said of de-AT; a star that is no wildcard is one letter like any other."""
        pattern = _pattern(value) if wild else _pattern(value).replace("*", "[*]")
        return f"({self._like('d.language', value, wild)} OR fold(d.language) GLOB {self._bound(f'{pattern}-*')})"

    def _field(self, name: str) -> str:
        column = _COLUMNS.get(name)
        return column or f"fold_get(d.metadata, {self._bound(name)})"

    def _tag(self, value: str, wild: bool) -> str:
        tags = "json_each(tags_of(d.metadata)) t"
        return f"EXISTS (SELECT 1 FROM {tags} WHERE {self._like('t.value', value, wild)})"

    def _like(self, field: str, value: str, wild: bool) -> str:
        folded = value.casefold()
        if wild and "*" in folded:
            return f"fold({field}) GLOB {self._bound(_pattern(value))}"
        return f"fold({field}) = {self._bound(folded)}"

    def _compared(self, condition: Condition) -> str:
        field, value = self._field(condition.name), condition.values[0]
        number = number_of(value)
        if number is not None:
            return f"number_of({field}) {condition.operator} {self._bound(number)}"
        return f"fold({field}) {condition.operator} {self._bound(value.casefold())}"

    def _bound(self, value: object) -> str:
        name = f"f{len(self.values)}"
        self.values[name] = value
        return f":{name}"


def _pattern(value: str) -> str:
    """A folded value as SQLite's GLOB reads it, with nothing but its stars as wildcards."""
    return value.casefold().replace("[", "[[]").replace("?", "[?]")


def fold(text: str | None) -> str | None:
    """Case folded; for SQL."""
    return None if text is None else text.casefold()


def fold_get(metadata: str, name: str) -> str | None:
    """The value of a name in a document's metadata, whatever the name's case; for SQL."""
    values = json.loads(metadata)
    found = values.get(name)
    if found is None:
        found = next((value for key, value in values.items() if key.casefold() == name), None)
    return found if isinstance(found, str) else None


def tags_of_metadata(metadata: str) -> list[str]:
    """The tags of a document: `tags`, `tag` or `keywords` of its metadata (as JSON), separated by commas."""
    named = fold_get(metadata, "tags") or fold_get(metadata, "tag") or fold_get(metadata, "keywords") or ""
    return [tag.strip(" []\"'") for tag in named.split(",") if tag.strip(" []\"'")]


def tags_of(metadata: str) -> str:
    """The tags as a JSON list; for SQL."""
    return json.dumps(tags_of_metadata(metadata))


def number_of(text: str | None) -> float | None:
    """The number that a text is; None where it is none; for SQL."""
    try:
        return None if text is None else float(text)
    except ValueError:
        return None


# By the names that SQL knows them by.
FUNCTIONS: Mapping[str, Callable[..., str | float | None]] = {
    "fold": fold, "fold_get": fold_get, "tags_of": tags_of, "number_of": number_of,
}  # fmt: skip
