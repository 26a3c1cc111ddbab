"""The codes of decisions are documented, each with its meaning."""

from __future__ import annotations

from pathlib import Path

from citewell.core.reasons import ANSWER_REASONS, CHECK_REASONS

DOCUMENT = Path(__file__).parents[3] / "docs" / "ARCHITECTURE.md"


def test_every_code_is_documented_with_its_meaning() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    for code, meaning in {**ANSWER_REASONS, **CHECK_REASONS}.items():
        assert f"| `{code}` |" in text
        assert meaning in text
