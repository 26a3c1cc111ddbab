"""Citewell answers questions over a team's own documents, with citations that were checked, or says that they do not say."""

__version__ = "0.1.0"
