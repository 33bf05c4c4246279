"""What the tests of identity share: a workspace's people, a provider's settings, and tokens of all sorts."""

from collections.abc import Mapping

from msgspec.structs import replace

from proviso.access import OidcProvider, Tokens, signing_keys
from proviso.access.tokens import SigningKeys
from tests.access.provider import START, Clock, LoopbackProvider, SigningKey

NOW_S = START // 1_000_000


class Staff:
    """The people of a workspace: everybody of the provider may ask, but for those who have left."""

    def __init__(self) -> None:
        self.groups = {"staff", "finance"}
        self.duties: dict[str, set[str]] = {"sam": {"risk"}}
        self.left: set[str] = set()

    def roles(self, user: str) -> frozenset[str] | None:
        return None if user in self.left else frozenset({"user", *self.duties.get(user, ())})

    def is_group(self, name: str) -> bool:
        return name in self.groups


class Door:
    """Tokens of a loopback provider, their clock, and what the provider publishes."""

    def __init__(
        self, provider: LoopbackProvider, key: SigningKey, settings: OidcProvider | None = None
    ) -> None:
        self.provider = provider
        self.key = key
        self.clock = Clock()
        self.staff = Staff()
        self.settings = settings or settings_of(provider)
        self.keys: SigningKeys = signing_keys(self.settings, self.clock)
        self.tokens = self.tokens_for()

    def tokens_for(self, *, delegated: bool = False) -> Tokens:
        return Tokens(self.settings, self.keys, self.staff, self.clock, delegated=delegated)

    def claims(self, **changes: object) -> dict[str, object]:
        now = self.clock.now // 1_000_000
        plain: Mapping[str, object] = {
            "iss": self.provider.issuer, "aud": "proviso", "sub": "dana", "azp": "portal",
            "iat": now, "exp": now + 600, "groups": ["staff"],
        }  # fmt: skip
        return {name: value for name, value in {**plain, **changes}.items() if value is not ...}

    def token(self, **changes: object) -> str:
        return self.key.sign(self.claims(**changes))

    def with_settings(self, **changes: object) -> "Door":
        return Door(self.provider, self.key, replace(self.settings, **changes))


def settings_of(provider: LoopbackProvider) -> OidcProvider:
    return OidcProvider(
        issuer=provider.issuer,
        audiences=frozenset({"proviso"}),
        algorithms=frozenset({"RS256", "PS256", "ES256", "ES384", "EdDSA"}),
        delegation_audiences=frozenset({"portal"}),
    )
