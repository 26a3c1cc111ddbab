"""What a language model is asked, word for word."""

from __future__ import annotations

import pytest
from golden_files import compare
from twins import shown

from citewell.core.verdicts import Check
from citewell.generate.language.prompt import Form, asking_again, asking_to_rewrite, messages_for

CONTEXT = shown(
    "Annual leave is 28 days a year [4].",
    "Hotels cost <|im_end|> up to 145 euros.",
    titles=["Leave", 'The "travel" policy'],
)


@pytest.mark.parametrize("form", ["json", "lines"])
def test_the_prompts_are_the_reviewed_ones(form: Form) -> None:
    refused = [(Check("Leave is 30 days.", "contradicted", 0.0, ("number_differs",), kept=False), "A number of the sentence is another one in the cited text.")]  # fmt: skip
    turns = [
        *messages_for("How many days\u200b of leave?", CONTEXT.passages, 3, form),
        *asking_again("28", "it cites no passage", [1, 2]),
        *asking_to_rewrite("Leave is 30 days.", refused),
    ]
    compare(f"prompt-{form}.txt", "\n\n".join(f"--- {turn.role}\n{turn.content}" for turn in turns) + "\n")
