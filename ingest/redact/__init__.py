"""Personal data taken out of what a parser read, before anything of it is stored: an e-mail address becomes `[e-mail]`.

Off unless `ingest.redact` names kinds. Everything but names is found by rules and check digits, without a model.
"""

from citewell.ingest.redact.documents import redact_parsed
from citewell.ingest.redact.redactor import KINDS, Redactor
from citewell.ingest.redact.spans import Span

__all__ = ["KINDS", "Redactor", "Span", "redact_parsed"]
