"""Coverage and gaps, gates, traces, which release serves a caller; later changes, reviews, rollouts, switches."""

from proviso.governance.coverage import LEGS, Coverage, Row, Stage, Standing, measure
from proviso.governance.gate import admit
from proviso.governance.routing import Routing
from proviso.governance.trace import Trace, trace

__all__ = ["LEGS", "Coverage", "Routing", "Row", "Stage", "Standing", "Trace", "admit", "measure", "trace"]
