"""One thing that is asked, with what speaks for an answer, and how much has to."""

from __future__ import annotations

from dataclasses import dataclass

from citewell.core.answers import Sufficiency
from citewell.core.evidence import Evidence
from citewell.core.settings import GenerateSettings

NEVER = 1.01  # above any probability


@dataclass(frozen=True, slots=True)
class Part:
    """One thing that is asked, and what the context's sentences are worth for it."""

    text: str
    evidence: Evidence

    threshold: float

    @property
    def probability(self) -> float:
        """That the context answers it."""
        return self.evidence.sufficiency.probability

    @property
    def is_answered(self) -> bool:
        """Whether the evidence is strong enough to answer it."""
        return self.probability >= self.threshold


def threshold_for(sufficiency: Sufficiency, settings: GenerateSettings) -> float:
    """The probability from which on is answered: what the calibration tells for the stated risk, or the threshold of the settings where no
    risk is stated, or nothing was calibrated. Above 1 where no threshold keeps to the risk: then nothing is answered."""
    if not settings.risk or sufficiency.uncalibrated:
        return settings.threshold
    fitting = [threshold for risk, threshold in sufficiency.thresholds if risk <= settings.risk]
    return fitting[-1] if fitting else NEVER
