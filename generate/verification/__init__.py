"""Whether a sentence says what the text it cites says: exact alignment first, then entailment."""
