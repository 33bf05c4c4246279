"""The identity provider that proviso.yaml names, as identity takes it, and what is wrong with its settings."""

from proviso.access import InvalidIdentity, InvalidProvider, OidcProvider
from proviso.contract import Oidc, seconds


def oidc_provider(settings: Oidc) -> OidcProvider:
    """Return the provider of `identity.oidc`; raise `InvalidProvider`."""
    return OidcProvider(
        issuer=settings.issuer,
        audiences=frozenset(settings.audiences),
        algorithms=frozenset(settings.algorithms),
        jwks_url=settings.jwks_url,
        user_claim=settings.user_claim,
        groups_claim=settings.groups_claim,
        group_map=settings.group_map,
        delegation_audiences=frozenset(settings.delegation_audiences),
        clock_skew_s=seconds(settings.clock_skew),
        max_age_s=seconds(settings.max_age),
    )


def provider_problems(settings: Oidc) -> list[tuple[str, str, str]]:
    """Return what is wrong with `identity.oidc`: the setting, the fault and the fix of each."""
    try:
        oidc_provider(settings)
    except InvalidProvider as error:
        return [(fault.setting, fault.what, fault.fix) for fault in error.faults]
    except InvalidIdentity as error:
        return [("group_map", error.message, error.fix)]
    return []
