"""How many tokens a model will read, estimated from bytes and calibrated on what it said it had read."""

from typing import Final

from proviso.types import Usage

# What a model's own template puts around the messages.
_AROUND: Final = 32
# Before a model has said anything: English takes a quarter, code and most other scripts less than a half.
_AT_FIRST: Final = 0.5
# What a team has written and chosen takes at most this, unless the model has shown otherwise.
_CHOSEN: Final = 1 / 3
_ROOM: Final = 1.1
_DECAY: Final = 0.05
# Too little text says nothing of the rest.
_LEAST: Final = 200


class Estimator:
    """Tokens per byte of UTF-8 for one model: an estimate from above that sinks slowly and rises at once."""

    def __init__(self) -> None:
        self._seen: float | None = None

    def tokens(self, size: int) -> int:
        """Return how many tokens `size` bytes are likely to be, rather too many than too few."""
        return int(size * (_AT_FIRST if self._seen is None else self._seen)) + _AROUND

    def most(self, written: int, chosen: int) -> int:
        """Return how many tokens a prompt is taken to be at most, for its price.

        Of what the caller has `written`, who may mean it badly, a byte can be a token. What the team has `chosen`
        counts as this model is known to read.
        """
        share = _CHOSEN if self._seen is None else max(_CHOSEN, self._seen)
        return written + int(chosen * share) + _AROUND

    def observe(self, size: int, usage: Usage) -> None:
        """Learn from a call of `size` bytes how many tokens they were."""
        if size < _LEAST:
            return
        read = usage.input_tokens + usage.cache_read_tokens + usage.cache_write_tokens
        share = min(1.0, max(0, read - _AROUND) / size * _ROOM)
        if self._seen is None or share >= self._seen:
            self._seen = share
        else:
            self._seen -= (self._seen - share) * _DECAY


class Estimators:
    """The estimators of one process, by what is called: they outlive releases."""

    def __init__(self) -> None:
        self._estimators: dict[str, Estimator] = {}

    def of(self, model: str) -> Estimator:
        """Return the estimator of a model, by its name in models.yaml."""
        return self._estimators.setdefault(model, Estimator())
