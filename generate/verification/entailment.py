"""The trained verifier: what evidence makes of a claim, by meaning. It runs like the other models, converted for the machine."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from citewell.core.errors import CitewellError, ModelFailed
from citewell.core.models import file_sha256, weights_fingerprint
from citewell.core.settings import EncoderSettings
from citewell.core.tokens import ModelTokenizer
from citewell.core.types import headed
from citewell.core.verdicts import Claimed
from citewell.encoders.encoder import Encoder
from citewell.encoders.kept import Kept
from citewell.encoders.network import Loaded, Network, Text
from citewell.encoders.window import cut
from citewell.generate.verification.uniform import uniform

ADAPTER_FILE = "adapter.safetensors"
MAX_TOKENS = 192  # of claim and evidence together, as it was trained
SPECIAL_TOKENS = 3
HINT = "Check by alignment alone: generate.verifier = alignment."


class Entailment:
    """Log odds that evidence supports a claim, and that it contradicts it; of long evidence the sentences that bear on the claim are read.

    `trunk` is the folder of the cross-encoder that the verifier was trained on, `folder` that of its own weights.
    """

    def __init__(self, folder: Path, trunk: Path, encoders: EncoderSettings, kept: Kept) -> None:
        self._folder = folder
        self._trunk = trunk
        self._encoders = encoders
        self._kept = kept

    @cached_property
    def encoder(self) -> Encoder:
        """What runs the model here."""
        key = f"verifier-{file_sha256(self._folder / ADAPTER_FILE)[:8]}-{weights_fingerprint(self._trunk)}-{MAX_TOKENS}"
        return Encoder(Network(key, "pairs", self._load), self._encoders, self._kept)

    def _load(self) -> Loaded:
        from citewell.generate.verification.network import load_verifier

        return load_verifier(self._trunk, self._folder, MAX_TOKENS)

    @cached_property
    def _tokenizer(self) -> ModelTokenizer:
        return ModelTokenizer(self._trunk)

    def log_odds(self, claims: Sequence[Claimed]) -> NDArray[np.float64]:
        """`(len(claims), 2)`: of `supported`, and of `contradicted`. Raises ModelUnavailable or ModelFailed."""
        found = np.zeros((len(claims), 2))
        try:
            pairs: list[Text] = [self._pair(uniform(claim.text), claim) for claim in claims]
            for batch in self.encoder.run(pairs):
                found[batch.places] = np.stack([output.ravel() for output in batch.outputs], axis=1)
        except CitewellError:
            raise
        except Exception as error:  # out of memory, or a file that does not fit
            raise ModelFailed(f"the verifier cannot judge: {type(error).__name__}", hint=HINT) from error
        if not np.isfinite(found).all():
            raise ModelFailed("the verifier gives numbers that are none", hint=HINT)
        return found

    def _pair(self, text: str, claim: Claimed) -> Text:
        own = min(self._tokenizer.count(text), MAX_TOKENS // 2)
        room = MAX_TOKENS - own - SPECIAL_TOKENS
        return text, cut(text, uniform(headed(claim.header, claim.evidence)), self._tokenizer, room).text
