"""What drafts an answer: the Model protocol, the extractive model, hosted ones on Bedrock and elsewhere."""

from typing import Final

from proviso.models.admission import Bucket, Buckets
from proviso.models.bedrock import BedrockEndpoint
from proviso.models.circuit import Breaker, Circuit, Circuits
from proviso.models.endpoint import Endpoint, Target
from proviso.models.estimating import Estimator, Estimators
from proviso.models.extractive import Extractive
from proviso.models.failure import CallFailed, Kind
from proviso.models.fallback import Fallback
from proviso.models.hosted import Hosted
from proviso.models.openai_compatible import OpenAIEndpoint
from proviso.models.place import Place, Traits
from proviso.models.protocol import Model, ModelRequest
from proviso.models.retrying import ANSWERED, ModelBusy, Retry, Unanswered
from proviso.models.scripted import Scripted
from proviso.models.scripted_endpoint import ScriptedEndpoint, Step
from proviso.models.shapes import Call, Guard, Inference, Message, Reply, Text

# Raised whenever this room's code would answer differently.
REVISION: Final = 1

__all__ = [
    "ANSWERED",
    "REVISION",
    "BedrockEndpoint",
    "Breaker",
    "Bucket",
    "Buckets",
    "Call",
    "CallFailed",
    "Circuit",
    "Circuits",
    "Endpoint",
    "Estimator",
    "Estimators",
    "Extractive",
    "Fallback",
    "Guard",
    "Hosted",
    "Inference",
    "Kind",
    "Message",
    "Model",
    "ModelBusy",
    "ModelRequest",
    "OpenAIEndpoint",
    "Place",
    "Reply",
    "Retry",
    "Scripted",
    "ScriptedEndpoint",
    "Step",
    "Target",
    "Text",
    "Traits",
    "Unanswered",
]
