"""What drafts an answer: the Model protocol, the extractive model; later Bedrock and others."""

from typing import Final

from proviso.models.extractive import Extractive
from proviso.models.fallback import Fallback
from proviso.models.protocol import Model, ModelRequest
from proviso.models.scripted import Scripted

# Raised whenever this room's code would answer differently.
REVISION: Final = 1

__all__ = ["REVISION", "Extractive", "Fallback", "Model", "ModelRequest", "Scripted"]
