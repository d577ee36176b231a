"""Turns an env file into the Secrets of the manifests: `make_secrets.py production.env | kubectl apply --server-side -f -`.

Nothing is written to disk. Without `--server-side` kubectl keeps a copy of each Secret in one of its annotations.
"""

import base64
import re
import sys

import yaml

from manifests import NAMESPACE
from variables import SECRETS

# What the app does not read stands in the file under another name.
NAMES = {"owner_url": "BIZO_OWNER_URL", "backup_url": "BIZO_BACKUP_URL"}


def secrets(text):
    """The Secrets; stops at a value that is missing."""
    values = {}
    for line in text.splitlines():
        key, separator, value = line.partition("=")
        if separator and not key.startswith("#"):
            quoted = len(value) >= 2 and value[0] == value[-1] == "'"
            values[key.strip()] = value[1:-1] if quoted else value
    made = []
    for secret, keys in SECRETS.items():
        data = {}
        for key in keys:
            variable = NAMES.get(key, f"SPIN_VARIABLE_{key.upper()}")
            # A store without a password has an empty one.
            if variable not in values or (not values[variable] and key != "redis_password"):
                sys.exit(f"make_secrets: {variable} is missing")
            # Other modes encrypt for whoever answers.
            if key.endswith("_url") and not re.search(r"[?&]sslmode=(verify-full|disable)(&|$)", values[variable]):
                sys.exit(f"make_secrets: {variable}: sslmode=verify-full is wanted, or disable for a database without TLS")
            data[key] = base64.b64encode(values[variable].encode()).decode()
        made.append({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": secret, "namespace": NAMESPACE}, "data": data})
    return made


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: make_secrets.py <env file>")
    with open(sys.argv[1], encoding="utf-8") as file:
        print(yaml.safe_dump_all(secrets(file.read()), sort_keys=False), end="")
