"""The same computations as src/lib.rs, with what Python services use: argon2-cffi (the reference implementation in C) and
cryptography (OpenSSL).

`python pair.py argon2id 20` prints the result in hex and the CPU microseconds of one computation.
"""

import sys
import time

from argon2.low_level import Type, hash_secret_raw
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

_PASSWORD = b"correct horse battery staple"
_SALT = b"well kept salt!!"
_SEED = b"the seed of a key that signs not"
_MESSAGE = b"m" * 420


def argon2id(times: int) -> bytes:
    for _ in range(times):
        computed = hash_secret_raw(_PASSWORD, _SALT, 2, 19_456, 1, 32, Type.ID)
    return computed


def ed25519_verify(times: int) -> bytes:
    signing = Ed25519PrivateKey.from_private_bytes(_SEED)
    key, signature = signing.public_key(), signing.sign(_MESSAGE)
    for _ in range(times):
        key.verify(signature, _MESSAGE)
    return signature


what, times = {"argon2id": argon2id, "ed25519_verify": ed25519_verify}[sys.argv[1]], int(sys.argv[2])
what(1)
begun = time.process_time()
result = what(times)
print(result.hex(), (time.process_time() - begun) / times * 1e6)
