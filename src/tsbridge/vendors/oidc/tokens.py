"""An ID token read and proven: who signed it, for whom it is, when it is good, and who it is about.

OpenID Connect Core 1.0, section 3.1.3.7. The one module that knows the library of tokens.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from joserfc import errors, jwt
from joserfc.jwk import KeySet
from joserfc.jws import JWSRegistry

from tsbridge.core.errors import Refused
from tsbridge.vendors.oidc.terms import Person, Terms

ALGORITHMS: Final = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "Ed25519")
"""Signatures by a key of which we know the public half. Neither `none` nor one by a shared secret."""
REGISTRY: Final = JWSRegistry(algorithms=ALGORITHMS, strict_check_header=False)
"""Header parameters that are not known are ignored (RFC 7515, section 4); those that are `crit` are not."""
SKEW: Final = timedelta(seconds=60)
"""By how much the provider's clock may be another than ours."""
OLDEST: Final = timedelta(minutes=10)
"""A token is made when it is asked for; one that was made long ago is another one."""
LONGEST: Final = 64 << 10
LONGEST_NAME: Final = 200


class UnknownKey(Exception):
    """It is signed by a key that is not among those known: they may be others by now."""


def key_set(content: Any) -> KeySet:
    """The public keys of a JWK set, those that are understood. Raises `Refused`."""
    if not isinstance(content, dict) or not isinstance(content.get("keys"), list):
        raise Refused("keys_unreadable")
    usable = [
        key for key in content["keys"] if isinstance(key, dict) and key.get("kty") in ("RSA", "EC", "OKP") and key.get("use") != "enc"
    ]
    try:
        return KeySet.import_key_set({"keys": usable})
    except (errors.JoseError, ValueError, KeyError, TypeError):
        raise Refused("keys_unreadable") from None


def person(token: str, keys: KeySet, terms: Terms, nonce: str, now: datetime) -> Person:
    """Who a token is about. Raises `UnknownKey`, and `Refused` with a reason: `unsigned`, `bad_signature`, `expired`, `other_audience` …"""
    claims = _proven(token, keys)
    _held(claims, terms, nonce, now)
    name = _claim(claims, terms.name_claim)
    if not isinstance(name, str) or not name.strip() or not name.isprintable() or len(name) > LONGEST_NAME:
        raise Refused("no_name")
    if terms.name_claim == "email" and claims.get("email_verified") is False:
        raise Refused("email_not_verified")
    given = _claim(claims, terms.role_claim)
    values = [given] if isinstance(given, str) else given if isinstance(given, list) else []
    roles = [terms.roles[value] for value in values if isinstance(value, str) and value in terms.roles]
    return Person(name.strip(), max(roles, key=terms.ladder.index, default=None))


def _proven(token: str, keys: KeySet) -> Mapping[str, Any]:
    """What it says, once it is known who signed that."""
    if len(token) > LONGEST or not token.isascii():
        raise Refused("unreadable")
    try:
        found = jwt.decode(token, keys, algorithms=ALGORITHMS, registry=REGISTRY)
    except errors.InvalidKeyIdError:
        raise UnknownKey from None
    except errors.BadSignatureError:
        raise Refused("bad_signature") from None
    except errors.UnsupportedAlgorithmError:
        raise Refused("algorithm") from None
    except (errors.JoseError, ValueError, KeyError, TypeError):
        raise Refused("unreadable") from None
    return found.claims


def _held(claims: Mapping[str, Any], terms: Terms, nonce: str, now: datetime) -> None:
    """Everything that the specification asks of the claims."""
    registry = jwt.JWTClaimsRegistry(
        now=int(now.timestamp()),
        leeway=int(SKEW.total_seconds()),
        iss={"essential": True},
        sub={"essential": True},
        aud={"essential": True, "value": terms.client_id},
        exp={"essential": True},
        iat={"essential": True},
    )
    try:
        registry.validate(dict(claims))
    except errors.ExpiredTokenError:
        raise Refused("expired") from None
    except errors.ClaimError as failed:
        raise Refused("other_audience" if failed.claim == "aud" else "claims") from None
    if claims["iss"] != terms.issuer:
        raise Refused("other_issuer")
    if claims["nonce"] != nonce if "nonce" in claims else True:
        raise Refused("other_nonce")
    several = isinstance(claims["aud"], list) and len(claims["aud"]) > 1
    if ("azp" in claims or several) and claims.get("azp") != terms.client_id:
        raise Refused("other_party")
    if claims["iat"] < (now - OLDEST).timestamp():
        raise Refused("too_old")


def _claim(claims: Mapping[str, Any], name: str) -> Any:
    """A claim by its name, or what stands in claims by the names between the dots; None where there is none."""
    if name in claims:
        return claims[name]
    found: Any = claims
    for part in name.split("."):
        found = found.get(part) if isinstance(found, Mapping) else None
    return found
