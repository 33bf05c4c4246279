"""Scripted answers: which rule fits a request, and what it says."""

import re
from collections.abc import Sequence
from typing import Any

import re2
from msgspec import Struct

from bedrock_simulator.conversation import Reading
from bedrock_simulator.exchange import Exchange
from bedrock_simulator.scenario import Rule

_PLACE = re.compile(r"\{(question|passage:([\w.-]{1,40}))\}")


class _Compiled(Struct):
    rule: Rule
    when: Any  # a compiled pattern, or None: fits everything
    system: Any
    left: float  # how many answers it still gives


class Rules:
    """The rules of a scenario in their order, and how often each has answered."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._rules = [
            _Compiled(
                rule,
                re2.compile(rule.when) if rule.when else None,
                re2.compile(rule.system) if rule.system else None,
                float("inf") if rule.times is None else rule.times,
            )
            for rule in rules
        ]

    def choose(self, reading: Reading, exchange: Exchange) -> Rule | None:
        """Return the first rule that fits, and count that it answers."""
        for one in self._rules:
            if one.left > 0 and _fits(one, reading, exchange):
                one.left -= 1
                return one.rule
        return None


def filled(text: str, reading: Reading) -> str:
    """Return a rule's text with `{question}` and `{passage:N}` put in; of a passage that is not there nothing."""
    passages = {passage.number: passage.text for passage in reversed(reading.passages)}
    return _PLACE.sub(lambda found: passages.get(found[2], "") if found[2] else reading.question, text)


def _fits(one: _Compiled, reading: Reading, exchange: Exchange) -> bool:
    rule = one.rule
    if rule.model and rule.model not in (exchange.model_id, exchange.params.get("modelId")):
        return False
    if rule.tool in reading.returned:
        return False  # it has been called and has returned: what comes next is the answer
    if rule.tool and rule.tool not in {tool.name for tool in reading.tools}:
        return False
    return (one.when is None or one.when.search(reading.asked) is not None) and (
        one.system is None or one.system.search(reading.system) is not None
    )
