"""A rule that every field is one that its kind has: Kubernetes' own schemas, CRDs copied to crds/, and schemas.yaml for the rest."""

import copy
import functools
import json

import jsonschema
import kubernetes_validate
import yaml

from manifests import DEPLOY, name

KUBERNETES = "1.35"


def strict(schema):
    """A CRD's schema that refuses fields it does not name."""
    schema = copy.deepcopy(schema)

    def visit(node):
        if not isinstance(node, dict):
            return
        if node.pop("x-kubernetes-int-or-string", False):
            node.pop("anyOf", None)
            node["type"] = ["integer", "string"]
        if node.get("nullable"):
            node["type"] = [node["type"], "null"]
        if node.get("properties"):
            node.setdefault("type", "object")
            if not node.get("x-kubernetes-preserve-unknown-fields"):
                node.setdefault("additionalProperties", False)
        for child in node.get("properties", {}).values():
            visit(child)
        for key in ["items", "additionalProperties"]:
            visit(node.get(key))

    visit(schema)
    schema.setdefault("properties", {}).update({"metadata": {"type": "object"}, "apiVersion": {"type": "string"}, "kind": {"type": "string"}})
    return schema


def of_crds(text):
    found = {}
    for document in yaml.safe_load_all(text):
        for crd in document.get("items", [document]) if document else []:
            for version in crd["spec"]["versions"]:
                key = f"{crd['spec']['group']}/{version['name']}/{crd['spec']['names']['kind']}"
                found[key] = strict(version["schema"]["openAPIV3Schema"])
    return found


@functools.cache
def own_schemas():
    """By apiVersion/Kind: the CRDs that are copied here, and what we wrote down of others."""
    found = {}
    for file in (DEPLOY / "check" / "crds").glob("*.yaml"):
        found |= of_crds(file.read_text())
    for key, schema in yaml.safe_load((DEPLOY / "check" / "schemas.yaml").read_text()).items():
        found.setdefault(key, strict(json.loads(json.dumps(schema))))
    return found


def schemas(documents, more={}, **_):
    """Every field is one that its kind has."""
    for file, document in documents:
        key = f"{document['apiVersion']}/{document['kind']}"
        ours = [schemas[key] for schemas in (own_schemas(), more) if key in schemas]
        for schema in ours:
            for error in jsonschema.Draft202012Validator(schema).iter_errors(document):
                place = ".".join(str(part) for part in error.absolute_path)
                yield file, f"{name(document)}: {place}: {error.message}"
        if not ours:
            try:
                kubernetes_validate.validate(document, KUBERNETES, strict=True)
            except kubernetes_validate.ValidationError as error:
                yield file, f"{name(document)}: {'.'.join(str(part) for part in error.path)}: {error.message}"
            except kubernetes_validate.SchemaNotFoundError:
                yield file, f"{name(document)}: there is no schema for {key}"
