"""Why an answer is what it is: codes that stay the same from version to version, each with what it means."""

from __future__ import annotations

# Of an answer.
ANSWER_REASONS = {
    "nothing_found": "No passage was found that the caller may read.",
    "nothing_quotable": "The passages that were found hold no sentence.",
    "evidence_below_threshold": "The probability that the documents answer is below generate.threshold.",
    "nothing_verified": "Sentences were drafted, and none of them passed verification.",
    "part_missing": "The question asks several things, and the documents do not answer all of them.",
    "sentence_dropped": "A drafted sentence did not pass verification and is not in the answer.",
    "citation_mended": "A sentence is cited with another span than it was drafted with.",
    "generator_failed": "The chosen model wrote nothing that can be used; the next generator answered.",
    "budget_spent": "The chosen model was not asked, because it would have taken more than may be spent; the next generator answered.",
    "generator_cut_off": "The model failed, or ran out of tokens, while it wrote; the answer is what was whole by then.",
    "generator_escalated": "Nothing that a model wrote passed verification; the next generator answered.",
    "model_declined": "The model finds no answer in the passages.",
    "reply_repaired": "The model's first reply could not be read; it was asked once more.",
    "rewritten": "Sentences did not pass verification, and the model wrote the answer once more.",
    "conflict": "Documents disagree; both are cited.",
    "superseded": "An older edition of a document was left aside because a newer one speaks of the same.",
    "uncalibrated": "The probability is an estimate: it was not calibrated for this generator, these models or this language.",
    "not_reranked": "The cross-encoder could not be used; the order before it was kept.",
    "words_unknown": "None of the question's words stands in the documents; only meaning was compared.",
}
# Of a drafted sentence.
CHECK_REASONS = {
    "quoted": "The cited text holds the sentence word for word.",
    "reformatted": "The cited text holds the sentence, but for how its dates and numbers are written.",
    "entailed": "The cited text says it in other words.",
    "not_said": "The cited text speaks of something else.",
    "not_entailed": "The cited text does not say it.",
    "contradicted_by_meaning": "The cited text says the contrary.",
    "off_question": "The cited text says it, and it does not answer what was asked.",
    "question_restated": "It says nothing that the question does not say.",
    "link_not_cited": "It carries a link that does not stand in the cited text.",
    "secret_not_cited": "It carries what looks like a key, and that does not stand in the cited text.",
    "citation_unresolved": "What it cites is not the stored text.",
    **{
        f"{kind}_{how}": f"A {kind} of the sentence {told}."
        for kind in ("number", "date", "unit", "name", "negation", "opposite")
        for how, told in (("differs", "is another one in the cited text"), ("missing", "is not in the cited text"))
    },
}
