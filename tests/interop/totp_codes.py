"""The codes that an authenticator app would show.

Reads { otpauth_uri, secret, steps }; answers { issuer, name, secret, codes }: for each step, counted from now, the code.
"""

import json
import sys
import time

import pyotp

question = json.load(sys.stdin)
totp = pyotp.parse_uri(question["otpauth_uri"])
now = int(time.time())
json.dump(
    {
        "issuer": totp.issuer,
        "name": totp.name,
        "secret": totp.secret,
        "codes": [totp.at(now + step * totp.interval) for step in question["steps"]],
    },
    sys.stdout,
)
