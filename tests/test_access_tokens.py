"""Portal tokens: what is accepted, and that nothing else is."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from hypothesis import given
from hypothesis import strategies as st

from ui.access.keys import Key, KeyStore
from ui.access.tokens import LEEWAY_S, MAX_LIFE_S, Claims, Refused, mint, new_key_pair, verify

AUDIENCE, PORTAL, OTHER = "https://briefs.example.org", "https://portal.example.org", "https://other.example.org"
ALLOWED = (PORTAL, OTHER)


@lru_cache
def home() -> tuple[KeyStore, Key, str, str]:
    """A store with a portal's key of the ceiling {staff, press}; the key, its private and its public part."""
    store = KeyStore(Path(mkdtemp(prefix="briefs-keys-")))
    private, public = new_key_pair()
    groups, origins = frozenset({"staff", "press"}), frozenset({PORTAL})
    key, _ = store.add("intranet", "portal", groups, origins=origins, public_key=public)
    return store, key, private, public


def signed(claims: dict[str, Any], **head: Any) -> str:
    _, key, private, _ = home()
    heads = {"kid": key.id, **head}
    return jwt.encode(
        claims, private, "EdDSA", headers={name: value for name, value in heads.items() if value is not None}
    )


def good(**changes: Any) -> dict[str, Any]:
    now = int(time.time())
    claims = {"aud": AUDIENCE, "iat": now, "exp": now + 120, "origin": PORTAL, "sub": "ann", "groups": ["staff"]}
    return {name: value for name, value in {**claims, **changes}.items() if value is not None}


def checked(token: str, origin: str = PORTAL, audience: str = AUDIENCE) -> Claims:
    return verify(token, home()[0], audience, origin, ALLOWED)


def test_a_minted_token_is_accepted() -> None:
    _, key, private, _ = home()
    token = mint(private, key.id, audience=AUDIENCE, origin=PORTAL, subject="ann", groups=["staff"], life_s=MAX_LIFE_S)
    assert checked(token) == Claims("ann", frozenset({"staff"}))


@given(
    st.lists(
        st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=20) | st.sampled_from(["staff", "press"])
    )
)
def test_groups_are_cut_to_the_ceiling(groups: list[str]) -> None:
    assert checked(signed(good(groups=groups))).groups == set(groups) & {"staff", "press"}


def test_no_groups_are_no_groups() -> None:
    assert checked(signed(good(groups=None))).groups == frozenset()


NOW = int(time.time())
TAMPERED: dict[str, dict[str, Any]] = {
    "expired": {"iat": NOW - 200, "exp": NOW - LEEWAY_S - 2},
    "not yet": {"iat": NOW + 3600, "exp": NOW + 3660},
    "nbf": {"nbf": NOW + 3600},
    "too long": {"iat": NOW, "exp": NOW + MAX_LIFE_S + 1},
    "no life": {"iat": NOW, "exp": NOW},
    "ends before it begins": {"iat": NOW + 5, "exp": NOW},
    "fractions": {"iat": NOW + 0.5, "exp": NOW + 60.5},
    "times as text": {"iat": str(NOW), "exp": str(NOW + 60)},
    "times are bools": {"iat": True, "exp": True},
    "endless": {"exp": float("inf")},
    "no number": {"exp": float("nan")},
    "other audience": {"aud": "https://elsewhere.example.org"},
    "audience with a slash": {"aud": f"{AUDIENCE}/"},
    "audience among others": {"aud": [AUDIENCE, "https://elsewhere.example.org"]},
    "audience in a list": {"aud": [AUDIENCE]},
    "other origin": {"origin": OTHER},
    "origin with a slash": {"origin": f"{PORTAL}/"},
    "origin in capitals": {"origin": PORTAL.upper()},
    "null origin": {"origin": "null"},
    "origin in a list": {"origin": [PORTAL]},
    "empty subject": {"sub": ""},
    "long subject": {"sub": "a" * 201},
    "subject of two lines": {"sub": "ann\nbob"},
    "subject is a number": {"sub": 7},
    "groups as text": {"groups": "staff"},
    "groups of numbers": {"groups": [1]},
    "an empty group": {"groups": [""]},
    "groups of groups": {"groups": [["staff"]]},
    "too many groups": {"groups": [f"g{k}" for k in range(201)]},
    "groups as an object": {"groups": {"staff": True}},
    **{f"no {name}": {name: None} for name in ("aud", "iat", "exp", "origin", "sub")},
}


@pytest.mark.parametrize("changes", TAMPERED.values(), ids=TAMPERED)
def test_every_claim_is_checked(changes: dict[str, Any]) -> None:
    checked(signed(good()))
    with pytest.raises(Refused):
        checked(signed(good(**changes)))


@given(
    st.sampled_from(["aud", "iat", "exp", "origin", "sub", "groups", "nbf"]),
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.lists(st.text())
    | st.dictionaries(st.text(), st.none()),
)
def test_no_claim_of_another_shape_breaks_anything(name: str, value: Any) -> None:
    claims = good()
    claims[name] = value
    try:
        found = checked(signed(claims))
    except (Refused, UnicodeEncodeError, TypeError) as error:
        assert isinstance(error, Refused) or name in ("iat", "exp", "nbf", "sub")  # what cannot be signed at all
        return
    assert found.groups <= {"staff", "press"}
    assert name not in ("aud", "origin") or value in (AUDIENCE, PORTAL)


def unsigned(claims: dict[str, Any], **head: Any) -> str:
    parts = [json.dumps(part).encode() for part in ({"alg": "none", "typ": "JWT", "kid": home()[1].id, **head}, claims)]
    return ".".join([*(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts), ""])


def by_public_key() -> str:
    """Signed by HMAC with what everybody may know as the secret; PyJWT would not make it."""
    body = unsigned(good(), alg="HS256").rstrip(".")
    mac = hmac.new(home()[3].encode(), body.encode(), hashlib.sha256).digest()
    return f"{body}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"


def by_another_key() -> str:
    return jwt.encode(good(), Ed25519PrivateKey.generate(), "EdDSA", headers={"kid": home()[1].id})


def with_own_key() -> str:
    """Brings the key along that it is signed with."""
    own = Ed25519PrivateKey.generate()
    public = own.public_key().public_bytes_raw()
    jwk = {"kty": "OKP", "crv": "Ed25519", "x": base64.urlsafe_b64encode(public).rstrip(b"=").decode()}
    return jwt.encode(good(), own, "EdDSA", headers={"kid": home()[1].id, "jwk": jwk})


def changed_body() -> str:
    head, _, signature = signed(good()).split(".")
    body = base64.urlsafe_b64encode(json.dumps(good(sub="root")).encode()).rstrip(b"=").decode()
    return f"{head}.{body}.{signature}"


def other_kind_of_key() -> str:
    """Names a key of the API, whose kept digest is no key for signatures."""
    key, _ = home()[0].add("api")
    return jwt.encode(good(), home()[2], "EdDSA", headers={"kid": key.id})


FORGED: dict[str, Callable[[], str]] = {
    "alg none": lambda: unsigned(good()),
    "alg None": lambda: unsigned(good(), alg="None"),
    "no alg": lambda: unsigned(good(), alg=None),
    "HS256 with the public key": by_public_key,
    "another key": by_another_key,
    "its own key": with_own_key,
    "changed body": changed_body,
    "no kid": lambda: signed(good(), kid=None),
    "unknown kid": lambda: signed(good(), kid="000000000000"),
    "kid of an API key": other_kind_of_key,
    "kid is a path": lambda: unsigned(good(), kid="../../etc/passwd"),
    "kid is a number": lambda: unsigned(good(), kid=7),
    "crit": lambda: signed(good(), crit=["x"], x=1),
    "RS256": lambda: unsigned(good(), alg="RS256") + "AAAA",
    "no signature": lambda: signed(good()).rpartition(".")[0] + ".",
    "empty": lambda: "",
    "dots": lambda: "..",
    "huge": lambda: signed(good(sub="a" * 9000)),
    "deep head": lambda: base64.urlsafe_b64encode(b"[" * 100_000).decode() + ".e30.AA",
    "text": lambda: "not.a.token",
}


@pytest.mark.parametrize("forged", FORGED.values(), ids=FORGED)
def test_forged_tokens_are_refused(forged: Callable[[], str]) -> None:
    with pytest.raises(Refused):
        checked(forged())


@given(st.text(max_size=300) | st.binary(max_size=300).map(lambda raw: base64.urlsafe_b64encode(raw).decode()))
def test_no_text_is_a_token(text: str) -> None:
    for token in (text, f"{text}.{text}.{text}", f"{signed(good()).partition('.')[0]}.{text}.{text}"):
        with pytest.raises(Refused):
            checked(token)


def test_deep_claims_are_refused() -> None:
    _, key, private, _ = home()
    body = b'{"aud":' + b"[" * 3000 + b"]" * 3000 + b"}"
    signer = load_pem_private_key(private.encode(), None)
    assert isinstance(signer, Ed25519PrivateKey)
    head = json.dumps({"alg": "EdDSA", "kid": key.id}).encode()
    start = b".".join(base64.urlsafe_b64encode(part).rstrip(b"=") for part in (head, body))
    token = start + b"." + base64.urlsafe_b64encode(signer.sign(start)).rstrip(b"=")
    with pytest.raises(Refused):
        checked(token.decode())


def test_origin_is_that_of_the_request_and_on_both_lists() -> None:
    token = signed(good())
    for origin in ("", "null", OTHER, "https://elsewhere.example.org", f"{PORTAL}/", PORTAL.replace("https", "http")):
        with pytest.raises(Refused):
            checked(token, origin)
    with pytest.raises(Refused):  # on the list of all, but not of this key
        checked(signed(good(origin=OTHER)), OTHER)
    with pytest.raises(Refused):  # of this key, but no longer on the list of all
        verify(token, home()[0], AUDIENCE, PORTAL, [OTHER])
    with pytest.raises(Refused):  # a server that does not know its own address
        checked(signed(good(aud="")), PORTAL, "")


def test_tokens_end_with_their_key() -> None:
    store = home()[0]
    private, public = new_key_pair()
    key, _ = store.add("short", "portal", None, origins=frozenset({PORTAL}), public_key=public)
    token = mint(private, key.id, audience=AUDIENCE, origin=PORTAL, subject="ann", groups=["whatever"])
    assert checked(token).groups == {"whatever"}
    store.revoke(key.id)
    with pytest.raises(Refused):
        checked(token)


def test_refusals_do_not_tell_why() -> None:
    for forged in FORGED.values():
        with pytest.raises(Refused) as caught:
            checked(forged())
        assert str(caught.value) == ""
