"""A place where a hosted model is called, with all that belongs to it: its room, its circuit, its ways."""

from msgspec import Struct, field

from proviso.models.admission import Bucket
from proviso.models.circuit import Circuit
from proviso.models.endpoint import Endpoint
from proviso.models.estimating import Estimator
from proviso.models.shapes import Guard, Inference


class Traits(Struct, frozen=True):
    """What is particular to a model, and how a release wants it asked."""

    max_output: int | None = None  # the longest answer that it can give, in tokens
    burn: float = 1.0  # how many tokens of its quota one output token takes
    structured: bool = False  # whether it can be held to a JSON Schema
    cache_min_tokens: int = 0  # the shortest prefix that its prompt cache takes; 0: it has no cache
    guard: Guard | None = None
    inference: Inference = Inference()


class Place(Struct, frozen=True, eq=False):
    """One endpoint of one model. Bucket, circuit and estimator are shared by all who call the same there."""

    endpoint: Endpoint
    bucket: Bucket
    circuit: Circuit
    traits: Traits = Traits()
    estimator: Estimator = field(default_factory=Estimator)
