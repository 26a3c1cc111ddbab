"""A query and its candidates to a better order: cross-encoder and the cascade that decides what it sees."""
