"""Checks deploy/ without a cluster: schemas, and the rules that no schema knows.

`validate.py` accepts digests that are placeholders, as they stand in the repository; `validate.py --release` refuses them. Each rule
is a function that yields findings; test_validate.py breaks a copy of the manifests for each and sees that it is found.
"""

import copy
import functools
import pathlib
import re
import sys
import tomllib

import jsonschema
import kubernetes_validate
import yaml

DEPLOY = pathlib.Path(__file__).resolve().parent.parent
KUBERNETES = "1.35"
# What is applied together: base, and one of these folders.
FOLDERS = ["single-node", "split", "scale-to-zero", "plain"]
NAMESPACE = "bizosaas"
# Kinds whose schemas are not at hand; their fields are not checked.
UNCHECKED = {"Middleware", "ServersTransport", "HTTPScaledObject"}
# An imported Argon2id hash may need 64 MiB, and an instance serves several requests.
INSTANCE_MEMORY_MIN = 160 << 20
HEALTH = "/.well-known/spin/health"
CLOSED = ["/internal", "/.well-known/spin"]
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


def read(folder):
    """The documents of a folder, those below it included, each with the file it is from."""
    documents = []
    for file in sorted((DEPLOY / folder).rglob("*.yaml")):
        for document in yaml.safe_load_all(file.read_text()):
            if document:
                documents.append((str(file.relative_to(DEPLOY)), document))
    return documents


def spin():
    return tomllib.loads((DEPLOY.parent / "spin.toml").read_text())


def name(document):
    return f"{document['kind']}/{document['metadata']['name']}"


def of_kind(documents, *kinds):
    return [(file, document) for file, document in documents if document["kind"] in kinds]


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
        if node.get("properties") and "additionalProperties" not in node:
            node["additionalProperties"] = False
        for child in node.get("properties", {}).values():
            visit(child)
        for key in ["items", "additionalProperties"]:
            visit(node.get(key))

    visit(schema)
    schema["properties"]["metadata"] = {"type": "object"}
    return schema


@functools.cache
def crds():
    found = {}
    for file in (DEPLOY / "check" / "crds").glob("*.yaml"):
        for crd in yaml.safe_load_all(file.read_text()):
            if crd:
                found[crd["spec"]["names"]["kind"]] = strict(crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"])
    return found


def schemas(documents, **_):
    """Every field is one that its kind has."""
    own = crds()
    for file, document in documents:
        kind = document["kind"]
        if kind in own:
            for error in jsonschema.Draft202012Validator(own[kind]).iter_errors(document):
                place = ".".join(str(part) for part in error.absolute_path)
                yield file, f"{name(document)}: {place}: {error.message}"
        elif kind not in UNCHECKED:
            try:
                kubernetes_validate.validate(document, KUBERNETES, strict=True)
            except kubernetes_validate.ValidationError as error:
                yield file, f"{name(document)}: {'.'.join(str(part) for part in error.path)}: {error.message}"
            except Exception as error:  # a kind that nobody knows
                yield file, f"{name(document)}: {error}"


def namespaces(documents, **_):
    """Everything is in the one namespace, and names what is there."""
    executors = {document["metadata"]["name"] for _, document in of_kind(documents, "SpinAppExecutor")}
    for file, document in documents:
        if document["kind"] != "Namespace" and document["metadata"].get("namespace") != NAMESPACE:
            yield file, f"{name(document)}: metadata.namespace is not {NAMESPACE}"
        if document["kind"] == "SpinApp" and document["spec"].get("executor") not in executors:
            yield file, f"{name(document)}: there is no SpinAppExecutor {document['spec'].get('executor')}"
        if document["kind"] == "SpinAppExecutor":
            config = document["spec"].get("deploymentConfig", {})
            if ("runtimeClassName" in config) == ("spinImage" in config):
                yield file, f"{name(document)}: one of runtimeClassName and spinImage is wanted"
            if not config.get("installDefaultCACerts"):
                yield file, f"{name(document)}: without installDefaultCACerts nothing speaks TLS"


def workloads(documents):
    """Whoever runs the app: file, name, the components, the variables bound, pod labels."""
    manifest = spin()
    for file, document in of_kind(documents, "SpinApp"):
        spec = document["spec"]
        bound = {variable["name"]: variable.get("valueFrom", {"value": variable.get("value")}) for variable in spec.get("variables", [])}
        yield file, name(document), spec.get("components") or list(manifest["component"]), bound, spec.get("podLabels", {})
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
                yield file, name(document), list(manifest["component"]), bound, template["metadata"]["labels"]


def used_by(manifest, component):
    """The application's variables that a component reads, or that say whom it may ask."""
    table = manifest["component"][component]
    text = " ".join([*table.get("variables", {}).values(), *table.get("allowed_outbound_hosts", [])])
    return set(re.findall(r"\{\{ *(\w+) *\}\}", text))


def must_be_bound(variable):
    """Whether its default is good for a development machine alone."""
    default, description = variable.get("default"), variable.get("description", "")
    return default is None or (default == "" and "empty" not in description) or "127.0.0.1" in default


def variables(documents, **_):
    """Each workload is given what its components need and nothing else; secrets come from Secrets."""
    manifest = spin()
    declared = manifest["variables"]
    settings = {document["metadata"]["name"]: document["data"] for _, document in of_kind(documents, "ConfigMap")}
    for file, workload, components, bound, _ in workloads(documents):
        used = set().union(*(used_by(manifest, component) for component in components))
        for variable in sorted(used - set(bound)):
            if must_be_bound(declared[variable]):
                yield file, f"{workload}: {variable} is not bound, and its default is for development"
        for variable, source in bound.items():
            if variable not in declared:
                yield file, f"{workload}: spin.toml has no variable {variable}"
            elif variable not in used:
                yield file, f"{workload}: none of its components reads {variable}"
            elif declared[variable].get("secret") and "secretKeyRef" not in source:
                yield file, f"{workload}: {variable} is a secret and does not come from a Secret"
    for file, document in documents:
        for reference in references(document, "secretKeyRef"):
            if reference["key"] not in SECRETS.get(reference["name"], []):
                yield file, f"{name(document)}: make_secrets.py makes no {reference['key']} in {reference['name']}"
        for reference in references(document, "configMapKeyRef"):
            if reference["key"] not in settings.get(reference["name"], {}):
                yield file, f"{name(document)}: there is no {reference['key']} in the ConfigMap {reference['name']}"


def references(node, wanted):
    if isinstance(node, dict):
        for key, child in node.items():
            if key == wanted:
                yield child
            else:
                yield from references(child, wanted)
    elif isinstance(node, list):
        for child in node:
            yield from references(child, wanted)


def components(documents, **_):
    """Every component of spin.toml runs, once."""
    wanted = sorted(spin()["component"])
    running = sorted(component for _, _, each, _, _ in workloads(documents) for component in each)
    if running != wanted:
        yield "", f"these run: {', '.join(running)}; spin.toml has {', '.join(wanted)}"


def hosts(documents, **_):
    """Whatever host a component may ask, a policy lets its pod reach."""
    manifest = spin()
    settings = {}
    for _, document in of_kind(documents, "ConfigMap"):
        settings |= document["data"]
    policies = [document["spec"] for _, document in of_kind(documents, "NetworkPolicy")]

    def value(variable):
        return settings.get(variable, manifest["variables"][variable].get("default", ""))

    def lets(labels, namespace, port):
        for policy in policies:
            wanted = policy["podSelector"].get("matchLabels", {})
            if not wanted.items() <= labels.items():
                continue
            for rule in policy.get("egress", []):
                if not any(each.get("port") == port for each in rule.get("ports", [])):
                    continue
                for peer in rule.get("to", []):
                    inside = peer.get("namespaceSelector", {}).get("matchLabels", {}).get("kubernetes.io/metadata.name")
                    if (namespace and inside == namespace) or (not namespace and "ipBlock" in peer):
                        return True
        return False

    for file, workload, each, _, labels in workloads(documents):
        for component in each:
            for host in manifest["component"][component].get("allowed_outbound_hosts", []):
                address = re.sub(r"\{\{ *(\w+) *\}\}", lambda found: value(found[1]), host)
                parts = re.fullmatch(r"(\w+)://([^:/]+)(?::(\d+))?", address)
                if not parts:
                    yield file, f"{workload}: {component} may ask {address}, which is no host"
                    continue
                scheme, host_name, port = parts.groups()
                port = int(port or {"https": 443, "http": 80}.get(scheme, 0))
                inside = re.fullmatch(r"[\w-]+\.([\w-]+)\.svc\.cluster\.local", host_name)
                if "." not in host_name or host_name.startswith("127.") or (not inside and scheme != "https"):
                    yield file, f"{workload}: {component} may ask {address}: a Service's whole name or https is wanted"
                elif not lets(labels, inside[1] if inside else None, port):
                    yield file, f"{workload}: {component} may ask {address}, and no NetworkPolicy lets it"


def images(documents, release=False, **_):
    """Images are named by digest; in a release by real ones."""
    for file, document in documents:
        for image in [*references(document, "image")]:
            found = re.fullmatch(r"[\w./:-]+@sha256:([0-9a-f]{64})", image)
            if not found:
                yield file, f"{name(document)}: {image} is not named by its digest"
            elif release and set(found[1]) == {"0"}:
                yield file, f"{name(document)}: {image} is a placeholder"


def size(text):
    number, unit = re.fullmatch(r"(\d+)(Ki|Mi|Gi|)", str(text)).groups()
    return int(number) << {"": 0, "Ki": 10, "Mi": 20, "Gi": 30}[unit]


def memory(documents, **_):
    """Everything has a limit, and what an instance may take fits into it."""
    for file, document in of_kind(documents, "SpinApp"):
        spec = document["spec"]
        limit = spec.get("resources", {}).get("limits", {}).get("memory")
        instance = spec.get("invocationLimits", {}).get("memory")
        if not limit or not spec["resources"].get("requests", {}).get("memory"):
            yield file, f"{name(document)}: a memory request and limit are wanted"
        if not instance or size(instance) < INSTANCE_MEMORY_MIN:
            yield file, f"{name(document)}: invocationLimits.memory of at least 160Mi is wanted"
        elif limit and size(instance) > size(limit):
            yield file, f"{name(document)}: invocationLimits.memory is above the limit of the pod"


def replicas(documents, **_):
    """A SpinApp has replicas or an autoscaler, and an autoscaler has a target."""
    apps = {document["metadata"]["name"]: document["spec"] for _, document in of_kind(documents, "SpinApp")}
    scaled = set()
    for file, document in of_kind(documents, "HorizontalPodAutoscaler", "HTTPScaledObject"):
        target = document["spec"]["scaleTargetRef"]["name"]
        scaled.add(target)
        if not apps.get(target, {}).get("enableAutoscaling"):
            yield file, f"{name(document)}: {target} is no SpinApp with enableAutoscaling"
    for file, document in of_kind(documents, "SpinApp"):
        spec = document["spec"]
        if bool(spec.get("enableAutoscaling")) == bool(spec.get("replicas")):
            yield file, f"{name(document)}: replicas or enableAutoscaling, one of them"
        if spec.get("enableAutoscaling") and document["metadata"]["name"] not in scaled:
            yield file, f"{name(document)}: nothing scales it"
    for file, document in of_kind(documents, "PodDisruptionBudget"):
        app = document["spec"]["selector"]["matchLabels"].get("core.spinkube.dev/app-name")
        autoscaler = [each["spec"] for _, each in of_kind(documents, "HorizontalPodAutoscaler") if each["spec"]["scaleTargetRef"]["name"] == app]
        if max([apps.get(app, {}).get("replicas", 0), *(spec["minReplicas"] for spec in autoscaler)]) < 2:
            yield file, f"{name(document)}: with one replica it blocks every drain"


def containers(documents, **_):
    """What Kubernetes' own kinds run has no rights beyond its work."""
    for file, document in of_kind(documents, "Deployment", "Job", "CronJob"):
        spec = document["spec"]
        spec = spec.get("jobTemplate", {}).get("spec", spec)["template"]["spec"]
        if spec.get("automountServiceAccountToken") is not False:
            yield file, f"{name(document)}: automountServiceAccountToken: false is wanted"
        if not spec.get("securityContext", {}).get("runAsNonRoot"):
            yield file, f"{name(document)}: runAsNonRoot is wanted"
        for container in spec["containers"]:
            context = container.get("securityContext", {})
            if context.get("allowPrivilegeEscalation") is not False or not context.get("readOnlyRootFilesystem"):
                yield file, f"{name(document)}: a read-only root without privilege escalation is wanted"
            if not container.get("resources", {}).get("limits", {}).get("memory"):
                yield file, f"{name(document)}: a memory limit is wanted"


def probes(documents, **_):
    """A probe on a route of the app's would keep instances and their connections alive."""
    for file, document in of_kind(documents, "SpinApp", "Deployment"):
        checks = [*references(document, "readiness"), *references(document, "liveness")]
        checks += [*references(document, "readinessProbe"), *references(document, "livenessProbe")]
        if document["kind"] == "SpinApp" and len(checks) != 2:
            yield file, f"{name(document)}: readiness and liveness are wanted"
        for check in checks:
            if check["httpGet"]["path"] != HEALTH:
                yield file, f"{name(document)}: probes ask {HEALTH}"


def ingress(documents, **_):
    """What is public is reachable, what is not is closed, and every backend is there."""
    manifest = spin()
    apps = {document["metadata"]["name"] for _, document in of_kind(documents, "SpinApp", "Service")}
    for file, document in of_kind(documents, "Ingress"):
        paths = [(path["path"], path["pathType"], path["backend"]["service"]["name"]) for rule in document["spec"]["rules"] for path in rule["http"]["paths"]]
        for path, kind, service in paths:
            for closed in CLOSED:
                if path == "/" and kind == "Prefix" or path.startswith(closed):
                    yield file, f"{name(document)}: {path} opens {closed}"
            if service not in apps:
                yield file, f"{name(document)}: there is no service {service}"
        for trigger in manifest["trigger"]["http"]:
            route = trigger["route"].removesuffix("/...")
            if route and not route.startswith(CLOSED[0]) and route not in [path for path, _, _ in paths]:
                yield file, f"{name(document)}: {route} of spin.toml is not reachable"
        wanted = {"bizosaas-body-limit@kubernetescrd", "bizosaas-strip-headers@kubernetescrd"}
        found = document["metadata"].get("annotations", {}).get("traefik.ingress.kubernetes.io/router.middlewares", "")
        if not wanted <= set(found.split(",")):
            yield file, f"{name(document)}: the middlewares {', '.join(sorted(wanted))} are wanted"
    stripped = [document["spec"]["headers"]["customRequestHeaders"] for _, document in of_kind(documents, "Middleware") if "headers" in document["spec"]]
    for header in ["spin-full-url", "spin-path-info", "spin-matched-route", "spin-raw-component-route", "spin-component-route", "spin-base-path", "spin-client-addr"]:
        if not any(headers.get(header) == "" for headers in stripped):
            yield "base/middlewares.yaml", f"{header} is not stripped"


RULES = [schemas, namespaces, variables, components, hosts, images, memory, replicas, containers, probes, ingress]


def findings(documents, release=False):
    for rule in RULES:
        for file, what in rule(documents, release=release):
            yield rule.__name__, file, what


def main():
    release = "--release" in sys.argv[1:]
    base = read("base")
    found = set()
    for folder in FOLDERS:
        for rule, file, what in findings(base + read(folder), release):
            found.add(f"deploy/{file or folder}: {what} [{rule}]")
    print("\n".join(sorted(found)))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
