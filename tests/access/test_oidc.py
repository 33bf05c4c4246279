"""Tokens of an OpenID provider: what is taken, what is refused, and that a refusal says nothing."""

from collections.abc import Callable, Iterator

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from proviso.access import InvalidIdentity, InvalidProvider, OidcProvider, TokenRefused
from proviso.access.claims import read_header
from proviso.access.tokens import read_keys
from proviso.errors import Unauthenticated
from tests.access.hostile_tokens import HOSTILE, own_key_in_header
from tests.access.identity import NOW_S, Door
from tests.access.provider import LoopbackProvider, SigningKey, elliptic
from tests.linear import cpu_s


@pytest.fixture(scope="module")
def rsa_key() -> SigningKey:
    return SigningKey("rsa-1", "RS256", rsa.generate_private_key(65537, 2048))


@pytest.fixture(scope="module")
def provider(rsa_key: SigningKey) -> Iterator[LoopbackProvider]:
    with LoopbackProvider(elliptic("ec-1"), rsa_key) as running:
        yield running


@pytest.fixture
def key() -> SigningKey:
    return elliptic("ec-1")


@pytest.fixture
def door(provider: LoopbackProvider, key: SigningKey, rsa_key: SigningKey) -> Door:
    provider.keys = [key.public, rsa_key.public]
    return Door(provider, key)


async def refused(door: Door, token: str) -> str:
    """Return the cause for the log; the caller is told the same words for each."""
    words = r"^the token is not valid; get a new one from the identity provider$"
    with pytest.raises(TokenRefused, match=words) as caught:
        await door.tokens.verify(token)
    assert isinstance(caught.value, Unauthenticated)
    return caught.value.cause


async def test_a_token_says_who_is_calling(door: Door) -> None:
    principal = await door.tokens.verify(door.token(sub="sam", groups=["staff", "strangers", 'x"']))
    assert (principal.user, principal.key) == ("sam", "oidc:portal")
    assert principal.groups == frozenset({"staff"})
    assert principal.roles == frozenset({"user", "risk"})


@pytest.mark.parametrize("algorithm", ["RS256", "PS256", "ES256", "ES384", "EdDSA"])
async def test_each_algorithm_that_is_allowed_is_taken(
    door: Door, rsa_key: SigningKey, algorithm: str
) -> None:
    curve = ec.SECP384R1() if algorithm == "ES384" else ec.SECP256R1()
    others = Ed25519PrivateKey.generate() if algorithm == "EdDSA" else ec.generate_private_key(curve)
    private = rsa_key.private if algorithm[1] == "S" and algorithm[0] != "E" else others
    key = SigningKey("another", algorithm, private)
    door.provider.keys = [key.public]
    assert (await door.tokens.verify(key.sign(door.claims()))).user == "dana"


@pytest.mark.parametrize(("cause", "attack"), HOSTILE.values(), ids=HOSTILE)
async def test_a_hostile_token_is_refused(door: Door, cause: str, attack: Callable[[Door], str]) -> None:
    token = attack(door)
    assert await refused(door, token) == cause
    assert door.tokens.known(token) is None


async def test_keys_named_in_a_header_are_never_fetched(door: Door) -> None:
    door.provider.asked.clear()
    await refused(door, own_key_in_header("jku")(door))
    assert door.provider.asked == ["/.well-known/openid-configuration", "/jwks"]


async def test_somebody_who_has_left_is_refused(door: Door) -> None:
    door.staff.left.add("dana")
    assert await refused(door, door.token()) == "left"


@settings(deadline=None, max_examples=100)
@given(token=st.text(alphabet=st.sampled_from("AQIbyJ0eXA-_.="), max_size=60) | st.text(max_size=40))
def test_no_text_makes_a_token_fail_otherwise(token: str) -> None:
    from_text = OidcProvider(issuer="https://id.example.com", audiences=frozenset({"proviso"}))
    with pytest.raises(TokenRefused):
        read_header(token, from_text)


# --- times ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("changes", [{"exp": NOW_S - 59}, {"nbf": NOW_S + 60}, {"iat": NOW_S + 59.5}])
async def test_clocks_may_differ_by_a_minute(door: Door, changes: dict[str, object]) -> None:
    assert (await door.tokens.verify(door.token(**changes))).user == "dana"


async def test_a_verified_token_is_known_for_a_minute(door: Door) -> None:
    token = door.token()
    assert door.tokens.known(token) is None
    principal = await door.tokens.verify(token)
    door.clock.wait(59)
    assert door.tokens.known(token) is principal
    door.clock.wait(1)
    assert door.tokens.known(token) is None
    assert await door.tokens.verify(token) == principal


async def test_a_token_is_not_known_after_its_expiry(door: Door) -> None:
    token = door.token(exp=NOW_S + 20)
    await door.tokens.verify(token)
    door.clock.wait(20)
    assert door.tokens.known(token) is None
    door.clock.wait(60)
    assert await refused(door, token) == "time"


async def test_a_clock_that_is_set_back_makes_no_token_live_longer(door: Door) -> None:
    token = door.token()
    await door.tokens.verify(token)
    door.clock.wait(-3_600)
    assert door.tokens.known(token) is None


async def test_a_change_of_people_is_heard_without_verifying_anew(door: Door) -> None:
    token = door.token()
    await door.tokens.verify(token)
    door.staff.groups.clear()
    door.tokens.people_changed()
    changed = door.tokens.known(token)
    assert changed is not None
    assert changed.groups == frozenset()
    door.staff.left.add("dana")
    door.tokens.people_changed()
    assert door.tokens.known(token) is None


async def test_only_so_many_tokens_are_remembered(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("proviso.access.tokens.MOST_CACHED", 2)
    first, second, third = (door.token(jti=name) for name in "abc")
    for token in (first, second, first, third):
        await door.tokens.verify(token)
    assert [door.tokens.known(token) is not None for token in (first, second, third)] == [True, False, True]


# --- claims ---------------------------------------------------------------------------------------


async def test_with_a_map_only_mapped_groups_count(door: Door) -> None:
    mapped = door.with_settings(group_map={"0a1b": "finance"})
    principal = await mapped.tokens.verify(door.token(groups=["0a1b", "staff", "finance"]))
    assert principal.groups == frozenset({"finance"})


async def test_roles_in_a_token_count_for_nothing(door: Door) -> None:
    principal = await door.tokens.verify(door.token(roles=["admin"], role="admin", groups=["admin"]))
    assert (principal.roles, principal.groups) == (frozenset({"user"}), frozenset())


async def test_an_address_that_nobody_verified_is_no_user(door: Door) -> None:
    by_mail = door.with_settings(user_claim="email")
    mail = {"email": "dana@example.com", "sub": "x"}
    for verified in (..., False, "true"):
        assert await refused(by_mail, door.token(**mail, email_verified=verified)) == "user"
    assert (await by_mail.tokens.verify(door.token(**mail, email_verified=True))).user == "dana@example.com"


async def test_more_groups_than_a_person_may_have_are_refused(door: Door) -> None:
    door.staff.groups = {f"g{number}" for number in range(40)}
    assert await refused(door, door.token(groups=sorted(door.staff.groups))) == "groups"


async def test_a_client_with_an_odd_name_is_not_written_down(door: Door) -> None:
    assert (await door.tokens.verify(door.token(azp="a b\n"))).key == "oidc:"


# --- settings and keys ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"algorithms": frozenset({"none"})}, "`none`"),
        ({"algorithms": frozenset({"RS256", "HS256"})}, "`HS256`"),
        ({"algorithms": frozenset()}, "no algorithm"),
        ({"issuer": ""}, "`issuer`"),
        ({"issuer": "http://id.example.com"}, "no address"),
        ({"issuer": "https://user@id.example.com"}, "no address"),
        ({"issuer": "https://id.example.com?x=1"}, "no address"),
        ({"jwks_url": "file:///etc/passwd"}, "no address"),
        ({"jwks_url": "http://169.254.169.254/keys"}, "no address"),
        ({"audiences": frozenset()}, "audience"),
        ({"audiences": frozenset({""})}, "audience"),
        ({"user_claim": ""}, "claim"),
        ({"clock_skew_s": 3_600}, "3600 s"),
        ({"max_age_s": 0}, "0 s"),
    ],
)
def test_settings_that_are_unsafe_are_refused(changes: dict[str, object], named: str) -> None:
    fitting: dict[str, object] = {"issuer": "https://id.example.com", "audiences": frozenset({"proviso"})}
    with pytest.raises(InvalidProvider) as caught:
        OidcProvider(**{**fitting, **changes})  # type: ignore[arg-type]  # the wrong ones are the test
    assert named in str(caught.value)


def test_a_map_to_groups_that_cannot_be_is_refused() -> None:
    with pytest.raises(InvalidIdentity, match="a b"):
        OidcProvider(issuer="https://id", audiences=frozenset({"p"}), group_map={"x": "a b"})


def odd_keys(key: SigningKey, rsa_key: SigningKey) -> dict[str, dict[str, object]]:
    small = SigningKey("s", "RS256", rsa.generate_private_key(65537, 1024))
    return {
        "for encryption": {**key.public, "use": "enc"},
        "not for verifying": {**key.public, "key_ops": ["deriveKey"]},
        "private": {**key.public, "d": "AAAA"},
        "symmetric": {"kty": "oct", "k": "AAAA", "kid": "o", "alg": "HS256"},
        "symmetric, in disguise": {"kty": "oct", "k": "AAAA", "kid": "o", "alg": "ES256"},
        "off the curve": {**key.public, "x": key.public["y"]},
        "of another curve": {**key.public, "crv": "P-384"},
        "without a name": {**key.public, "kid": None},
        "too small": small.public,
        "too large": {**rsa_key.public, "n": "A" * 3_000},
        "of an exponent without end": {**rsa_key.public, "e": "A" * 100},
        "of numbers": {**rsa_key.public, "n": 5},
        "empty": {},
    }


def test_a_key_that_is_unfit_is_left_out(key: SigningKey, rsa_key: SigningKey) -> None:
    allowed = frozenset({"RS256", "ES256"})
    for odd, document in odd_keys(key, rsa_key).items():
        assert read_keys([document, {**key.public, "kid": "good"}], allowed).keys() == {"good"}, odd


def test_two_keys_of_one_name_verify_nothing_unless_they_are_one(key: SigningKey) -> None:
    allowed = frozenset({"ES256"})
    assert read_keys([key.public, elliptic("ec-1").public], allowed) == {}
    assert read_keys([key.public, key.public], allowed).keys() == {"ec-1"}


def test_a_key_without_an_algorithm_of_its_own_takes_those_that_fit(rsa_key: SigningKey) -> None:
    plain = {name: value for name, value in rsa_key.public.items() if name != "alg"}
    found = read_keys([plain], frozenset({"RS256", "PS512", "ES256"}))
    assert found["rsa-1"].keys() == {"RS256", "PS512"}


async def test_a_known_token_costs_a_few_microseconds(door: Door) -> None:
    token = door.token()
    await door.tokens.verify(token)
    spent = cpu_s(lambda: [door.tokens.known(token) for _ in range(200)], best_of=20)
    assert spent / 200 < 10e-6  # ten times what it costs when the machine is quiet
