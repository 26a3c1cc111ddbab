"""The only code that knows all stages: wiring, building an index, asking a question."""
