"""Which clauses this room controls: only what it does on each request, here and now."""

from proviso.contract import ReleasePart
from proviso.guardrails.policies import enforceable


def covers(contract: ReleasePart) -> dict[str, str]:
    """Clause path → the name of its control; what is missing (NAME, content filters, tone) is a gap."""
    fields = contract.inputs.sensitive
    screened = {
        **{f"inputs.sensitive.block.{kind}": "block" for kind in enforceable(fields.block)},
        **{f"inputs.sensitive.mask.{kind}": "mask" for kind in enforceable(fields.mask)},
        **{f"inputs.sensitive.custom.{custom.id}": custom.action for custom in fields.custom},
        **{f"outputs.disallowed.{content.id}": "refuse" for content in contract.outputs.disallowed},
    }
    controls = {clause: f"guardrails.screen: {verb}" for clause, verb in screened.items()}
    controls["inputs.max_chars"] = "guardrails.screen: refuse"
    for refused in contract.purpose.refuses:
        controls[f"purpose.refuses.{refused.id}"] = "guardrails.purpose: refuse"
    outputs = contract.outputs
    checks = {"outputs.format": "form", "outputs.citations": "citations"}
    # `repair` takes another model call: a workflow pattern's control, not this room's, which drops instead.
    if outputs.on_failed_sentence != "repair":
        checks["outputs.on_failed_sentence"] = outputs.on_failed_sentence
    methods = contract.safety.grounding.method
    checks.update({f"safety.grounding.method.{method}": method for method in methods})
    if "coverage" in methods:
        checks["safety.grounding.threshold"] = "coverage"
    return controls | {clause: f"guardrails.verify: {check}" for clause, check in checks.items()}
