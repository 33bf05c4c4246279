"""What the account's policies deny: operations by their name or by their IAM action."""

from typing import Any

from bedrock_simulator.exchange import ServiceError
from bedrock_simulator.routes import ANSWERED
from bedrock_simulator.scenario import Account

_ACTIONS = {
    "Converse": "bedrock:InvokeModel",
    "ConverseStream": "bedrock:InvokeModelWithResponseStream",
    "GetCallerIdentity": "sts:GetCallerIdentity",
    "GetServiceQuota": "servicequotas:GetServiceQuota",
    "ListServiceQuotas": "servicequotas:ListServiceQuotas",
}
"""The action that allows an operation, where it is not `bedrock:` and the operation's name."""


def deniable() -> frozenset[str]:
    """Return all that can be denied: the operations that are answered, and their actions."""
    names = frozenset[str]().union(*ANSWERED.values())
    return names | {_action(name) for name in names}


def check_permission(operation: str, params: dict[str, Any], account: Account, region: str) -> None:
    """Refuse what is denied. Raises `ServiceError` (403).

    A guardrail that may not be applied hides behind the message of a model without access, as it does on AWS.
    """
    if not account.denied_operations:
        return
    action = _action(operation)
    if {operation, action}.intersection(account.denied_operations):
        told = (
            f"User: arn:aws:iam::{account.id}:user/simulator is not authorized to perform: {action} on resource: "
            f"arn:aws:bedrock:{region}:{account.id}:* because no identity-based policy allows the {action} action"
        )
        raise ServiceError("AccessDeniedException", told, 403)
    guarded = "guardrailConfig" in params and operation in {"Converse", "ConverseStream"}
    if guarded and {"ApplyGuardrail", "bedrock:ApplyGuardrail"}.intersection(account.denied_operations):
        told = "You don't have access to the model with the specified model ID."
        raise ServiceError("AccessDeniedException", told, 403)


def _action(operation: str) -> str:
    return _ACTIONS.get(operation, f"bedrock:{operation}")
