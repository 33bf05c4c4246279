"""Screening: CPU per text; with labelled sets also recall and precision by type, false hits on benign text.

    python bench/screen.py [--data DIR]

DIR is a set (JSON lines) or a folder of sets; what a row is for is told by its fields. The last line is JSON.
"""

import argparse
import json
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

from proviso.contract import ReleasePart
from proviso.guardrails import Guardrails, compile_guardrails
from proviso.types import Channel

# A label of the sets → our type. Labels that no pattern here is for (persons, dates) are not measured.
TYPES: Final = {
    "CREDIT_CARD": "CREDIT_DEBIT_CARD_NUMBER",  # the same numbers
    "US_SSN": "US_SOCIAL_SECURITY_NUMBER",  # the same numbers
    "IBAN_CODE": "INTERNATIONAL_BANK_ACCOUNT_NUMBER",  # the same numbers
    "EMAIL_ADDRESS": "EMAIL",  # the same values
    "PHONE_NUMBER": "PHONE",  # with extensions
    "IP_ADDRESS": "IP_ADDRESS",  # versions 4 and 6
    "MAC_ADDRESS": "MAC_ADDRESS",  # the same values
}
QUESTION: Final = (
    "What is the per diem for Oslo when I travel for more than three days and my hotel already includes "
    "breakfast, please?"
)
ANSWER: Final = (
    "The per diem for Oslo is 95 EUR for 2026 and covers meals for the whole day [1]. It is paid for trips "
    "of more than 12 hours, counted from departure to arrival [1]. For an included breakfast 20 percent is "
    "taken off, for lunch and dinner 40 percent each, up to 2,500 EUR a year [2]. "
)
DENSE: Final = "Dana: dana@example.com, +47 22 00 00 00, 192.168.1.44, EMP-1. "
_CONTRACT: Final[dict[str, Any]] = {
    "contract": "bench",
    "tier": "internal-assist",
    "purpose": {"tasks": ["answer"]},
    "inputs": {
        "sensitive": {"mask": [*TYPES.values(), "AWS_ACCESS_KEY", "AWS_SECRET_KEY"]},
        "languages": ["en"],
        "max_chars": 1_000_000,
    },
    "outputs": {
        "format": {"kind": "markdown"},
        "citations": "required",
        "disallowed": [{"id": "promise", "description": "promises", "patterns": ["we will reimburse"]}],
        "on_failed_sentence": "drop",
    },
    "quality": {"intents": {}, "long_tail": {"accuracy": 0.8}},
    "safety": {"grounding": {"method": ["citations"], "threshold": 0.7}},
    "models": {"needs": {}, "when_unavailable": "refuse"},
}
# Fields of a row → what kind of set it is (the first that fits). Only `pii` and `benign` are measured here.
KINDS: Final[Sequence[tuple[str, frozenset[str]]]] = (
    ("pii", frozenset({"text", "spans"})),
    ("refusals", frozenset({"completion", "final_label"})),
    ("verification", frozenset({"knowledge", "response"})),
    ("carrier", frozenset({"context", "ideal"})),
    ("attack", frozenset({"attack"})),
    ("attack", frozenset({"user_input", "injection_type"})),
    ("routing", frozenset({"text", "category"})),
    ("routing", frozenset({"text", "intent"})),
    ("prompt", frozenset({"prompt"})),
    ("prompt", frozenset({"user_query"})),
    ("retrieval", frozenset({"_id", "text"})),
    ("attack", frozenset({"text"})),
)


def kind_of(row: dict[str, Any]) -> str | None:
    """What a row is for, told by its fields; None if they tell nothing."""
    fields = row.keys()
    kind = next((kind for kind, needed in KINDS if needed <= fields), None)
    if kind == "prompt":
        return "benign" if row.get("label") in (None, 0, "safe") else "attack"
    return kind


def rows_of(folder: Path) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Every row of every set below a folder."""
    for path in sorted(folder.rglob("*.jsonl")):
        with path.open(encoding="utf-8") as lines:
            for line in lines:
                yield path, json.loads(line)


def microseconds(work: Callable[[], object], *, times: int = 2_000) -> float:
    """CPU of one call: the best of five rounds."""
    best = float("inf")
    for _ in range(5):
        start = time.process_time_ns()
        for _ in range(times):
            work()
        best = min(best, (time.process_time_ns() - start) / times / 1_000)
    return round(best, 2)


def speed(guardrails: Guardrails) -> dict[str, float]:
    """CPU per text in µs."""
    prose = (ANSWER * 8)[:1024].translate({ord(digit): None for digit in "0123456789"})
    dense = (DENSE * 40)[:1024]
    texts = {
        "question_120_us": (QUESTION, Channel.USER, 5_000),
        "answer_800_us": ((ANSWER * 4)[:800], Channel.OUTPUT, 2_000),
        "prose_1kb_us": (prose, Channel.PASSAGE, 2_000),
        "dense_1kb_us": (dense, Channel.PASSAGE, 200),
    }
    figures = {
        name: microseconds(partial(guardrails.screen, text, channel), times=times)
        for name, (text, channel, times) in texts.items()
    }
    figures["stream_800_us"] = microseconds(lambda: stream(guardrails, (ANSWER * 4)[:800]), times=100)
    return figures


def stream(guardrails: Guardrails, text: str) -> None:
    """An answer as a model streams it: 200 chunks of four characters."""
    running = guardrails.stream(Channel.OUTPUT)
    for place in range(0, len(text), 4):
        running.feed(text[place : place + 4])
    running.close()


def share(part: int, whole: int) -> float | None:
    """A part of a whole; None where there is nothing."""
    return round(part / whole, 4) if whole else None


class Count:
    """Hits and misses by type, as labelled, and false hits in benign text."""

    def __init__(self) -> None:
        self.labelled: Counter[str] = Counter()
        self.covered: Counter[str] = Counter()
        self.found: Counter[str] = Counter()
        self.true: Counter[str] = Counter()
        self.benign_chars = 0
        self.benign_hits = 0
        self.misses: dict[str, list[str]] = defaultdict(list)

    def pii(self, row: dict[str, Any], guardrails: Guardrails) -> None:
        """A label counts as found if a finding of its type covers all of it."""
        findings = guardrails.findings(row["text"], Channel.PASSAGE)
        labels = [(TYPES[s["type"]], s["start"], s["end"]) for s in row["spans"] if s["type"] in TYPES]
        for kind, start, end in labels:
            self.labelled[kind] += 1
            if any(f.rule == kind and f.start <= start and f.end >= end for f in findings):
                self.covered[kind] += 1
            else:
                self.misses[kind].append(row["text"][max(0, start - 20) : end + 10])
        for finding in findings:
            self.found[finding.rule] += 1
            if any(k == finding.rule and s < finding.end and e > finding.start for k, s, e in labels):
                self.true[finding.rule] += 1
            else:
                self.misses["false"].append(f"{finding.rule}: {row['text'][finding.start : finding.end]}")

    def benign(self, row: dict[str, Any], guardrails: Guardrails) -> None:
        """Every finding in a benign text counts as false, though some may be right."""
        text = str(row.get("prompt") or row.get("user_query"))
        self.benign_chars += len(text)
        self.benign_hits += len(guardrails.findings(text, Channel.USER))

    def figures(self) -> dict[str, Any]:
        """Recall and precision in all and by type; None where a set has none."""
        return {
            "recall": share(self.covered.total(), self.labelled.total()),
            "precision": share(self.true.total(), self.found.total()),
            "by_type": {
                kind: {
                    "recall": share(self.covered[kind], self.labelled[kind]),
                    "precision": share(self.true[kind], self.found[kind]),
                    "n": self.labelled[kind],
                }
                for kind in sorted(self.labelled.keys() | self.found.keys())
            },
            "false_hits_per_100kb": share(self.benign_hits * 100_000, self.benign_chars),
        }


def main() -> int:
    """0, or 2 if a set is of no known kind."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, help="a set or a folder of sets")
    parser.add_argument("--misses", action="store_true", help="show what was missed or found falsely")
    chosen = parser.parse_args()
    guardrails = compile_guardrails(ReleasePart.model_validate_json(json.dumps(_CONTRACT)), {})
    figures: dict[str, Any] = speed(guardrails)
    count = Count()
    kinds: Counter[str] = Counter()
    for path, row in rows_of(chosen.data) if chosen.data else ():
        kind = kind_of(row)
        if kind is None:
            sys.stderr.write(f"{path}: a row with {', '.join(sorted(row))} is of no known kind\n")
            return 2
        kinds[kind] += 1
        if kind == "pii":
            count.pii(row, guardrails)
        elif kind == "benign":
            count.benign(row, guardrails)
    if chosen.data and not kinds:
        sys.stderr.write(f"{chosen.data}: no rows\n")
        return 2
    for kind, texts in count.misses.items() if chosen.misses else ():
        for text in texts:
            sys.stdout.write(f"{kind}: {text!r}\n")
    figures.update(count.figures(), n=dict(kinds))
    sys.stdout.write(json.dumps(figures) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
