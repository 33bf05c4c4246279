"""Who is calling: keys, tokens, and services that ask for their users; good callers never pay for bad ones."""

import asyncio
from collections.abc import Iterator

import pytest
from msgspec.structs import replace

from proviso.access import (
    Identities,
    KeyRefused,
    Represented,
    ServicePrincipal,
    TokenRefused,
    TooManyAttempts,
    on_behalf,
)
from proviso.errors import Forbidden, RequestError, StoreUnavailable, Unauthenticated
from proviso.types import Principal
from tests.access.identity import Door
from tests.access.provider import LoopbackProvider, SigningKey, elliptic

PEER = "203.0.113.9"
KEY, SERVICE = "pv_dana", "pv_portal"


class Ring:
    """API keys in memory; `asked` are those that had to be looked up."""

    def __init__(self) -> None:
        self.valid = {
            KEY: Principal("dana", frozenset({"staff"}), frozenset({"user", "owner"}), "k1"),
            SERVICE: ServicePrincipal(
                "portal", frozenset({"finance"}), frozenset({"user", "operator"}), "k2"
            ),
        }
        self.verified: dict[str, Principal] = {}
        self.asked: list[str] = []
        self.down = False

    def known(self, bearer: str) -> Principal | None:
        return self.verified.get(bearer)

    def authenticate(self, bearer: str) -> Principal:
        self.asked.append(bearer)
        if self.down:
            raise StoreUnavailable("the keys cannot be read", fix="try again")
        if bearer not in self.valid:
            raise KeyRefused("unknown")
        self.verified[bearer] = self.valid[bearer]
        return self.valid[bearer]


@pytest.fixture(scope="module")
def key() -> SigningKey:
    return elliptic("k")


@pytest.fixture(scope="module")
def provider(key: SigningKey) -> Iterator[LoopbackProvider]:
    with LoopbackProvider(key) as running:
        yield running


@pytest.fixture
def door(provider: LoopbackProvider, key: SigningKey) -> Door:
    return Door(provider, key)


@pytest.fixture
def ring() -> Ring:
    return Ring()


@pytest.fixture
def identities(ring: Ring, door: Door) -> Identities:
    return Identities(ring, door.clock, tokens=door.tokens, delegated=door.tokens_for(delegated=True))


async def refusal(identities: Identities, bearer: str, user: str | None = None) -> RequestError:
    with pytest.raises(RequestError) as caught:
        await identities.authenticate(bearer, PEER, user)
    return caught.value


async def guess(identities: Identities, times: int, peer: str = PEER) -> None:
    for number in range(times):
        with pytest.raises(Unauthenticated):
            await identities.authenticate(f"pv_guess_{number}", peer)


# --- callers --------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["key", "token"])
async def test_a_caller_is_known_from_memory_after_the_first_time(
    identities: Identities, door: Door, kind: str
) -> None:
    bearer = KEY if kind == "key" else door.token()
    assert identities.known(bearer) is None
    principal = await identities.authenticate(bearer, PEER)
    assert principal.user == "dana"
    assert identities.known(bearer) is principal


@pytest.mark.parametrize("bearer", ["", "secret", "a.b", "a.b.c.d", "pv", "\ud800", "é"])
async def test_what_is_neither_key_nor_token_is_refused_without_asking(
    identities: Identities, ring: Ring, bearer: str
) -> None:
    assert isinstance(await refusal(identities, bearer), KeyRefused)
    assert ring.asked == []


async def test_without_a_provider_there_are_no_tokens(ring: Ring, door: Door) -> None:
    alone = Identities(ring, door.clock)
    assert isinstance(await refusal(alone, door.token()), KeyRefused)
    assert isinstance(await refusal(alone, SERVICE, door.token()), Forbidden)


async def test_one_key_on_many_connections_is_looked_up_once(identities: Identities, ring: Ring) -> None:
    found = await asyncio.gather(*(identities.authenticate(KEY, PEER) for _ in range(300)))
    assert {principal.user for principal in found} == {"dana"}
    assert ring.asked == [KEY]


async def test_a_caller_that_hangs_up_does_not_end_it_for_the_others(identities: Identities) -> None:
    gone, waits = (asyncio.create_task(identities.authenticate(KEY, PEER)) for _ in "ab")
    await asyncio.sleep(0)
    gone.cancel()
    assert (await waits).user == "dana"


async def test_a_change_of_people_reaches_callers_by_token(identities: Identities, door: Door) -> None:
    token = door.token()
    await identities.authenticate(token, PEER)
    door.staff.left.add("dana")
    identities.people_changed()
    assert identities.known(token) is None
    assert isinstance(await refusal(identities, token), TokenRefused)


# --- guessing -------------------------------------------------------------------------------------


async def test_twenty_wrong_keys_lock_the_address_out(identities: Identities, ring: Ring) -> None:
    await guess(identities, 20)
    assert isinstance(await refusal(identities, "pv_guess_21"), TooManyAttempts)
    assert isinstance(await refusal(identities, KEY), TooManyAttempts)
    assert len(ring.asked) == 20
    assert (await identities.authenticate(KEY, "203.0.113.10")).user == "dana"


async def test_wrong_tokens_lock_the_address_out_as_well(identities: Identities, door: Door) -> None:
    for number in range(20):
        assert isinstance(await refusal(identities, door.token(aud=f"a{number}")), TokenRefused)
    assert isinstance(await refusal(identities, door.token()), TooManyAttempts)


async def test_callers_that_are_known_go_on_behind_a_locked_address(
    identities: Identities, door: Door
) -> None:
    token = door.token()
    for bearer in (KEY, token):
        await identities.authenticate(bearer, PEER)
    await guess(identities, 20)
    for bearer in (KEY, token):
        assert (await identities.authenticate(bearer, PEER)).user == "dana"


async def test_callers_that_were_right_go_on_when_memory_has_forgotten_them(
    identities: Identities, door: Door, ring: Ring
) -> None:
    token = door.token()
    for bearer in (KEY, token):
        await identities.authenticate(bearer, PEER)
    door.clock.wait(61)  # the token must be verified again
    ring.verified.clear()  # and a key elsewhere has been revoked
    await guess(identities, 20)
    for bearer in (KEY, token):
        assert (await identities.authenticate(bearer, PEER)).user == "dana"


async def test_a_key_that_is_revoked_is_refused_and_is_no_guess(identities: Identities, ring: Ring) -> None:
    await identities.authenticate(KEY, PEER)
    ring.verified.clear()
    del ring.valid[KEY]
    assert isinstance(await refusal(identities, KEY), KeyRefused)
    await guess(identities, 19)
    assert isinstance(await refusal(identities, "pv_one_more"), KeyRefused)


async def test_a_client_that_repeats_a_dead_key_locks_nobody_out(
    identities: Identities, ring: Ring, door: Door
) -> None:
    for _ in range(600):
        assert isinstance(await refusal(identities, "pv_dead"), KeyRefused)
        door.clock.wait(0.1)
    assert len(ring.asked) == 2
    assert (await identities.authenticate(KEY, PEER)).user == "dana"


async def test_a_token_that_becomes_valid_is_taken_after_half_a_minute(
    identities: Identities, door: Door
) -> None:
    early = door.token(nbf=door.clock.now // 1_000_000 + 75)
    assert isinstance(await refusal(identities, early), TokenRefused)
    door.clock.wait(30)
    assert (await identities.authenticate(early, PEER)).user == "dana"


async def test_a_store_that_is_down_makes_nobody_a_guesser(identities: Identities, ring: Ring) -> None:
    ring.down = True
    for number in range(30):
        with pytest.raises(StoreUnavailable):
            await identities.authenticate(f"pv_{number}", PEER)
    ring.down = False
    assert (await identities.authenticate(KEY, PEER)).user == "dana"


async def test_guesses_at_the_same_moment_are_bounded_by_the_rate(identities: Identities, ring: Ring) -> None:
    guesses = (identities.authenticate(f"pv_{number}", PEER) for number in range(1_000))
    outcomes = await asyncio.gather(*guesses, return_exceptions=True)
    assert len(ring.asked) == 200
    assert sum(isinstance(outcome, TooManyAttempts) for outcome in outcomes) == 800


async def test_all_refusals_have_the_same_words(identities: Identities, door: Door) -> None:
    for bearer in ("pv_x", "pv_y", "secret"):
        assert str(await refusal(identities, bearer)).startswith("the API key is not valid; use a key")
    again = [str(await refusal(identities, door.token(aud="other"))) for _ in range(2)]
    assert set(again) == {"the token is not valid; get a new one from the identity provider"}


# --- services -------------------------------------------------------------------------------------


@pytest.mark.parametrize("audience", ["proviso", "portal"])
async def test_a_service_asks_for_the_user_of_a_signed_token(
    identities: Identities, door: Door, audience: str
) -> None:
    token = door.token(sub="sam", aud=audience)
    principal = await identities.authenticate(SERVICE, PEER, token)
    service = identities.known(SERVICE)
    assert isinstance(service, ServicePrincipal)
    assert principal == Represented("sam", frozenset({"staff"}), frozenset({"user"}), "k2", service)
    assert identities.known(SERVICE, token) == principal


async def test_a_service_without_a_token_asks_for_itself(identities: Identities) -> None:
    assert (await identities.authenticate(SERVICE, PEER)).user == "portal"


@pytest.mark.parametrize("kind", ["key", "token"])
async def test_nobody_else_may_name_a_user(identities: Identities, door: Door, kind: str) -> None:
    bearer = KEY if kind == "key" else door.token()
    await identities.authenticate(bearer, PEER)
    assert identities.known(bearer, door.token(sub="sam")) is None
    for token in (door.token(sub="sam"), "", "sam"):
        assert isinstance(await refusal(identities, bearer, token), Forbidden)


@pytest.mark.parametrize("named", ["", "sam", "a.b.c", KEY, SERVICE])
async def test_a_name_that_nobody_signed_is_refused(identities: Identities, named: str) -> None:
    await identities.authenticate(SERVICE, PEER)
    assert identities.known(SERVICE, named) is None
    assert isinstance(await refusal(identities, SERVICE, named), TokenRefused)


async def test_a_token_for_services_is_no_credential_of_its_own(identities: Identities, door: Door) -> None:
    token = door.token(aud="portal")
    await identities.authenticate(SERVICE, PEER, token)
    assert identities.known(token) is None
    assert isinstance(await refusal(identities, token), TokenRefused)


async def test_a_user_with_bad_tokens_does_not_lock_the_service_out(
    identities: Identities, door: Door
) -> None:
    for number in range(50):
        assert isinstance(await refusal(identities, SERVICE, f"a.b.{number}"), TokenRefused)
    assert (await identities.authenticate(SERVICE, PEER, door.token(sub="sam"))).user == "sam"


async def test_a_user_who_has_left_cannot_be_asked_for(identities: Identities, door: Door) -> None:
    door.staff.left.add("sam")
    assert isinstance(await refusal(identities, SERVICE, door.token(sub="sam")), TokenRefused)


def test_neither_side_gains_by_the_others_roles() -> None:
    service = ServicePrincipal("portal", frozenset(), frozenset({"operator"}), "k2")
    admin = Principal("sam", frozenset({"staff"}), frozenset({"user", "admin"}), "oidc:portal")
    assert on_behalf(service, admin).roles == frozenset()
    assert on_behalf(replace(service, roles=frozenset({"user"})), admin).roles == frozenset({"user"})
    with pytest.raises(Forbidden, match="service key"):
        on_behalf(admin, admin)
