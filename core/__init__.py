"""The shared kernel: the words that flow between stages, their errors, settings and tracing. Imports no stage."""
