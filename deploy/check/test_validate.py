"""The manifests as they stand pass; a copy with one thing broken does not, and the rule that is meant for it says so."""

import base64
import copy
import functools
import json
import subprocess
import unittest
import unittest.mock

import yaml

import broken_copies
import broken_files
import make_secrets
import manifests
import observed
import pin_images
import project
import schemas
import validate
import variables
from broken_copies import END, FURTHER, GONE, SPIN, Replace

RULES = {rule.__name__: rule for rule in validate.RULES}
RULES_OF_FILES = {rule.__name__: rule for rule in observed.RULES}


@functools.cache
def as_read(way):
    return manifests.read_set(way)


def documents(way):
    return copy.deepcopy(as_read(way))


@functools.cache
def files_as_read():
    return observed.read(manifests.DEPLOY, manifests.SETS)


def files():
    return copy.deepcopy(files_as_read())


def key_of(node, word):
    """What a word of a place is in a list or a map."""
    if isinstance(node, dict):
        return word
    if word in node:
        return node.index(word)
    if word.isdigit():
        return int(word)
    key, _, value = word.partition("=")
    return next(number for number, each in enumerate(node) if str(each.get(key)) == value)


def put(node, place, value):
    """Breaks a place of a document. What is to go, or to have a part replaced, must be there."""
    *way, last = place.split()
    for word in way:
        node = node[key_of(node, word)]
    if last == END:
        node.append(value)
        return
    key = key_of(node, last)
    if value is GONE:
        del node[key]
    elif isinstance(value, Replace):
        if value.part not in node[key]:
            raise ValueError(f"{value.part} is not there")
        node[key] = node[key].replace(*value)
    else:
        node[key] = value


def break_copy(way, what, place, value):
    """The documents of a way to deploy and the map of components, with one thing broken."""
    broken, spin = documents(way), copy.deepcopy(project.spin())
    if what == SPIN:
        put(spin, place, value)
    elif what == FURTHER:
        broken.append(("further.yaml", value))
    else:
        who, _, namespace = what.partition(" in ")
        number = next(
            number
            for number, (_, each) in enumerate(broken)
            if manifests.name(each) == who and namespace in ("", each["metadata"].get("namespace"))
        )
        if place:
            put(broken[number][1], place, value)
        else:
            del broken[number]
    return broken, spin


def break_file(file, place, value):
    """The files of observed.py with one thing broken."""
    broken = files()
    put(broken, f"{file} {place}", value)
    return broken


class Rules(unittest.TestCase):
    def test_what_stands_here_passes(self):
        for way in manifests.SETS:
            self.assertEqual(list(validate.findings(documents(way))), [], way)
        self.assertEqual(list(observed.findings(files())), [])

    def found(self, findings, words):
        told = [what for _, what in findings]
        self.assertTrue(any(words in what for what in told), f"`{words}` is wanted, and this was found: {told}")

    def test_each_broken_copy_is_found_by_its_rule(self):
        for rule, rows in broken_copies.BROKEN.items():
            for way, what, place, value, words in rows:
                with self.subTest(rule=rule, way=way, what=what, place=place, words=words):
                    broken, spin = break_copy(way, what, place, value)
                    with unittest.mock.patch.object(project, "spin", lambda: spin):
                        self.found(RULES[rule](broken), words)

    def test_each_broken_file_is_found_by_its_rule(self):
        for rule, rows in broken_files.BROKEN.items():
            for file, place, value, words in rows:
                with self.subTest(rule=rule, file=file, place=place, words=words):
                    self.found(RULES_OF_FILES[rule](break_file(file, place, value)), words)

    def test_each_rule_has_a_broken_copy(self):
        for listed, table in [(RULES, broken_copies.BROKEN), (RULES_OF_FILES, broken_files.BROKEN)]:
            self.assertEqual([rule for rule in listed if not table.get(rule)], [], "these have none")

    def test_what_is_read_of_the_code_is_there(self):
        self.assertGreaterEqual(project.timed_routes(), {"/internal/auth/sweep", "/internal/payments/sweep", "/internal/events/dispatch"})
        self.assertEqual(set(project.metrics().values()), {"auth", "payments", "events"})
        self.assertEqual(project.component_of("/analytics/payments/by-day"), "payments")
        self.assertEqual(project.component_of("/authors"), "web")
        self.assertLess({"route", "status", "duration_ms"}, project.log_fields())

    def test_metrics_and_fields_are_found_in_queries(self):
        query = 'sum by (kind) (rate(a_total{kind="b_total"}[5m])) / on (kind) max_over_time(c[1h]) > bool d offset 1h'
        self.assertEqual(observed.metrics_of(query), {"a_total", "c", "d"})
        query = 'topk(3, sum by (route, code) (rate({namespace="x"} | json | status >= 500 | level = "error" | unwrap duration_ms [5m])))'
        self.assertEqual(observed.fields_of(query), {"route", "code", "status", "level", "duration_ms"})

    def test_schemas_of_a_cluster_are_read(self):
        crd = """{kind: CustomResourceDefinition, spec: {group: traefik.io, names: {kind: Middleware}, versions: [
            {name: v1alpha1, schema: {openAPIV3Schema: {properties: {spec: {properties: {chain: {type: object}}}}}}}]}}"""
        for text in [crd, "{kind: List, items: [" + crd + "]}"]:
            found = {rule for rule, _, _ in validate.findings(documents("single-node"), more=schemas.of_crds(text))}
            self.assertEqual(found, {"schemas"})

    def test_what_the_operator_and_the_sidecar_are_given_passes(self):
        made = subprocess.run([manifests.DEPLOY / "observability/operator/apply"], capture_output=True, text=True, check=True).stdout
        given = [("operator/apply", document) for document in yaml.safe_load_all(made)]
        self.assertEqual(list(schemas.schemas(given)), [])
        by_kind = {document["kind"]: document for _, document in given}
        self.assertEqual(by_kind["PrometheusRule"]["spec"], files()["alerts"])
        boards = {file.name: json.loads(file.read_text()) for file in (manifests.DEPLOY / "observability/dashboards").glob("*.json")}
        self.assertEqual({file: json.loads(text) for file, text in by_kind["ConfigMap"]["data"].items()}, boards)
        by_kind["PrometheusRule"]["spec"]["groups"][0]["rules"][0]["for"] = "soon"
        self.assertEqual(len(list(schemas.schemas(given))), 1)

    def test_a_release_has_no_placeholders(self):
        with_one, _ = break_copy("single-node", "SpinApp/bizosaas", "spec image", "ghcr.io/you/app" + pin_images.PLACEHOLDER)
        self.assertEqual(list(validate.findings(with_one)), [])
        self.assertEqual({rule for rule, _, _ in validate.findings(with_one, release=True)}, {"images"})

    def test_secrets_are_made_of_an_env_file(self):
        lines = [f"SPIN_VARIABLE_{key.upper()}='value of {key}'" for keys in variables.SECRETS.values() for key in keys]
        lines += ["BIZO_OWNER_URL='postgres://owner@h/b?sslmode=verify-full'", "BIZO_BACKUP_URL='postgres://backup@h/b?sslmode=disable'"]
        secrets = make_secrets.secrets("\n".join(lines))
        self.assertEqual({secret["metadata"]["name"]: sorted(secret["data"]) for secret in secrets},
                         {name: sorted(keys) for name, keys in variables.SECRETS.items()})
        self.assertEqual(base64.b64decode(secrets[0]["data"]["redis_password"]), b"value of redis_password")
        with self.assertRaisesRegex(SystemExit, "REFRESH_SECRET"):
            make_secrets.secrets("\n".join(line for line in lines if "REFRESH" not in line))
        for weak in ["?sslmode=require", "?sslmode=verify-ca", ""]:
            with self.assertRaisesRegex(SystemExit, "BIZO_OWNER_URL: sslmode=verify-full"):
                make_secrets.secrets("\n".join(line.replace("?sslmode=verify-full", weak) for line in lines))


if __name__ == "__main__":
    unittest.main()
