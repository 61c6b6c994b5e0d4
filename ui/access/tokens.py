"""Portal tokens: short-lived JSON web tokens that a portal's backend signs for its user. docs/access.md lists the claims."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable
from dataclasses import dataclass

import jwt
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_public_key,
)

from index.errors import SettingsError
from ui.access.keys import MAX_GROUPS, MAX_NAME, KeyStore

ALGORITHM = "EdDSA"
MAX_LIFE_S = 300
LEEWAY_S = 10
"""How far the clocks of portal and server may be apart."""
MAX_SUBJECT = 200
_MAX_HEAD, _MAX_TOKEN = 400, 8192
_CLAIMS = ["aud", "iat", "exp", "origin", "sub"]


class Refused(Exception):
    """A token that is not accepted. Why is not told: it would help to guess."""


@dataclass(frozen=True, slots=True)
class Claims:
    """What a verified token says: the portal's name for its user, and the groups that count."""

    subject: str
    groups: frozenset[str]


def new_key_pair() -> tuple[str, str]:
    """A private key for a portal's backend and its public key, in PEM."""
    private = Ed25519PrivateKey.generate()
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return pem.decode(), _pem(private.public_key())


def public_key(pem: bytes) -> str:
    """A portal's own public key in PEM, as it is kept. :raises SettingsError: if it is no Ed25519 public key."""
    try:
        key = load_pem_public_key(pem)
    except (ValueError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, Ed25519PublicKey):
        raise SettingsError("found no Ed25519 public key in PEM; make one with `openssl pkey -in KEY -pubout`")
    return _pem(key)


def mint(
    private_key: str,
    key_id: str,
    *,
    audience: str,
    origin: str,
    subject: str,
    groups: Iterable[str] = (),
    life_s: int = 120,
) -> str:
    """A token as a portal's backend makes it; ``life_s`` is at most ``MAX_LIFE_S``, or it will be refused."""
    now = int(time.time())
    who = {"sub": subject, "groups": list(groups)}
    claims = {"aud": audience, "iat": now, "exp": now + life_s, "origin": origin, **who}
    return jwt.encode(claims, private_key, ALGORITHM, headers={"kid": key_id})


def verify(token: str, keys: KeyStore, audience: str, origin: str, allowed: Collection[str]) -> Claims:
    """The claims of ``token``, presented by a page of ``origin``, which must be among the ``allowed`` origins.

    :raises Refused: whatever is wrong with it.
    :raises StoreError: if the keys cannot be read.
    """
    # The head is read before any signature is checked: bounded, so that it cannot nest deeply.
    if not audience or origin not in allowed or len(token) > _MAX_TOKEN or token.find(".") not in range(1, _MAX_HEAD):
        raise Refused
    try:
        head = jwt.get_unverified_header(token)
    except (jwt.PyJWTError, ValueError) as error:
        raise Refused from error
    key_id = head.get("kid")
    key = keys.find(key_id) if isinstance(key_id, str) and key_id.isascii() else None
    if key is None or key.kind != "portal" or origin not in key.origins or "crit" in head:
        raise Refused
    try:
        claims = jwt.decode(
            token,
            key.secret,
            algorithms=[ALGORITHM],
            audience=audience,
            leeway=LEEWAY_S,
            options={"require": _CLAIMS, "strict_aud": True},
        )
    except (jwt.PyJWTError, ValueError, TypeError, OverflowError, RecursionError) as error:
        raise Refused from error
    if claims["origin"] != origin or not _is_short(claims["iat"], claims["exp"]):
        raise Refused
    if not _is_name(claims["sub"], MAX_SUBJECT):
        raise Refused
    named = _groups(claims.get("groups", []))
    return Claims(claims["sub"], named if key.groups is None else named & key.groups)


def _is_short(issued: object, expires: object) -> bool:
    if type(issued) is not int or type(expires) is not int:  # a bool is an int as well
        return False
    return 0 < expires - issued <= MAX_LIFE_S


def _groups(found: object) -> frozenset[str]:
    if not isinstance(found, list) or len(found) > MAX_GROUPS or not all(_is_name(group, MAX_NAME) for group in found):
        raise Refused
    return frozenset(found)


def _is_name(value: object, longest: int) -> bool:
    return isinstance(value, str) and 0 < len(value) <= longest and value.isprintable()


def _pem(key: Ed25519PublicKey) -> str:
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
