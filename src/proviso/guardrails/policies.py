"""From clauses to channel policies: which rules watch which channel, and what each finding does."""

from collections.abc import Mapping

from proviso.contract import Inputs, Outputs, SensitiveType
from proviso.guardrails.rules import Rule, built_in_rules, custom_rule
from proviso.guardrails.scanner import Scanner
from proviso.guardrails.screening import ChannelPolicy, Measure
from proviso.types import Action, Channel

_Watch = tuple[Rule, Measure]


def channel_policies(inputs: Inputs, outputs: Outputs) -> Mapping[Channel, ChannelPolicy]:
    """Every channel's policy: disallowed content matters in what goes out, sensitive fields everywhere."""
    sensitive = _sensitive(inputs)
    shared = _policy(sensitive)
    outgoing = _policy(sensitive + _disallowed(outputs))
    return {channel: outgoing if channel is Channel.OUTPUT else shared for channel in Channel}


def enforceable(types: "tuple[SensitiveType, ...]") -> "tuple[SensitiveType, ...]":
    """Those of the types that can be found without a model."""
    rules = built_in_rules()
    return tuple(kind for kind in types if kind in rules)


def _policy(watches: list[_Watch]) -> ChannelPolicy:
    return ChannelPolicy(Scanner([rule for rule, _ in watches]), [measure for _, measure in watches])


def _sensitive(inputs: Inputs) -> list[_Watch]:
    rules = built_in_rules()
    fields = inputs.sensitive
    watches = [
        (rules[kind], Measure(f"inputs.sensitive.{verb}.{kind}", action, f"[{kind}]"))
        for verb, action, kinds in (
            ("block", Action.REFUSE, fields.block),
            ("mask", Action.MASK, fields.mask),
        )
        for kind in enforceable(kinds)
    ]
    for custom in fields.custom:
        action = Action.REFUSE if custom.action == "block" else Action.MASK
        mask = f"[{custom.id.upper().replace('-', '_')}]"
        measure = Measure(f"inputs.sensitive.custom.{custom.id}", action, mask)
        watches.append((custom_rule(custom.id, custom.pattern), measure))
    return watches


def _disallowed(outputs: Outputs) -> list[_Watch]:
    return [
        (
            custom_rule(content.id, f"(?i:{pattern})"),
            Measure(f"outputs.disallowed.{content.id}", Action.REFUSE, ""),
        )
        for content in outputs.disallowed
        for pattern in content.patterns
    ]
