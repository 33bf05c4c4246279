"""From an answer back to its documents, their approvals and the contract: the record of a run, made readable.

Pure: takes the record, the stored bundles and a look-up of passages, returns plain values.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import msgspec

from proviso.contract import Bundle, Terms
from proviso.ledger import PassageRef, RunFinished, RunRecord
from proviso.retrieval import Lineage

Trace = dict[str, Any]


def trace(
    record: RunRecord,
    event: RunFinished,
    bundle: Bundle,
    terms: Terms,
    lineage: Callable[[str], Lineage | None],
) -> Trace:
    """Return the way back from a finished run. `lineage` finds a passage of the run's snapshot."""
    plain = msgspec.to_builtins(event)
    return {
        "run": {
            "id": record.run,
            "user": record.user or "(erased)",
            "writer": record.writer,
            "sequence": record.sequence,
            **{key: plain[key] for key in plain if key not in _APART},
            "at": datetime.fromtimestamp(event.at / 1_000_000, UTC).isoformat(timespec="milliseconds"),
        },
        "payload": _payload(record),
        "passages": [_passage(ref, record, terms, lineage(ref.id)) for ref in event.passages],
        "decisions": plain["decisions"],
        "timings": event.timings,
        "contract": _contract(bundle, terms),
        "approvals": [],  # none can be given before change control exists; the run says `unapproved`
    }


_APART = {"run", "subject", "passages", "citations", "decisions", "timings", "at", "event"}


def _payload(record: RunRecord) -> dict[str, str]:
    kept = record.payload
    texts = {"question": kept.question, "answer": kept.answer} if kept else {}
    return {name: text for name, text in texts.items() if text is not None}


def _passage(ref: PassageRef, record: RunRecord, terms: Terms, known: Lineage | None) -> dict[str, Any]:
    """One passage. Who had approved its source is what the run's own terms say, whatever has been approved since."""
    event, kept = record.finished, record.payload
    cited = event.citations if event else ()
    source = terms.sources.get(ref.source)
    approval = source.approval if source else None
    return {
        "id": ref.id,
        "source": ref.source,
        "document": ref.document,
        "version": ref.version,
        "start": ref.start,
        "end": ref.end,
        "title": known.title if known else "",
        "approved_by": approval.by if approval else "(nobody)",
        "approved_on": approval.on if approval else "",
        "fetched_at": known.fetched_at if known else "(the snapshot is gone)",
        "cited_as": ", ".join(map(str, sorted({c.number for c in cited if c.passage == ref.id}))),
        "citations": [msgspec.to_builtins(c) for c in cited if c.passage == ref.id],
        "quotes": [
            {"start": quote.start, "end": quote.end, "text": quote.quote, "digest": quote.quote_digest}
            for quote in (kept.citations or () if kept else ())
            if quote.passage == ref.id
        ],
    }


def _contract(bundle: Bundle, terms: Terms) -> dict[str, Any]:
    owners = terms.contract.owners.model_dump(exclude={"escalation"})
    escalation = [{"after": step.after, "to": step.to} for step in terms.contract.owners.escalation]
    return {
        "tier": bundle.contract.tier,
        "summary": terms.contract.summary,
        "owners": {role: who for role, who in owners.items() if who},
        "escalation": escalation,
        "policy": terms.policy.policy,
        "policy_version": terms.policy.version,
        "revisions": dict(bundle.revisions),
    }
