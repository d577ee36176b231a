"""Holds every example of the API description against its schema: { origin } in, { checked, wrong } out."""

import json
import sys
import urllib.request

import jsonschema_rs

question = json.load(sys.stdin)
with urllib.request.urlopen(question["origin"] + "/openapi.json") as answer:
    document = json.load(answer)

checked, wrong = 0, []


def check(place, schema, example):
    """The whole document stands beside the schema, so that its references lead somewhere; formats are meant."""
    global checked
    checked += 1
    whole = {"$schema": "https://json-schema.org/draft/2020-12/schema", "components": document["components"], "allOf": [schema]}
    validator = jsonschema_rs.Draft202012Validator(whole, validate_formats=True)
    wrong.extend(f"{place}: {error.message}" for error in validator.iter_errors(example))


def schemas(place, value):
    """Examples beside a schema's own words, wherever it stands."""
    if isinstance(value, list):
        for index, item in enumerate(value):
            schemas(f"{place}/{index}", item)
    elif isinstance(value, dict):
        if "example" in value:
            check(place, {name: member for name, member in value.items() if name != "example"}, value["example"])
        for name, member in value.items():
            if name not in ("example", "examples", "enum", "const"):
                schemas(f"{place}/{name}", member)


def contents(place, holder):
    """Examples beside a media type's schema."""
    for media_type, content in holder.get("content", {}).items():
        here = f"{place} {media_type}"
        if "example" in content:
            check(here, content["schema"], content["example"])
        for name, example in content.get("examples", {}).items():
            example = document["components"]["examples"][name] if "$ref" in example else example
            check(f"{here} {name}", content["schema"], example["value"])
        schemas(here, content["schema"])


schemas("components/schemas", document["components"]["schemas"])
for path, item in document["paths"].items():
    for method, operation in item.items():
        where = f"{method.upper()} {path}"
        contents(where, operation.get("requestBody", {}))
        for status, response in operation["responses"].items():
            contents(f"{where} {status}", response)
        for parameter in operation.get("parameters", []):
            if "example" in parameter:
                check(f"{where} {parameter['name']}", parameter["schema"], parameter["example"])

json.dump({"checked": checked, "wrong": wrong}, sys.stdout)
