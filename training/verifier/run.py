"""The whole making of a verifier: claims, training, weights, card."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from citewell.core.machine import available_threads
from citewell.core.models import CARD, model_folder, weights_fingerprint, write_checksums
from citewell.core.settings import Settings
from citewell.encoders.kept import Kept, cache_folder
from citewell.generate.verification.entailment import Entailment
from citewell.generate.verification.weights import ALIGNED, FEATURES, FILE, VerifierWeights
from citewell.training.verifier.claims import Claim, judged_claims, made_claims
from citewell.training.verifier.fit import CHOOSE_PARTS, FIT_PARTS, describe_claims, figures, fit_weights
from citewell.training.verifier.loop import Tell, VerifierTraining, encode, log_to, train

DEV_PART = 13
DEV_EACH = 150  # claims of a source
MOST_TO_FIT = 600  # claims of a source and purpose
BEST = "best"
_CARD = """\
# A verifier on the trunk of a cross-encoder

Low-rank changes (rank {rank}) of the weights of `{trunk}` and a head of three logits: what evidence makes of a claim (supported, not supported,
contradicted). `adapter.safetensors` holds the changes in half precision; `verifier.json` what alignment and meaning are worth together, and the
threshold at which `supported` is right nine times of ten where people judged.

Trained by `citewell train verifier` in {steps} steps of {batch} claims, seed {seed}, on: {sources}.

## On parts that trained and chose nothing of it

| set | claims | balanced accuracy | AUROC | precision of `supported` | called so |
|---|---|---|---|---|---|
{figures}
"""


def train_verifier(
    judged: Path, data: Sequence[Path], out: Path, settings: Settings, tell: Tell, **recipe: Any
) -> dict[str, Any]:
    """Makes a verifier in `out`/best, or goes on making it; returns its figures by set. Raises DatasetInvalid and ModelUnavailable."""
    torch.set_num_threads(available_threads(settings.encoders.threads))
    training = VerifierTraining(**recipe)
    trunk = model_folder(settings.rerank.model)
    claims = [*judged_claims(judged), *(claim for folder in data for claim in made_claims(folder, training.seed))]
    out.mkdir(parents=True, exist_ok=True)
    log = log_to(out / "log.jsonl")

    def told(event: dict[str, object]) -> None:
        log(event)
        tell(event)

    chosen = [claim for claim in claims if claim.part < DEV_PART]
    dev = few([claim for claim in claims if claim.part == DEV_PART], DEV_EACH, training.seed)
    model, steps = train(
        encode(chosen, trunk, training.max_tokens), encode(dev, trunk, training.max_tokens), trunk, out, training, told
    )
    best = out / BEST
    model.save(best)
    found = fit_verifier(claims, best, trunk, settings, training.seed)
    rows = "\n".join(
        f"| {name} | {f['claims']:.0f} | {f['balanced_accuracy']:.3f} | {f['auroc']:.3f} | {f['precision']:.3f} | {f['coverage']:.3f} |"
        for name, f in found["full"].items()
    )
    sources = ", ".join(sorted({claim.source for claim in claims}))
    card = _CARD.format(
        rank=model.rank,
        trunk=settings.rerank.model,
        steps=steps,
        batch=training.batch,
        seed=training.seed,
        sources=sources,
        figures=rows,
    )
    (best / CARD).write_text(card, encoding="utf-8")
    write_checksums(best, without={CARD})
    return found


def fit_verifier(claims: Sequence[Claim], folder: Path, trunk: Path, settings: Settings, seed: int) -> dict[str, Any]:
    """Writes `folder`/verifier.json, and returns the figures by set, with the trained verifier and by alignment alone."""
    entailment = Entailment(folder, trunk, settings.encoders, Kept(cache_folder(settings.encoders.cache)))
    fitting = describe_claims(few([c for c in claims if c.part in FIT_PARTS], MOST_TO_FIT, seed), entailment)
    choosing = describe_claims(few([c for c in claims if c.part in CHOOSE_PARTS], MOST_TO_FIT, seed), entailment)
    weights = VerifierWeights(
        trunk=settings.rerank.model,
        trunk_fingerprint=weights_fingerprint(trunk),
        full=fit_weights(fitting, choosing, FEATURES),
        alignment=fit_weights(fitting, choosing, ALIGNED),
    )
    (folder / FILE).write_text(weights.model_dump_json(indent=1) + "\n", encoding="utf-8")
    return {"full": figures(weights.full, choosing), "alignment": figures(weights.alignment, choosing)}


def few(claims: Sequence[Claim], most: int, seed: int) -> list[Claim]:
    """At most so many claims of each source, chosen by chance."""
    by: dict[str, list[Claim]] = defaultdict(list)
    for claim in claims:
        by[claim.source].append(claim)
    chance = random.Random(seed)  # noqa: S311 (a sample, not a secret)
    return [c for _, own in sorted(by.items()) for c in (chance.sample(own, most) if len(own) > most else own)]
