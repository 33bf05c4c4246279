"""Refused purposes by their examples: refused is a question near enough to them, and not nearer to allowed ones.

A question's likeness to a group of examples is the mean of its cosine with their centroid (Rocchio 1971) and with the
nearest of them, over stems and character 4-grams. Half of its likeness to the nearest allowed intent is taken off: so
near misses pass, and more intents in a contract never make it refuse less of what is unlike all of them. On public
intent sets, with seven examples a purpose, it refuses 0.79 of unseen questions of that kind at 0.01 of the allowed
intents' and 0.05 of unrelated ones. What it cannot do: it knows no meaning, so a question that shares no word (nor part
of one) with any example passes, and a negation or a quotation changes nothing. More, and shorter, examples help.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from math import log, sqrt

from proviso.contract import PurposeSection, Quality
from proviso.text import Analyser, sentence_spans

Feature = int | str
Vector = dict[Feature, float]

_WORD = re.compile(r"[^\W_]+")
_GRAM = 4
_GRAM_WEIGHT = 0.4
_IDF_POWER = 0.5  # few examples: a word that many of them share tells more, not less
_ALLOWED_SHARE = 0.5
_THRESHOLD = 0.2  # likeness at which 0.05 of unrelated questions are refused
_SENTENCE_THRESHOLD = 0.3  # of one sentence among others: short ones are alike by accident


class PurposeFilter:
    """The refused purposes of one contract, reduced to lists of weights by feature."""

    __slots__ = ("_allowed", "_analyser", "_default", "_idf", "_known", "_refused")

    def __init__(
        self, refused: Mapping[str, Sequence[str]], allowed: Mapping[str, Sequence[str]], analyser: Analyser
    ) -> None:
        self._analyser = analyser
        texts = dict.fromkeys(chain(*refused.values(), *allowed.values()))
        features = {text: self._features(text) for text in texts}
        self._idf, self._default = _inverse_frequencies(features.values())
        vectors = {text: _normed(self._weigh(found)) for text, found in features.items()}
        self._refused = _Groups({name: [vectors[text] for text in group] for name, group in refused.items()})
        self._allowed = _Groups({name: [vectors[text] for text in group] for name, group in allowed.items()})
        # An example is what it is said to be, whatever its neighbours are. Refusal wins where a text is both.
        self._known: dict[frozenset[Feature], str | None] = {
            frozenset(features[text]): None for group in allowed.values() for text in group
        }
        for name, group in refused.items():
            self._known.update((frozenset(features[text]), name) for text in group)

    def refused(self, text: str) -> str | None:
        """The ID of the refused purpose that a question (or one of its sentences) has, or None."""
        if not self._refused.names:
            return None
        best, name = self._score(text)
        if best > _THRESHOLD:
            return name
        spans = sentence_spans(text)
        if len(spans) < 2:
            return None
        best, name = max(self._score(text[start:end]) for start, end in spans)
        return name if best > _SENTENCE_THRESHOLD else None

    def _score(self, text: str) -> tuple[float, str]:
        """How like the text is to the nearest refused purpose (0 … 1), less what speaks for it, and which that is."""
        features = self._features(text)
        if not features:
            return 0.0, ""
        known = frozenset(features)
        if known in self._known:
            name = self._known[known]
            return (1.0, name) if name else (0.0, "")
        vector = self._weigh(features)
        likeness, name = self._refused.nearest(vector)
        allowed, _ = self._allowed.nearest(vector)
        return (likeness - _ALLOWED_SHARE * allowed) / sqrt(_squares(vector)), name

    def _features(self, text: str) -> Vector:
        """Stems, and 4-grams of the words that have one (stop words do not)."""
        terms = self._analyser.terms
        features: Vector = {}
        for word in dict.fromkeys(_WORD.findall(text.lower())):
            ids = terms(word)
            if not ids:
                continue
            features.update(dict.fromkeys(ids, 1.0))
            padded = f"#{word[:64]}#"
            for place in range(len(padded) - _GRAM + 1):
                features[padded[place : place + _GRAM]] = _GRAM_WEIGHT
        return features

    def _weigh(self, features: Vector) -> Vector:
        idf, default = self._idf, self._default
        return {feature: weight * idf.get(feature, default) for feature, weight in features.items()}


class _Groups:
    """Groups of examples as postings: for each feature, its weight in each example and in each centroid that has it."""

    __slots__ = ("_group_of", "_postings", "_size", "names")

    def __init__(self, groups: Mapping[str, Sequence[Vector]]) -> None:
        self.names = tuple(groups)
        # The first places are the centroids', in the order of the names; the others are the examples'.
        vectors = [_centroid(group) for group in groups.values()] + list(chain(*groups.values()))
        self._group_of = [place for place, group in enumerate(groups.values()) for _ in group]
        self._size = len(vectors)
        self._postings: dict[Feature, list[tuple[int, float]]] = {}
        for place, vector in enumerate(vectors):
            for feature, weight in vector.items():
                self._postings.setdefault(feature, []).append((place, weight))

    def nearest(self, vector: Vector) -> tuple[float, str]:
        """The likeness to the nearest group, times the vector's length, and the group's name."""
        if not self.names:
            return 0.0, ""
        cosines = [0.0] * self._size
        for feature, weight in vector.items():
            for place, other in self._postings.get(feature, ()):
                cosines[place] += weight * other
        count = len(self.names)
        closest = [0.0] * count
        for place, group in enumerate(self._group_of, count):
            closest[group] = max(closest[group], cosines[place])
        likeness = [(cosines[group] + closest[group]) / 2 for group in range(count)]
        best = max(range(count), key=likeness.__getitem__)
        return likeness[best], self.names[best]


def purpose_filter(purpose: PurposeSection, quality: Quality, analyser: Analyser) -> PurposeFilter:
    """The filter for a contract: a purpose's description counts as one more example of it."""
    refused = {refused.id: (*refused.examples, refused.description) for refused in purpose.refuses}
    allowed = {name: intent.examples for name, intent in quality.intents.items()}
    return PurposeFilter(refused, allowed, analyser)


def _inverse_frequencies(vectors: Iterable[Vector]) -> tuple[dict[Feature, float], float]:
    documents = list(vectors)
    counts = Counter(feature for vector in documents for feature in vector)
    total = len(documents) + 1
    idf = {feature: log(total / (count + 0.5)) ** _IDF_POWER for feature, count in counts.items()}
    return idf, log(total / 0.5) ** _IDF_POWER


def _squares(vector: Vector) -> float:
    return sum(weight * weight for weight in vector.values())


def _normed(vector: Vector) -> Vector:
    length = sqrt(_squares(vector)) or 1.0
    return {feature: weight / length for feature, weight in vector.items()}


def _centroid(vectors: Iterable[Vector]) -> Vector:
    total: Vector = {}
    for vector in vectors:
        for feature, weight in vector.items():
            total[feature] = total.get(feature, 0.0) + weight
    return _normed(total)
