"""Makes one right token and many wrong ones with each library.

Reads { private_key, token }: the app's own signing key, and a token of a living session, whose claims are taken over.
Answers { library: { right, wrong: { what is wrong: token } } }.
"""

import hmac
import json
import sys
import time
from base64 import urlsafe_b64decode

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from libraries import LIBRARIES, encoded


def compact(claims: dict) -> bytes:
    return json.dumps(claims, separators=(",", ":")).encode()


def without(members: dict, *names: str) -> dict:
    return {name: value for name, value in members.items() if name not in names}


def hs256(header: bytes, payload: bytes, secret: bytes) -> str:
    message = f"{encoded(header)}.{encoded(payload)}"
    return f"{message}.{encoded(hmac.digest(secret, message.encode(), 'sha256'))}"


def wrong_tokens(library, private: dict, claims: dict, now: int) -> dict[str, str]:
    header = {"typ": "at+jwt", "kid": private["kid"]}
    payload = compact(claims)

    def sign(other_header: dict = header, other_payload: bytes = payload, key: dict = private) -> str:
        return library.sign(other_header, other_payload, key)

    def by_hand(header_text: bytes) -> str:
        message = f"{encoded(header_text)}.{encoded(payload)}"
        return f"{message}.{encoded(library.signature(message.encode(), private))}"

    right = sign()
    other = library.other_key()
    x = urlsafe_b64decode(private["x"] + "=")
    pem = Ed25519PublicKey.from_public_bytes(x).public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    public = without(private, "d")
    start, middle, end = right.split(".")

    wrong = {
        "alg none": library.unsigned(header, payload),
        "alg none, with a signature": f"{library.unsigned(header, payload)}{end}",
        "HS256 with the public key's bytes": library.sign_hs256(header, payload, x),
        "HS256 with the public key's text": library.sign_hs256(header, payload, private["x"].encode()),
        "HS256 with the public JWK": library.sign_hs256(header, payload, compact(public)),
        # Both libraries refuse to do this one.
        "HS256 with the public key in PEM": hs256(compact({"alg": "HS256"} | header), payload, pem),
        "alg Ed25519": by_hand(compact({"alg": "Ed25519"} | header)),
        "alg ES256": by_hand(compact({"alg": "ES256"} | header)),
        "alg missing": by_hand(compact(header)),
        "typ missing": sign(without(header, "typ")),
        "typ JWT": sign(header | {"typ": "JWT"}),
        "kid missing": sign(without(header, "kid")),
        "kid unknown": sign(header | {"kid": "another"}),
        "kid of the other key": sign(header | {"kid": "another"}, key=other),
        "another key": sign(key=other),
        "another key, which it brings along": sign(header | {"jwk": without(other, "d")}, key=other),
        "crit unknown": by_hand(compact({"alg": "EdDSA", "crit": ["tenant"], "tenant": "any"} | header)),
        "crit empty": by_hand(compact({"alg": "EdDSA", "crit": []} | header)),
        "header with a member twice": by_hand(b'{"alg":"none",' + compact({"alg": "EdDSA"} | header)[1:]),
        "expired": sign(other_payload=compact(claims | {"iat": now - 700, "nbf": now - 700, "exp": now - 60})),
        "not yet valid": sign(other_payload=compact(claims | {"nbf": now + 60})),
        "made in the future": sign(other_payload=compact(claims | {"iat": now + 60})),
        "exp as text": sign(other_payload=compact(claims | {"exp": str(claims["exp"])})),
        "a claim twice": sign(other_payload=b'{"sub":"usr_00000000000000000000000000",' + payload[1:]),
        "a claim that is not ours": sign(other_payload=compact(claims | {"role": "owner"})),
        "aud wrong": sign(other_payload=compact(claims | {"aud": "another"})),
        "aud with others": sign(other_payload=compact(claims | {"aud": [claims["aud"], "another"]})),
        "iss wrong": sign(other_payload=compact(claims | {"iss": "another"})),
        "another person": sign(other_payload=compact(claims | {"sub": "usr_00000000000000000000000000"})),
        "another tenant": sign(other_payload=compact(claims | {"tid": "ten_00000000000000000000000000"})),
        "another session": sign(other_payload=compact(claims | {"sid": "ses_00000000000000000000000000"})),
        "claims that are no object": sign(other_payload=b"[]"),
        "claims that are no JSON": sign(other_payload=b"{"),
        "truncated signature": right[:-4],
        "no signature": f"{start}.{middle}.",
        "two parts": f"{start}.{middle}",
        "four parts": f"{right}.{end}",
        "truncated claims": f"{start}.{middle[:-4]}.{end}",
        "padding": f"{right}==",
    }
    for claim in ["iss", "aud", "sub", "sid", "iat", "nbf", "exp", "jti"]:
        wrong[f"{claim} missing"] = sign(other_payload=compact(without(claims, claim)))
    return {"right": right, "wrong": wrong}


question = json.load(sys.stdin)
middle = question["token"].split(".")[1]
# In another order than the app writes them: another text, which it has not verified before.
claims = dict(sorted(json.loads(urlsafe_b64decode(middle + "=" * (-len(middle) % 4))).items()))
arguments = (question["private_key"], claims, int(time.time()))
json.dump({name: wrong_tokens(library, *arguments) for name, library in LIBRARIES.items()}, sys.stdout)
