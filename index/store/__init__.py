"""The one truth and its generations: the catalog, its one writer, and index files that are written once."""
