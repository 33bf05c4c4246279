"""Text as such: normalising, sentences, terms, similarity, addresses."""

from proviso.text.addresses import address, is_loopback
from proviso.text.folding import fold
from proviso.text.numerals import numbers
from proviso.text.sentences import sentence_spans
from proviso.text.synonyms import Alternative, Synonyms
from proviso.text.terms import Analyser, Language

__all__ = [
    "REVISION",
    "Alternative",
    "Analyser",
    "Language",
    "Synonyms",
    "address",
    "fold",
    "is_loopback",
    "numbers",
    "sentence_spans",
]

# Raised whenever this room would cut, fold or name the terms of a text otherwise than before.
REVISION = 1
