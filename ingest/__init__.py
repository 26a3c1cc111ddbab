"""Files to Documents to Chunks: sources, parsers, normalisation and chunking."""
