"""Text in its kinds: plain, Markdown, reStructuredText, AsciiDoc, LaTeX, source code; and what names the columns of a table."""
