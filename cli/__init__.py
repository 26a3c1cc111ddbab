"""The command line: thin commands over the pipeline, the service and the evaluation."""
