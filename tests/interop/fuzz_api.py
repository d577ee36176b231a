"""Has schemathesis try every route of the API description: { origin, token?, service? } in, { code, report } out.

With a person's token, without any, and with the service token those routes alone that are for services.
"""

import json
import os
import pathlib
import subprocess
import sys

# What an answer must be, whatever was asked. Left out, and why:
# - positive_data_acceptance: made-up ids name nothing, and 404 is the right answer.
# - negative_data_rejection: it sends headers that nobody knows, which HTTP has ignored.
# - ignored_auth: the token is a fixed header here; tests/tests/suite/tenancy.rs asks every route without one.
# - use_after_free, ensure_resource_availability, object_level_authorization: they belong to stateful runs and to several
#   people, which the suite's own stories and its walk with another tenant's token are.
CHECKS = [
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "unsupported_method",
    "missing_required_header",
    "allow_header_conformance",
]
# Services find nothing at a wrong method or without the token, so that nobody learns what is there: 404, not 405 or 401.
NO_TRACE = ["unsupported_method", "allow_header_conformance", "missing_required_header"]
SERVICE_CHECKS = [check for check in CHECKS if check not in NO_TRACE]
# Without the service token they answer 404 to whatever is asked, a missing header and a wrong method included.
INTERNAL = "^/internal"
# They would end the session that the others need.
ENDING = "^/(auth/jwt/logout|auth/sessions|users/me)"

question = json.load(sys.stdin)
command = [
    str(pathlib.Path(sys.executable).with_name("schemathesis")),
    "run",
    question["origin"] + "/openapi.json",
    "--checks",
    ",".join(SERVICE_CHECKS if question.get("service") else CHECKS),
    "--phases=examples,coverage,fuzzing",
    "--max-examples=10",
    "--seed=1",
    "--suppress-health-check=all",
    "--continue-on-failure",
    "--no-color",
]
if question.get("service"):
    command += ["--header", "authorization: Bearer " + question["token"], "--include-path-regex", INTERNAL]
elif question.get("token"):
    command += ["--header", "authorization: Bearer " + question["token"]]
    command += ["--exclude-path-regex", INTERNAL + "|" + ENDING]
else:
    command += ["--exclude-path-regex", INTERNAL]
here = str(pathlib.Path(__file__).parent)
environment = os.environ | {"SCHEMATHESIS_HOOKS": "fuzz_hooks", "PYTHONPATH": here}
ran = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=600)
# What it found, and how much it tried; an answer of the app's may hold anything, so no more than the end.
json.dump({"code": ran.returncode, "report": (ran.stdout + ran.stderr)[-8000:]}, sys.stdout)
