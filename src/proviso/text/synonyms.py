"""Synonyms: words and short phrases that a team declares to mean the same."""

from collections.abc import Iterable, Iterator

from msgspec import Struct

from proviso.text.terms import Analyser


class Alternative(Struct, frozen=True, gc=False):
    """A part of a question that could have been worded otherwise: by all terms of any one of `others`."""

    own: frozenset[int]
    others: tuple[frozenset[int], ...]


class _Form(Struct, frozen=True, gc=False):
    phrase: tuple[int, ...]
    terms: frozenset[int]


class Synonyms:
    """Sets of words and phrases of one meaning, compiled once; they may be shared.

    Each form (a word or a phrase) stands for every other of its set. Forms are compared by their terms, so
    that `receipts` is found where `receipt` was declared. A verb with a particle (`call off`) is known in
    questions only: the terms of a passage have no particles, and `call` alone would be another word.
    """

    def __init__(self, sets: Iterable[Iterable[str]], analyser: Analyser) -> None:
        self._analyser = analyser
        # First term → the forms that begin with it, the longest first, each with what else may be said.
        self._begun: dict[int, list[tuple[_Form, Alternative]]] = {}
        for words in sets:
            forms = [form for form in map(self._form, words) if form.terms]
            for form in forms:
                others = [o.terms for o in forms if o.terms != form.terms and len(o.terms) == len(o.phrase)]
                if others:
                    alternative = Alternative(form.terms, tuple(dict.fromkeys(others)))
                    self._begun.setdefault(form.phrase[0], []).append((form, alternative))
        for begun in self._begun.values():
            begun.sort(key=lambda entry: -len(entry[0].phrase))

    def alternatives(self, question: str) -> list[Alternative]:
        """What else the question might have said: from left to right, the longest forms, none in another."""
        return list(self._found(self._analyser.phrase(question)[0]))

    def _form(self, words: str) -> _Form:
        phrase, particles = self._analyser.phrase(words)
        return _Form(tuple(phrase), frozenset(phrase) - particles)

    def _found(self, terms: list[int]) -> Iterator[Alternative]:
        taken = 0
        for place, term in enumerate(terms):
            if place < taken or term not in self._begun:
                continue
            for form, alternative in self._begun[term]:
                length = len(form.phrase)
                if length == 1 or tuple(terms[place : place + length]) == form.phrase:
                    taken = place + length
                    yield alternative
                    break
