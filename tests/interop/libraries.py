"""Two JOSE libraries behind one form: what each makes and reads of compact JWS, by its own code."""

import json
import warnings
from base64 import urlsafe_b64encode

import jwt as pyjwt
from jwt.algorithms import HMACAlgorithm, OKPAlgorithm
from joserfc import jws as joserfc_jws
from joserfc import jwt as joserfc_jwt
from joserfc.errors import SecurityWarning
from joserfc.jwk import KeySet, OctKey, OKPKey

# EdDSA, HS256 and none are what the app accepts and what it must refuse: joserfc warns of each.
warnings.simplefilter("ignore", SecurityWarning)


def encoded(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


class PyJWT:
    def sign(self, header: dict, payload: bytes, private: dict) -> str:
        key = OKPAlgorithm.from_jwk(json.dumps(private))
        # The library writes `typ: JWT` unless it is told otherwise; null takes it out.
        return pyjwt.api_jws.encode(payload, key, algorithm="EdDSA", headers={"typ": None} | header)

    def sign_hs256(self, header: dict, payload: bytes, secret: bytes) -> str:
        # `encode` refuses secrets that look like a JWK, which is what is tried here.
        message = f"{encoded(json.dumps({'alg': 'HS256'} | header).encode())}.{encoded(payload)}"
        return f"{message}.{encoded(HMACAlgorithm(HMACAlgorithm.SHA256).sign(message.encode(), secret))}"

    def unsigned(self, header: dict, payload: bytes) -> str:
        return pyjwt.api_jws.encode(payload, None, algorithm="none", headers=header)

    def signature(self, message: bytes, private: dict) -> bytes:
        return OKPAlgorithm().sign(message, OKPAlgorithm.from_jwk(json.dumps(private)))

    def other_key(self) -> dict:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        return json.loads(OKPAlgorithm.to_jwk(Ed25519PrivateKey.generate()))

    def verify(self, token: str, jwks: dict, issuer: str, audience: str) -> tuple[dict, dict]:
        kid = pyjwt.get_unverified_header(token)["kid"]
        key = pyjwt.PyJWKSet.from_dict(jwks)[kid]
        read = pyjwt.decode_complete(
            token,
            key,
            algorithms=["EdDSA"],
            issuer=issuer,
            audience=audience,
            options={"require": ["iss", "aud", "sub", "sid", "iat", "nbf", "exp", "jti"]},
        )
        return read["header"], read["payload"]


class Joserfc:
    def __init__(self) -> None:
        # The library keeps unsafe algorithms and unknown members out unless it is asked for them by name.
        self.registry = joserfc_jws.JWSRegistry(algorithms=["EdDSA", "HS256", "none"], strict_check_header=False)

    def sign(self, header: dict, payload: bytes, private: dict) -> str:
        key = OKPKey.import_key(private)
        return joserfc_jws.serialize_compact({"alg": "EdDSA"} | header, payload, key, registry=self.registry)

    def sign_hs256(self, header: dict, payload: bytes, secret: bytes) -> str:
        key = OctKey.import_key(secret)
        return joserfc_jws.serialize_compact({"alg": "HS256"} | header, payload, key, registry=self.registry)

    def unsigned(self, header: dict, payload: bytes) -> str:
        return joserfc_jws.serialize_compact({"alg": "none"} | header, payload, None, registry=self.registry)

    def signature(self, message: bytes, private: dict) -> bytes:
        return self.registry.get_alg("EdDSA").sign(message, OKPKey.import_key(private))

    def other_key(self) -> dict:
        return OKPKey.generate_key("Ed25519").as_dict(private=True)

    def verify(self, token: str, jwks: dict, issuer: str, audience: str) -> tuple[dict, dict]:
        read = joserfc_jwt.decode(token, KeySet.import_key_set(jwks), algorithms=["EdDSA"])
        essential = {name: {"essential": True} for name in ["sub", "sid", "iat", "nbf", "exp", "jti"]}
        claims = joserfc_jwt.JWTClaimsRegistry(
            iss={"essential": True, "value": issuer}, aud={"essential": True, "value": audience}, **essential
        )
        claims.validate(read.claims)
        return read.header, read.claims


LIBRARIES = {"PyJWT": PyJWT(), "joserfc": Joserfc()}
