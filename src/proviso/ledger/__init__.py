"""What happened: typed events, durable before the reply; vault.py holds every payload."""

from proviso.ledger.events import (
    AccessChanged,
    AppDeployed,
    AttemptRef,
    CitationRef,
    Event,
    EventRefused,
    Fact,
    KeyCreated,
    KeyRevoked,
    Outcome,
    PassageRef,
    ReleaseBuilt,
    RunFinished,
    RunGap,
    RunStarted,
    SnapshotBuilt,
    decode,
    kind,
)
from proviso.ledger.memory import MemoryLedger
from proviso.ledger.protocol import Ledger, Projection, Records, RunRecord
from proviso.ledger.reader import RunReader
from proviso.ledger.recorder import Recorder
from proviso.ledger.usage import Usage, UsageReader
from proviso.ledger.vault import LOGGABLE, Payload, PayloadRefused, StoredPayload, Vault

__all__ = [
    "LOGGABLE",
    "AccessChanged",
    "AppDeployed",
    "AttemptRef",
    "CitationRef",
    "Event",
    "EventRefused",
    "Fact",
    "KeyCreated",
    "KeyRevoked",
    "Ledger",
    "MemoryLedger",
    "Outcome",
    "PassageRef",
    "Payload",
    "PayloadRefused",
    "Projection",
    "Recorder",
    "Records",
    "ReleaseBuilt",
    "RunFinished",
    "RunGap",
    "RunReader",
    "RunRecord",
    "RunStarted",
    "SnapshotBuilt",
    "StoredPayload",
    "Usage",
    "UsageReader",
    "Vault",
    "decode",
    "kind",
]
