"""What an index was built with."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from citewell.core.errors import IndexIncompatible
from citewell.index.analysis import ANALYZER_VERSION


class Fingerprints(BaseModel):
    """What an index was built with; an index is opened only by the same."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    embedder: str
    chunker: str
    lexical_engine: str
    analyzer: str = ANALYZER_VERSION


def require_same(built: Fingerprints, configured: Fingerprints) -> None:
    """Raises IndexIncompatible when the settings, or what this version makes of them, differ from what the index was built with."""
    differing = [name for name in Fingerprints.model_fields if getattr(built, name) != getattr(configured, name)]
    if differing:
        raise IndexIncompatible(
            f"the index was built with another {' and '.join(differing).replace('_', ' ')} than this version with these settings has",
            hint="Run `citewell ingest --rebuild` to build the index anew from the stored text, or set the values back if you changed them.",
        )
