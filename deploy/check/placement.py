"""Rules on what is there and where: nothing twice, each namespace, every component."""

import pathlib

import project
from manifests import ELSEWHERE, NAMESPACE, name, named, references, workloads

CLUSTER_WIDE = {"Namespace", "RuntimeClass", "ClusterIssuer"}


def once(documents, **_):
    """Nothing stands twice in what is applied together: the one applied later would undo the other."""
    seen = {}
    for file, document in documents:
        key = (document["apiVersion"].split("/")[0], document["kind"], document["metadata"].get("namespace"), document["metadata"]["name"])
        if key in seen:
            yield file, f"{name(document)} stands in {seen[key]}, too"
        seen[key] = file


def namespaces(documents, **_):
    """Everything is where it belongs, and names what is there."""
    executors, classes = named(documents, "SpinAppExecutor"), named(documents, "RuntimeClass")
    for file, document in documents:
        wanted = ELSEWHERE.get(str(pathlib.PurePath(file).parent), NAMESPACE)
        if document["kind"] not in CLUSTER_WIDE and document["metadata"].get("namespace") != wanted:
            yield file, f"{name(document)}: metadata.namespace is not {wanted}"
        if document["kind"] == "SpinApp" and document["spec"].get("executor") not in executors:
            yield file, f"{name(document)}: there is no SpinAppExecutor {document['spec'].get('executor')}"
        if document["kind"] == "SpinAppExecutor":
            config = document["spec"].get("deploymentConfig", {})
            if ("runtimeClassName" in config) == ("spinImage" in config):
                yield file, f"{name(document)}: one of runtimeClassName and spinImage is wanted"
            if not config.get("installDefaultCACerts"):
                yield file, f"{name(document)}: without installDefaultCACerts nothing speaks TLS"
        for runtime in references(document, "runtimeClassName"):
            if runtime not in classes:
                yield file, f"{name(document)}: there is no RuntimeClass {runtime}"


def components(documents, **_):
    """Every component of spin.toml runs, once."""
    wanted = sorted(project.spin()["component"])
    running = sorted(component for _, _, each, _, _ in workloads(documents) for component in each)
    if running != wanted:
        yield "", f"these run: {', '.join(running)}; spin.toml has {', '.join(wanted)}"
