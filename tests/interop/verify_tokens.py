"""Verifies a token of the app with each library, by the keys that the app serves.

Reads { token, jwks, issuer, audience }; answers { library: { header, claims } } or { library: { refused } }.
"""

import json
import sys

from libraries import LIBRARIES

question = json.load(sys.stdin)
answer = {}
for name, library in LIBRARIES.items():
    try:
        header, claims = library.verify(
            question["token"], question["jwks"], question["issuer"], question["audience"]
        )
        answer[name] = {"header": header, "claims": claims}
    except Exception as error:  # each library has its own kinds
        answer[name] = {"refused": f"{type(error).__name__}: {error}"}
json.dump(answer, sys.stdout)
