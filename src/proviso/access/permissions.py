"""What somebody may be permitted to do: the actions of the policies, by the names under which they are asked for."""

from enum import StrEnum


class Permission(StrEnum):
    """An action of the policies. `docs/access.md` says of each who has it, and on what."""

    ASK = "ask"
    ACT_FOR = "act_for"  # ask for somebody else, whom a signed token names
    LIST_APPS = "list_apps"
    READ_OWN_RUN = "read_own_run"
    READ_RUN = "read_run"
    READ_METRICS = "read_metrics"
    READ_BUDGET = "read_budget"
    READ_LEDGER = "read_ledger"
    EXPORT_AUDIT = "export_audit"
    OPERATE = "operate"  # switches, drains, dead letters
    CHANGE_TERMS = "change_terms"
    CREATE_KEY = "create_key"
    LIST_KEYS = "list_keys"
    REVOKE_KEY = "revoke_key"
    CHANGE_ACCESS = "change_access"  # people, groups, roles, policies, policy.yaml
    AUTHOR_CHANGE = "author_change"
    APPROVE_CHANGE = "approve_change"
