"""Who hears an answer while it is made: the stages as they begin, and the sentences before the answer is whole."""

from __future__ import annotations

from citewell.core.answers import Sentence


class Audience:
    """Hears nothing; those who listen override what they want to hear. Calls come from several threads, never two at once for a question."""

    @property
    def is_gone(self) -> bool:
        """Whether nobody waits for the answer any more: then no model goes on writing."""
        return False

    def stage(self, name: str) -> None:
        """A stage begins."""

    def sentence(self, sentence: Sentence, *, checked: bool) -> None:
        """A sentence of the answer. Checked ones stay in it, in this order; the others may be missing there."""


NOBODY = Audience()
