"""Has schemathesis try every route of the API description: { origin, token? } in, { code, report } out."""

import json
import pathlib
import subprocess
import sys

# What an answer must be, whatever was asked. Left out, and why:
# - positive_data_acceptance: made-up ids name nothing, and 404 is the right answer.
# - negative_data_rejection: it sends headers that nobody knows, which HTTP has ignored.
# - ignored_auth: the token is a fixed header here; tests/tests/suite/tenancy.rs asks every route without one.
# - use_after_free, ensure_resource_availability: they belong to stateful runs, which the suite's own stories are.
CHECKS = [
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "unsupported_method",
    "missing_required_header",
]
# Without the service token they answer 404 to whatever is asked, a missing header and a wrong method included.
INTERNAL = "^/internal"
# They would end the session that the others need.
ENDING = "^/(internal|auth/jwt/logout|auth/logout|auth/sessions|auth/jwt/refresh|users/me)"

question = json.load(sys.stdin)
command = [
    str(pathlib.Path(sys.executable).with_name("schemathesis")),
    "run",
    question["origin"] + "/openapi.json",
    "--checks",
    ",".join(CHECKS),
    "--phases=examples,coverage,fuzzing",
    "--max-examples=10",
    "--seed=1",
    "--suppress-health-check=all",
    "--continue-on-failure",
    "--no-color",
]
if question.get("token"):
    command += ["--header", "authorization: Bearer " + question["token"], "--exclude-path-regex", ENDING]
else:
    command += ["--exclude-path-regex", INTERNAL]
ran = subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)
# What it found, and how much it tried; an answer of the app's may hold anything, so no more than the end.
json.dump({"code": ran.returncode, "report": (ran.stdout + ran.stderr)[-8000:]}, sys.stdout)
