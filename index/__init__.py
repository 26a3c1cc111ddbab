"""Chunks to one index generation, and a query to rankings: catalog, lexical, dense, embed, fusion, generations."""
