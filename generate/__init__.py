"""A query and its passages to an answer: assembly, generation, verification and the decision to answer."""
