"""Terms: words reduced to 32-bit IDs of their stems, for coverage and similarity."""

import re
from itertools import chain
from typing import Final, Literal
from zlib import crc32

from Stemmer import Stemmer

from proviso.text.folding import fold
from proviso.text.irregular import irregular_english
from proviso.text.numerals import NUMERAL, canonical_numbers
from proviso.text.stop_words import ENGLISH, GERMAN

Language = Literal["en", "de"]

# Han, kana and Hangul are not set off by spaces: each character is a term.
_UNSPACED: Final = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff"
_TOKEN: Final = re.compile(
    rf"{NUMERAL}(?:(?:st|nd|rd|th)\b)?|(?:[A-Za-z]\.){{2,8}}|[^\W\d_{_UNSPACED}][^\W_{_UNSPACED}]*(?:['’][^\W\d_{_UNSPACED}]+)?"
    rf"|[{_UNSPACED}]"
)
# Stop words that make another verb of the one before them: `call off`, `hand in`.
_PARTICLES: Final[dict[str, dict[str, int]]] = {
    "en": {word: crc32(f"~{word}".encode()) for word in str.split("away down in off on out over up")},
    "de": {},
}
_STOP_WORDS: Final[dict[str, frozenset[str]]] = {"en": ENGLISH, "de": GERMAN}
# In capitals these are names, not pronouns.
_NAMES: Final = frozenset({"IT", "US"})
# British and American spelling share a term: `organisation`, `labour`.
_BRITISH_Z: Final = re.compile(r"(?<=[a-z]{3})(?:is(?=e[drs]?$|es$|ing$|ations?$)|ys(?=e[ds]?$|ing$))")
_BRITISH_U: Final = re.compile(r"(?<=[a-z]{3})our(?=$|s$|ed$|ing$|al$|able$|ite$|ful$)")
_LONGEST_WORD: Final = 64
_CACHE_WORDS: Final = 32_768


class _Ids(dict[str, tuple[int, ...]]):
    """Token → the IDs of its terms, filled as they are met; emptied when full, so that memory is bounded."""

    def __init__(self, language: Language) -> None:
        super().__init__()
        self._english = language == "en"
        self._irregular = irregular_english() if self._english else {}
        self._stop_words = _STOP_WORDS[language]
        # Its own cache off: a stemmer without state may be shared by threads under the interpreter's lock.
        self._stemmer = Stemmer(language, 0)

    def __missing__(self, token: str) -> tuple[int, ...]:
        ids = tuple([crc32(term.encode()) for term in self._terms(token)])
        if len(token) <= _LONGEST_WORD:
            if len(self) >= _CACHE_WORDS:
                self.clear()
            self[token] = ids
        return ids

    def _terms(self, token: str) -> list[str]:
        if token[0].isdecimal():
            return canonical_numbers(token.rstrip("stndrh"))
        if "." in token:
            return [token.replace(".", "").casefold()]
        word = token[:_LONGEST_WORD].casefold().replace("’", "'")
        if token in _NAMES:
            return [word]
        if word in self._stop_words:
            return []
        if self._english:
            word = word.removesuffix("'s")
            word = self._irregular.get(word, word)
            word = _BRITISH_U.sub("or", _BRITISH_Z.sub(lambda m: f"{m[0][0]}z", word))
        stem: str = self._stemmer.stemWord(word)
        return [stem]


class Analyser:
    """Turns text into terms. One per process is enough; it may be shared, and keeps single words only."""

    def __init__(self, language: Language = "en") -> None:
        self.language = language
        self._ids = _Ids(language)
        self._particles = _PARTICLES[language]

    def terms(self, text: str) -> list[int]:
        """The terms of a text in its order, repeats kept: each the CRC-32 (UTF-8) of a Snowball stem.

        Words are folded (NFKC, case, British to American spelling); stop words are left out; a number is its
        canonical form, so that `1,200` and `1200.00` are one term. IDs are the same on any machine. Two words
        share an ID by chance once in 4 · 10⁹ pairs. Time is linear in the text's length.
        """
        return list(chain.from_iterable(map(self._ids.__getitem__, _TOKEN.findall(fold(text)))))

    def phrase(self, text: str) -> tuple[list[int], set[int]]:
        """The terms of a text with the particles of its verbs kept (`call off`), and those particles."""
        ids, particles = self._ids, self._particles
        terms: list[int] = []
        kept: set[int] = set()
        for token in _TOKEN.findall(fold(text)):
            if token in particles:
                kept.add(particles[token])
                terms.append(particles[token])
            else:
                terms += ids[token]
        return terms, kept
