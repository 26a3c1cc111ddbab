"""Small decisions: only what may be decided comes back, whatever the model says."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field
from scripted import Scripted

from citewell.core.errors import ModelFailed
from citewell.core.language import Message
from citewell.generate.language.typed import decide

ASKED = [Message("user", "Is ice cold?")]
FEW = Annotated[int, Field(ge=0, le=9)]


@pytest.mark.parametrize(
    ("kind", "said", "value"),
    [
        (bool, '{"value": true}', True), (bool, "No, it is not.", False), (bool, " **Yes**", True), (bool, "false", False),
        (int, '{"value": 7}', 7), (int, "about -12 of them", -12), (FEW, "4", 4),
        (Literal["policy", "report"], '{"value": "report"}', "report"), (Literal["policy", "report"], "It is a Policy, no report", "policy"),
    ],
)  # fmt: skip
def test_a_decision_is_read_from_json_or_words(kind: Any, said: str, value: object) -> None:
    assert decide(Scripted(said), ASKED, kind, 5) == value


def test_it_is_asked_by_schema_and_once_more_where_it_says_nothing() -> None:
    model = Scripted("Well, who knows?", "yes")
    assert decide(model, ASKED, bool, 5) is True
    assert model.schemas[0] is not None
    assert model.asked[1][-1].content == "Reply with yes or no and nothing else."
    with pytest.raises(ModelFailed, match="does not decide"):
        decide(Scripted("Well, who knows?"), ASKED, bool, 5)
    with pytest.raises(ModelFailed):
        decide(Scripted("11"), ASKED, FEW, 5)


@given(st.text(max_size=60), st.sampled_from([bool, FEW, Literal["a", "b"]]))
def test_nothing_else_comes_back(said: str, kind: Any) -> None:
    try:
        value = decide(Scripted(said), ASKED, kind, 5)
    except ModelFailed:
        return
    assert value in ({True, False} if kind is bool else set(range(10)) if kind is FEW else {"a", "b"})
    assert isinstance(value, str if kind == Literal["a", "b"] else bool if kind is bool else int)
