"""Sentences that only say again what was asked."""

from __future__ import annotations

import pytest

from citewell.generate.verification.restating import restates


@pytest.mark.parametrize(
    ("question", "sentence"),
    [
        ("Why are ctenophores rare as fossils?", "The ctenophores are rare as fossils."),
        ("In what year did the river flood as in 2005?", "The river flooded as in 2005."),
        ("Which articles state that powers stay?", "The passages state that powers stay."),
        ("What does the pump do?", "The answer to this question is: what does the pump do?"),
        ("How is the pump's filter called?", "The filter of the pump is called"),
    ],
)
def test_a_sentence_without_a_new_word_restates(question: str, sentence: str) -> None:
    assert restates(sentence, question)


@pytest.mark.parametrize(
    ("question", "sentence"),
    [
        ("How many days of leave are there?", "There are 28 days of leave."),
        ("How many days of leave are there?", "Leave has twenty-eight days."),
        ("In what year did the river flood as in 2005?", "The river flooded in 20."),
        ("Is the pump old?", "The pump is old."),
        ("On a Sunday, is the gate open?", "The gate is open on a Sunday."),
        ("Which is larger, the sampler or the sonde?", "The sonde is larger."),
        ("Which of pump and valve is older?", "The valve is older."),
        ("Do you know whether the gate opens?", "The gate opens."),
        ("Why is the gate open on Sunday?", "The gate is not open on Sunday."),
        ("Why is the gate open on Sunday?", "The gate isn't open on Sunday."),
        ("How do socialists think that means should be owned?", "The means should be socially owned."),
        ("Who runs the pumps?", "Ana Petrusic runs the pumps."),
        ("What is the code?", "The code is A1."),
    ],
)
def test_a_sentence_that_adds_a_word_or_answers_yes_does_not(question: str, sentence: str) -> None:
    assert not restates(sentence, question)
