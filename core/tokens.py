"""Exact token counts with a model's own tokenizer, without loading the model."""

from __future__ import annotations

from bisect import bisect_left
from pathlib import Path

from tokenizers import Tokenizer as FastTokenizer

from citewell.core.errors import ModelUnavailable

# WordPiece turns any word of more than 100 characters into one unknown token, and scripts without spaces have such words.
# Such a word counts as tokens of four characters, so that no passage hides a megabyte behind a single one.
LONG_WORD_CHARS = 100
CHARS_PER_TOKEN = 4


class ModelTokenizer:
    """Counts and locates tokens as the model at `folder` would see them, without special tokens."""

    def __init__(self, folder: Path) -> None:
        path = folder / "tokenizer.json"
        if not path.is_file():
            raise ModelUnavailable(
                f"{folder} holds no tokenizer.json", hint="Give a model folder with a fast tokenizer."
            )
        self._tokenizer = FastTokenizer.from_file(str(path))
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()

    def count(self, text: str) -> int:
        """How many tokens `text` has."""
        return len(self._tokenizer.encode(text, add_special_tokens=False).ids)

    def spans(self, text: str) -> list[tuple[int, int]]:
        """The character span of each token of `text`, in order."""
        return list(self._tokenizer.encode(text, add_special_tokens=False).offsets)


class TokenMap:
    """Token costs of any span of one text, from a single pass of the tokenizer."""

    def __init__(self, tokenizer: ModelTokenizer, text: str) -> None:
        self.starts: list[int] = []
        self._cost = [0]
        for start, end in tokenizer.spans(text):
            if end <= start:
                continue
            step = CHARS_PER_TOKEN if end - start > LONG_WORD_CHARS else end - start
            for at in range(start, end, step):
                self.starts.append(at)
                self._cost.append(self._cost[-1] + 1)

    def cost(self, start: int, end: int) -> int:
        """Tokens that begin in [start, end), an over-long word counted in pieces."""
        return self._cost[bisect_left(self.starts, end)] - self._cost[bisect_left(self.starts, start)]

    def longest_end(self, start: int, end: int, budget: int) -> int:
        """The largest boundary in (start, end] whose span costs at most `budget`; always past `start`."""
        if self.cost(start, end) <= budget:
            return end
        first = bisect_left(self.starts, start)
        last = first
        while (
            last < len(self.starts) and self.starts[last] < end and self._cost[last + 1] - self._cost[first] <= budget
        ):
            last += 1
        cut = self.starts[last] if last > first else start + budget * CHARS_PER_TOKEN
        return min(max(cut, start + 1), end)
