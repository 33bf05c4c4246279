"""Tokens of an OpenID provider: what is taken, what is refused, and that a refusal says nothing."""

import base64
import gc
import json
import time
from collections.abc import Callable, Iterator

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given, settings
from hypothesis import strategies as st

from proviso.access import InvalidIdentity, InvalidProvider, OidcProvider, TokenRefused
from proviso.access.claims import read_header
from proviso.access.tokens import read_keys
from proviso.errors import Unauthenticated
from tests.access.identity import NOW_S, Door
from tests.access.provider import LoopbackProvider, SigningKey, elliptic


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


def part(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


def signed(door: Door, header: object, payload: object) -> str:
    """Sign any two parts with the provider's elliptic key, however odd they are."""
    signing = f"{part(header)}.{part(payload)}"
    algorithm = jwt.get_algorithm_by_name("ES256")
    signature = algorithm.sign(signing.encode(), door.key.private)
    return f"{signing}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"


HEADER = {"alg": "ES256", "typ": "JWT", "kid": "ec-1"}


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


def with_parts(make: Callable[[str, str, str], str]) -> Callable[[Door], str]:
    def token(door: Door) -> str:
        header, payload, signature = door.token().split(".")
        return make(header, payload, signature)

    return token


def pem(door: Door) -> bytes:
    key = door.key.private.public_key()
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def hmac_with_public_key(door: Door) -> str:
    signing = f"{part({**HEADER, 'alg': 'HS256'})}.{part(door.claims())}"
    digest = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256)
    from_public = base64.urlsafe_b64encode(digest.sign(signing.encode(), pem(door))).rstrip(b"=").decode()
    return f"{signing}.{from_public}"


def own_key_in_header(name: str) -> Callable[[Door], str]:
    def token(door: Door) -> str:
        mine = elliptic("ec-1")
        value = {"jwk": mine.public, "x5c": ["MIIB"]}.get(name, door.provider.url + "/mine")
        return mine.sign(door.claims(), {name: value})

    return token


def rsa_named_for_elliptic(door: Door) -> str:
    private = rsa.generate_private_key(65537, 2048)
    return SigningKey("ec-1", "RS256", private).sign(door.claims())


def no_longer_canonical(door: Door) -> str:
    token = door.token()
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return token[:-1] + letters[letters.index(token[-1]) | 1]


def header(**changes: object) -> Callable[[Door], str]:
    def token(door: Door) -> str:
        named = {name: value for name, value in {**HEADER, **changes}.items() if value is not ...}
        return signed(door, named, door.claims())

    return token


def claim(**changes: object) -> Callable[[Door], str]:
    return lambda door: door.token(**changes)


def payload(text: str) -> Callable[[Door], str]:
    return lambda door: signed(door, HEADER, text)


def twice(door: Door) -> str:
    return signed(door, HEADER, json.dumps(door.claims())[:-1] + ', "sub": "sam"}')


HOSTILE: dict[str, tuple[str, Callable[[Door], str]]] = {
    "no signature": ("malformed", with_parts(lambda h, p, s: f"{h}.{p}.")),
    "two parts": ("malformed", with_parts(lambda h, p, s: f"{h}.{p}")),
    "five parts, as encrypted ones have": ("malformed", with_parts(lambda h, p, s: f"{h}.{p}.{s}.{p}.{s}")),
    "padded": ("malformed", with_parts(lambda h, p, s: f"{h}.{p}.{s}==")),
    "another alphabet": ("malformed", with_parts(lambda h, p, s: f"{h}.{p}.+/{s}")),
    "white space": ("malformed", with_parts(lambda h, p, s: f"{h}.{p}.{s}\n")),
    "too long": ("malformed", claim(nonce="x" * 9_000)),
    "not ASCII": ("malformed", with_parts(lambda h, p, s: f"{h}.{p}.é")),
    "a signature written in another way": ("signature", no_longer_canonical),
    "no algorithm": ("algorithm", header(alg=...)),
    "alg none": ("algorithm", with_parts(lambda h, p, s: f"{part({**HEADER, 'alg': 'none'})}.{p}.{s}")),
    "alg nOnE": ("algorithm", with_parts(lambda h, p, s: f"{part({**HEADER, 'alg': 'nOnE'})}.{p}.{s}")),
    "alg a list": ("algorithm", header(alg=["ES256"])),
    "HS256 with the public key": ("algorithm", hmac_with_public_key),
    "an algorithm that is not allowed": ("algorithm", header(alg="ES512")),
    "RS256 by the kid of an elliptic key": ("algorithm", rsa_named_for_elliptic),
    "PS256 by a key that says RS256": ("algorithm", header(alg="PS256", kid="rsa-1")),
    "ES256 by the kid of an RSA key": ("algorithm", header(kid="rsa-1")),
    "no kid": ("key", header(kid=...)),
    "an unknown kid": ("key", header(kid="ec-2")),
    "a kid that is a path": ("key", header(kid="../../../dev/null")),
    "a kid that is a query": ("key", header(kid="ec-1' OR '1'='1")),
    "a kid that is a number": ("key", header(kid=1)),
    "a kid without end": ("key", header(kid="k" * 300)),
    "a critical extension": ("header", header(crit=["exp"], exp=NOW_S + 600)),
    "a payload that is not encoded": ("header", header(b64=False, crit=["b64"])),
    "a nested token": ("header", header(cty="JWT")),
    "a compressed payload": ("header", header(zip="DEF")),
    "a token for logging out": ("header", header(typ="logout+jwt")),
    "a type that is a number": ("header", header(typ=5)),
    "a header with a name twice": (
        "header",
        lambda door: signed(door, '{"alg":"none","alg":"ES256","kid":"ec-1"}', door.claims()),
    ),
    "a header in UTF-16": ("header", with_parts(lambda h, p, s: f"{part(chr(0).join('{}'))}.{p}.{s}")),
    "a header that is a list": ("header", lambda door: signed(door, [HEADER], door.claims())),
    "a header nested without end": ("header", lambda door: signed(door, "[" * 1_400, door.claims())),
    "its own key as jwk": ("signature", own_key_in_header("jwk")),
    "its own key at jku": ("signature", own_key_in_header("jku")),
    "its own key at x5u": ("signature", own_key_in_header("x5u")),
    "its own key as x5c": ("signature", own_key_in_header("x5c")),
    "another key under the same kid": ("signature", lambda door: elliptic("ec-1").sign(door.claims())),
    "changed claims": ("signature", with_parts(lambda h, p, s: f"{h}.{part({'sub': 'sam'})}.{s}")),
    "a signature of zeros": ("signature", with_parts(lambda h, p, s: f"{h}.{p}.{'A' * 86}")),
    "a signature of one byte": ("signature", with_parts(lambda h, p, s: f"{h}.{p}.AA")),
    "a signature that is too long": ("signature", with_parts(lambda h, p, s: f"{h}.{p}.{s * 8}")),
    "claims with a name twice": ("payload", twice),
    "claims that are no object": ("payload", payload('"dana"')),
    "claims that are no JSON": ("payload", payload("{")),
    "claims with NaN": ("payload", payload('{"exp": NaN}')),
    "claims nested without end": ("payload", payload("[" * 5_000)),
    "another issuer": ("issuer", claim(iss="https://login.example.com")),
    "an issuer with a slash more": ("issuer", lambda door: door.token(iss=door.provider.issuer + "/")),
    "an issuer in a list": ("issuer", lambda door: signed(door, HEADER, door.claims(iss=["proviso"]))),
    "no audience": ("audience", claim(aud=...)),
    "another audience": ("audience", claim(aud="payroll")),
    "an audience that begins like ours": ("audience", claim(aud="proviso-test")),
    "an audience for services": ("audience", claim(aud=["portal"])),
    "an audience that is an object": ("audience", claim(aud={"proviso": 1})),
    "no expiry": ("time", claim(exp=...)),
    "expired": ("time", claim(exp=NOW_S - 60)),
    "an expiry in words": ("time", claim(exp="never")),
    "an expiry that is true": ("time", claim(exp=True)),
    "an expiry at the end of time": ("time", claim(exp=10**400)),
    "an expiry before all time": ("time", claim(exp=-1)),
    "not yet valid": ("time", claim(nbf=NOW_S + 120)),
    "issued tomorrow": ("time", claim(iat=NOW_S + 86_400)),
    "issued never": ("time", claim(iat=...)),
    "issued long ago": ("time", claim(iat=NOW_S - 90_000)),
    "no user": ("user", claim(sub=...)),
    "a user that is empty": ("user", claim(sub="")),
    "a user that is a path": ("user", claim(sub="../dana")),
    "a user with a line break": ("user", claim(sub="dana\nadmin")),
    "a user with a letter that looks like another": ("user", claim(sub="dаna")),
    "a user that is a list": ("user", lambda door: signed(door, HEADER, door.claims(sub=["dana"]))),
    "a user of half a character": ("user", claim(sub="\ud800")),
    "groups that are an object": ("groups", claim(groups={"staff": True})),
    "groups that are numbers": ("groups", claim(groups=[1, 2])),
}


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
    gc.collect()
    best = min(timed(door, token) for _ in range(20))
    assert best < 10e-6  # 0.8 µs when the machine is quiet


def timed(door: Door, token: str) -> float:
    begun = time.perf_counter()
    for _ in range(200):
        door.tokens.known(token)
    return (time.perf_counter() - begun) / 200
