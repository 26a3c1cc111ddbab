"""Chunks to one index generation (`store`), and a query to rankings: lexical, dense, embed, fusion, over one snapshot."""
