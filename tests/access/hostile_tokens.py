"""Tokens that must not be taken, each with the cause that the log gives for it."""

import base64
import json
from collections.abc import Callable

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.access.identity import NOW_S, Door
from tests.access.provider import SigningKey, elliptic


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
