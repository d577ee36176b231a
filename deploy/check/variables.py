"""A rule on what the app is told: the variables of spin.toml, the settings, and the Secrets, which are listed here."""

import re

import project
from manifests import name, named, references, settings, workloads

# The Secrets, and what is in each: make_secrets.py writes them.
SECRETS = {
    "bizosaas-shared": ["redis_password", "jwt_public_keys", "service_token"],
    "bizosaas-auth": ["db_password_auth", "jwt_private_key", "refresh_secret", "auth_encryption_keys"],
    "bizosaas-crm": ["db_password_crm"],
    "bizosaas-payments": ["db_password_payments", "payments_encryption_keys"],
    "bizosaas-events": ["db_password_events", "mail_token_secret", "notify_secret"],
    "bizosaas-owner": ["owner_url"],
    "bizosaas-backup": ["backup_url"],
}
# Those that the runbook makes by hand, for deploy/neighbours.
SECRETS_BY_HAND = {"postgres-admin": ["password"], "store-password": ["password"]}


def used_by(component):
    """The application's variables that a component reads, or that say whom it may ask."""
    table = project.spin()["component"][component]
    text = " ".join([*table.get("variables", {}).values(), *table.get("allowed_outbound_hosts", [])])
    return set(re.findall(r"\{\{ *(\w+) *\}\}", text))


def must_be_bound(variable):
    """Whether its default is good for a development machine alone."""
    default, description = variable.get("default"), variable.get("description", "")
    return default is None or (default == "" and "empty" not in description) or "127.0.0.1" in default


def variables(documents, **_):
    """Each workload is given what its components need and nothing else; secrets come from Secrets."""
    declared = project.spin()["variables"]
    maps = {each: document["data"] for each, document in named(documents, "ConfigMap").items()}
    for file, workload, each, bound, _ in workloads(documents):
        used = set().union(*(used_by(component) for component in each))
        for variable in sorted(used - set(bound)):
            if must_be_bound(declared[variable]):
                yield file, f"{workload}: {variable} is not bound, and its default is for development"
        # What stands in the settings and reaches nobody would look like a setting.
        for variable in sorted((used & set(settings(documents))) - set(bound)):
            yield file, f"{workload}: {variable} of base/settings.yaml is not bound"
        for variable, source in bound.items():
            if variable not in declared:
                yield file, f"{workload}: spin.toml has no variable {variable}"
            elif variable not in used:
                yield file, f"{workload}: none of its components reads {variable}"
            elif declared[variable].get("secret") and "secretKeyRef" not in source:
                yield file, f"{workload}: {variable} is a secret and does not come from a Secret"
    for variable in settings(documents):
        if variable not in declared:
            yield "base/settings.yaml", f"spin.toml has no variable {variable}"
        elif declared[variable].get("secret"):
            yield "base/settings.yaml", f"{variable} is a secret"
    for file, document in documents:
        for reference in references(document, "secretKeyRef"):
            if reference["key"] not in (SECRETS | SECRETS_BY_HAND).get(reference["name"], []):
                yield file, f"{name(document)}: make_secrets.py makes no {reference['key']} in {reference['name']}"
        for reference in references(document, "configMapKeyRef"):
            if reference["key"] not in maps.get(reference["name"], {}):
                yield file, f"{name(document)}: there is no {reference['key']} in the ConfigMap {reference['name']}"
