"""The manifests as the rules see them: which folders are applied together, and what stands in a document.

Nothing here judges. A rule takes `documents`, pairs of a file's name and a document, as `read_set` returns them for one way to deploy.
"""

import json
import pathlib
import re

import yaml

import project

DEPLOY = pathlib.Path(__file__).resolve().parent.parent
# What is applied together, as the runbook says; `kubectl apply -f` takes the files of a folder, not those of folders in it.
ALL = ["cluster", "base"]
SETS = {
    "single-node": ["base", "base/always-on", "single-node"],
    "split": ["base", "base/always-on", "split"],
    "plain": ["base", "base/always-on", "plain"],
    "scale-to-zero": ["base", "single-node", "scale-to-zero", "scale-to-zero/interceptor"],
    "everything": [
        *["base", "base/always-on", "single-node", "single-node/nodeports"],
        *["observability/cluster", "observability/operator", "neighbours"],
    ],
}
NAMESPACE = "bizosaas"
NEIGHBOURS = "apps-platform"
INTERCEPTOR = "keda"
# The labels of its Helm chart.
INTERCEPTOR_POD = {"app.kubernetes.io/part-of": "keda-add-ons-http", "app.kubernetes.io/component": "interceptor"}
# What folders hold for others' namespaces.
ELSEWHERE = {"neighbours": NEIGHBOURS, "cluster": "kube-system", "scale-to-zero/interceptor": INTERCEPTOR}


def read(folder, deploy=DEPLOY):
    """The documents of a folder, lists taken apart, each with the file it is from."""
    documents = []
    for file in sorted((deploy / folder).glob("*.yaml")):
        for document in yaml.safe_load_all(file.read_text()):
            if document:
                each = document["items"] if document["kind"] == "List" else [document]
                # What an anchor shares is one object; here everybody has their own.
                documents += [(str(file.relative_to(deploy)), json.loads(json.dumps(one))) for one in each]
    return documents


def read_set(way, deploy=DEPLOY):
    """The documents of one way to deploy, with what every way has."""
    folders = [folder for folder in ALL if folder not in SETS[way]] + SETS[way]
    return [each for folder in folders for each in read(folder, deploy)]


def name(document):
    """A document as findings call it."""
    return f"{document['kind']}/{document['metadata']['name']}"


def of_kind(documents, *kinds):
    return [(file, document) for file, document in documents if document["kind"] in kinds]


def named(documents, kind, namespace=None):
    """Those of a kind, by their names."""
    return {
        document["metadata"]["name"]: document
        for _, document in of_kind(documents, kind)
        if namespace in (None, document["metadata"].get("namespace"))
    }


def references(node, wanted):
    """Whatever stands under a key, at any depth."""
    if isinstance(node, dict):
        for key, child in node.items():
            if key == wanted:
                yield child
            else:
                yield from references(child, wanted)
    elif isinstance(node, list):
        for child in node:
            yield from references(child, wanted)


def workloads(documents):
    """Whoever runs the app: file, name, the components, the variables bound, pod labels."""
    every = list(project.spin()["component"])
    for file, document in of_kind(documents, "SpinApp"):
        spec = document["spec"]
        bound = {variable["name"]: variable.get("valueFrom", {"value": variable.get("value")}) for variable in spec.get("variables", [])}
        yield file, name(document), spec.get("components") or every, bound, spec.get("podLabels", {})
    for file, document in of_kind(documents, "Deployment"):
        template = document["spec"]["template"]
        for container in template["spec"]["containers"]:
            prefix = "SPIN_VARIABLE_"
            bound = {
                variable["name"].removeprefix(prefix).lower(): variable.get("valueFrom", {"value": variable.get("value")})
                for variable in container.get("env", [])
                if variable["name"].startswith(prefix)
            }
            if bound:
                yield file, name(document), every, bound, template["metadata"]["labels"]


def templates(documents):
    """The pods of Kubernetes' own kinds: file, document, template."""
    for file, document in of_kind(documents, "Deployment", "StatefulSet", "Job", "CronJob"):
        spec = document["spec"]
        yield file, document, spec.get("jobTemplate", {}).get("spec", spec)["template"]


def callers(documents):
    """The timers: file, name, the addresses, the command."""
    for file, document, template in templates(documents):
        calls = template["metadata"].get("annotations", {}).get("bizosaas/calls")
        if calls is not None:
            yield file, name(document), calls.split(), " ".join(template["spec"]["containers"][0]["args"])


def settings(documents):
    """What the ConfigMaps of our namespace hold, all together."""
    found = {}
    for _, document in of_kind(documents, "ConfigMap"):
        found |= document["data"] if document["metadata"].get("namespace") == NAMESPACE else {}
    return found


def service_of(host):
    """Name and namespace of a Service, by its whole name."""
    found = re.fullmatch(r"([\w-]+)\.([\w-]+)\.svc\.cluster\.local", host)
    return found.groups() if found else None


def size(text):
    number, unit = re.fullmatch(r"(\d+)(Ki|Mi|Gi|)", str(text)).groups()
    return int(number) << {"": 0, "Ki": 10, "Mi": 20, "Gi": 30}[unit]


def seconds(text):
    number, unit = re.fullmatch(r"(\d+)(ms|s|m|h)", str(text)).groups()
    return int(number) * {"ms": 0.001, "s": 1, "m": 60, "h": 3600}[unit]
