"""Checks deploy/ without a cluster: schemas, and the rules that no schema knows.

`validate.py` accepts digests that are placeholders, as they stand in the repository; `validate.py --release` refuses them. With `--crds FILE`
(`kubectl get crd -o yaml > FILE`) the kinds of others are held against a cluster's own schemas, too. Each rule is a function that yields
findings: those here read the manifests that are applied together, those in observed.py the files for Prometheus, Grafana and the operator.
test_validate.py breaks a copy for each and sees that it is found.
"""

import argparse
import copy
import functools
import json
import pathlib
import re
import sys
import tomllib

import jsonschema
import kubernetes_validate
import yaml

import observed
import project
from project import spin

DEPLOY = pathlib.Path(__file__).resolve().parent.parent
KUBERNETES = "1.35"
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
# What folders hold for others' namespaces.
ELSEWHERE = {"neighbours": NEIGHBOURS, "cluster": "kube-system", "scale-to-zero/interceptor": INTERCEPTOR}
CLUSTER_WIDE = {"Namespace", "RuntimeClass", "ClusterIssuer"}
# An imported Argon2id hash may need 64 MiB, and an instance serves several requests.
INSTANCE_MEMORY_MIN = 160 << 20
# Postgres's default, and what jobs, a rollout's second pod and the operator are left.
POSTGRES_CONNECTIONS = 100
CONNECTIONS_SPARE = 30
HEALTH = "/.well-known/spin/health"
CLOSED = ["/internal", "/.well-known/spin"]
# What Spin sets itself, behind what a client sent.
SPIN_HEADERS = [
    *["spin-full-url", "spin-path-info", "spin-matched-route", "spin-raw-component-route"],
    *["spin-component-route", "spin-base-path", "spin-client-addr"],
]
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


# --- reading ---------------------------------------------------------------------------------------------------------


def read(folder):
    """The documents of a folder, lists taken apart, each with the file it is from."""
    documents = []
    for file in sorted((DEPLOY / folder).glob("*.yaml")):
        for document in yaml.safe_load_all(file.read_text()):
            if document:
                each = document["items"] if document["kind"] == "List" else [document]
                # What an anchor shares is one object; here everybody has their own.
                documents += [(str(file.relative_to(DEPLOY)), json.loads(json.dumps(one))) for one in each]
    return documents


def read_set(name):
    folders = [folder for folder in ALL if folder not in SETS[name]] + SETS[name]
    return [each for folder in folders for each in read(folder)]


def name(document):
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
    every = list(spin()["component"])
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
    found = {}
    for _, document in of_kind(documents, "ConfigMap"):
        found |= document["data"] if document["metadata"].get("namespace") == NAMESPACE else {}
    return found


def lets_out(documents, labels, namespace, port, target=None):
    """Whether a policy lets pods with these labels reach a port in a namespace (None: the internet), there pods with the labels `target`."""
    for policy in named(documents, "NetworkPolicy", NAMESPACE).values():
        spec = policy["spec"]
        if not spec["podSelector"].get("matchLabels", {}).items() <= labels.items():
            continue
        for rule in spec.get("egress", []):
            if not any(each.get("port") == port for each in rule.get("ports", [])):
                continue
            for peer in rule.get("to", []):
                inside = peer.get("namespaceSelector", {}).get("matchLabels", {}).get("kubernetes.io/metadata.name")
                inside = inside or (NAMESPACE if "podSelector" in peer else None)
                fits = target is None or peer.get("podSelector", {}).get("matchLabels", {}).items() <= target.items()
                if (namespace and inside == namespace and fits) or (not namespace and "ipBlock" in peer):
                    return True
    return False


def lets_in(documents, namespace, labels, port, origin, origin_labels):
    """Whether a policy lets pods of `origin` with these labels ask pods of a namespace."""
    for policy in named(documents, "NetworkPolicy", namespace).values():
        spec = policy["spec"]
        if not spec["podSelector"].get("matchLabels", {}).items() <= labels.items():
            continue
        for rule in spec.get("ingress", []):
            if not any(each.get("port") == port for each in rule.get("ports", [])):
                continue
            for peer in rule.get("from", []):
                inside = peer.get("namespaceSelector", {}).get("matchLabels", {}).get("kubernetes.io/metadata.name", namespace)
                if inside == origin and peer.get("podSelector", {}).get("matchLabels", {}).items() <= origin_labels.items():
                    return True
    return False


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


# --- schemas ---------------------------------------------------------------------------------------------------------


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
            except Exception as error:  # a kind that nobody knows
                yield file, f"{name(document)}: {error}"


# --- what belongs together -------------------------------------------------------------------------------------------


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
    wanted = sorted(spin()["component"])
    running = sorted(component for _, _, each, _, _ in workloads(documents) for component in each)
    if running != wanted:
        yield "", f"these run: {', '.join(running)}; spin.toml has {', '.join(wanted)}"


# --- variables -------------------------------------------------------------------------------------------------------


def used_by(component):
    """The application's variables that a component reads, or that say whom it may ask."""
    table = spin()["component"][component]
    text = " ".join([*table.get("variables", {}).values(), *table.get("allowed_outbound_hosts", [])])
    return set(re.findall(r"\{\{ *(\w+) *\}\}", text))


def must_be_bound(variable):
    """Whether its default is good for a development machine alone."""
    default, description = variable.get("default"), variable.get("description", "")
    return default is None or (default == "" and "empty" not in description) or "127.0.0.1" in default


def variables(documents, **_):
    """Each workload is given what its components need and nothing else; secrets come from Secrets."""
    declared = spin()["variables"]
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


def proxies(documents, **_):
    """The app counts as many proxies as there are: with one too many clients choose their address, with one too few all share one."""
    routes = of_kind(documents, "InterceptorRoute")
    there = ["Traefik"] * bool(of_kind(documents, "Ingress")) + ["the interceptor"] * bool(routes)
    where = next((file for file, each in of_kind(documents, "ConfigMap") if each["metadata"]["name"] == "bizosaas-proxies"), "")
    if named(documents, "ConfigMap", NAMESPACE).get("bizosaas-proxies", {}).get("data") != {"trusted_proxy_hops": str(len(there))}:
        yield where, f"bizosaas-proxies: trusted_proxy_hops is {len(there)} with {' and '.join(there)}"
    for file, workload, _, bound, _ in workloads(documents):
        if bound.get("trusted_proxy_hops") != {"configMapKeyRef": {"name": "bizosaas-proxies", "key": "trusted_proxy_hops"}}:
            yield file, f"{workload}: trusted_proxy_hops comes from bizosaas-proxies, which each way to deploy has of its own"
    # Whoever asks the interceptor past Traefik chooses an address, so it is not open to everybody.
    pod = {"app.kubernetes.io/part-of": "keda-add-ons-http", "app.kubernetes.io/component": "interceptor"}
    askers = [("kube-system", {"app.kubernetes.io/name": "traefik"}), (NAMESPACE, {"bizosaas/timer": "true"})]
    for file, _ in routes:
        for namespace, origin in askers:
            if not lets_in(documents, INTERCEPTOR, pod, 8080, namespace, origin):
                yield file, f"no policy of {INTERCEPTOR} lets {namespace} ask the interceptor"
    for file, policy in of_kind(documents, "NetworkPolicy"):
        if policy["metadata"]["namespace"] == INTERCEPTOR:
            peers = [peer for rule in policy["spec"]["ingress"] for peer in rule.get("from", [{}])]
            if not all(peer.get("podSelector") or peer == {"podSelector": {}} for peer in peers):
                yield file, f"{name(policy)}: the interceptor is for whom a rule names by its pods"


# --- the network -----------------------------------------------------------------------------------------------------


def needs(component):
    """What a component reaches, as the labels of its pod say it."""
    found = set()
    for host in spin()["component"][component].get("allowed_outbound_hosts", []):
        if host.startswith(("postgres://", "redis://")):
            found.add("database")
        else:
            found.add("mailer" if "notify_origin" in host else "gateways")
    return found


def labels(documents, **_):
    """A pod's labels open what it needs, and nothing else."""

    def differ(file, what, found, wanted):
        found = {label.removeprefix("bizosaas/") for label, value in found.items() if label.startswith("bizosaas/") and value == "true"}
        for label in sorted(wanted - found):
            yield file, f"{what}: the label bizosaas/{label} is wanted"
        for label in sorted(found - wanted):
            yield file, f"{what}: the label bizosaas/{label} opens or promises what is not there"

    apps = set()
    for file, workload, each, _, found in workloads(documents):
        apps.add(workload)
        yield from differ(file, workload, found, {"serves", *each}.union(*(needs(component) for component in each)))
    for file, document, template in templates(documents):
        if name(document) in apps or document["metadata"].get("namespace") != NAMESPACE:
            continue
        wanted = set()
        if any(reference["name"] in ("bizosaas-owner", "bizosaas-backup") for reference in references(template, "secretKeyRef")):
            wanted.add("database")
        if "bizosaas/calls" in template["metadata"].get("annotations", {}):
            wanted.add("timer")
        yield from differ(file, name(document), template["metadata"].get("labels", {}), wanted)


def hosts(documents, **_):
    """Whatever host somebody may ask, a policy lets the pod reach; and nothing is open that is not named."""
    found = settings(documents)
    for file, document in of_kind(documents, "NetworkPolicy"):
        for direction, peers in (("ingress", "from"), ("egress", "to")):
            for rule in document["spec"].get(direction, []):
                if not rule.get(peers) and (direction == "egress" or not rule.get("ports")):
                    yield file, f"{name(document)}: a rule of its {direction} names nobody, and so opens all"

    def value(variable):
        return found.get(variable, spin()["variables"][variable].get("default", ""))

    asked = []
    for file, workload, each, _, pod in workloads(documents):
        for component in each:
            for host in spin()["component"][component].get("allowed_outbound_hosts", []):
                asked.append((file, f"{workload}: {component}", re.sub(r"\{\{ *(\w+) *\}\}", lambda match: value(match[1]), host), pod))
    for file, document, template in templates(documents):
        pod = template["metadata"].get("labels", {})
        if any(reference["name"] in ("bizosaas-owner", "bizosaas-backup") for reference in references(template, "secretKeyRef")):
            asked.append((file, name(document), f"postgres://{value('db_host')}:{value('db_port')}", pod))
            if {"key": "db_ca", "path": "db_ca"} not in [item for items in references(template, "items") for item in items]:
                yield file, f"{name(document)}: without db_ca it cannot verify the database"
    for file, document in of_kind(documents, "SpinAppExecutor"):
        for endpoint in document["spec"]["deploymentConfig"].get("otel", {}).values():
            asked.append((file, name(document), endpoint, {"bizosaas/serves": "true"}))

    for file, who, address, pod in asked:
        parts = re.fullmatch(r"(\w+)://([^:/]+)(?::(\d+))?", address)
        if not parts:
            yield file, f"{who} may ask {address}, which is no host"
            continue
        scheme, host, port = parts.groups()
        port = int(port or {"https": 443, "http": 80}.get(scheme, 0))
        inside = service_of(host)
        if "." not in host or host.startswith("127.") or (not inside and scheme != "https"):
            yield file, f"{who} may ask {address}: a Service's whole name or https is wanted"
        elif not lets_out(documents, pod, inside[1] if inside else None, port):
            yield file, f"{who} may ask {address}, and no NetworkPolicy lets it"

    for file, document in of_kind(documents, "NetworkPolicy"):
        for cidr in references(document, "ipBlock"):
            private = {"10.0.0.0/8", "100.64.0.0/10", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16"}
            if not private <= set(cidr.get("except", [])):
                yield file, f"{name(document)}: the internet alone, without {', '.join(sorted(private - set(cidr.get('except', []))))}"
    deny = named(documents, "NetworkPolicy", NAMESPACE).get("default-deny", {}).get("spec")
    if deny != {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}:
        yield "base/network-policies.yaml", "default-deny denies everything to everybody"


def services(documents, **_):
    """Each component has a Service of its name that leads to it, and only those who should get through to its pods."""
    found, apps = named(documents, "Service", NAMESPACE), named(documents, "SpinApp")
    transports = {f"{NAMESPACE}-{each}@kubernetescrd" for each in named(documents, "ServersTransport")}
    route_hosts = {host for _, route in of_kind(documents, "InterceptorRoute") for rule in route["spec"]["rules"] for host in rule["hosts"]}
    where = next((file for file, _ in of_kind(documents, "Service")), "")
    pods = [pod for _, _, _, _, pod in workloads(documents)]
    for component in spin()["component"]:
        service = found.get(component)
        if not service:
            yield where, f"there is no Service {component}"
            continue
        ports = [(port["name"], port["port"]) for port in service["spec"]["ports"]]
        if ports != [("http", 8080)]:
            yield where, f"Service/{component}: one port http, 8080, is wanted: timers and scrapers ask there"
        if service["spec"].get("type") == "ExternalName":
            if f"{component}.{NAMESPACE}.svc.cluster.local" not in route_hosts:
                yield where, f"Service/{component}: no InterceptorRoute knows its name"
        elif service["spec"].get("selector") != {f"bizosaas/{component}": "true"} or service["spec"]["ports"][0].get("targetPort") != 80:
            yield where, f"Service/{component}: it leads to port 80 of the pods with the label bizosaas/{component}"
        annotation = service["metadata"].get("annotations", {}).get("traefik.ingress.kubernetes.io/service.serverstransport")
        if annotation not in transports:
            yield where, f"Service/{component}: there is no ServersTransport {annotation}, so nothing limits its time"
    for each in found:
        if each in apps:
            yield where, f"Service/{each}: the operator makes one of the same name"
        if each.replace("-", "_") + "_port" in spin()["variables"]:
            yield where, f"Service/{each}: Kubernetes gives pods {each.upper()}_PORT, and the shim takes it for a variable"
    askers = {
        "Traefik": ("kube-system", {"app.kubernetes.io/name": "traefik"}),
        "Prometheus": ("monitoring", {"app.kubernetes.io/name": "prometheus"}),
        "a timer": (NAMESPACE, {"bizosaas/timer": "true"}),
    }
    if route_hosts:
        askers["the interceptor"] = (INTERCEPTOR, {})
    for pod in pods:
        for who, (namespace, origin) in askers.items():
            if not lets_in(documents, NAMESPACE, pod, 80, namespace, origin):
                yield "base/network-policies.yaml", f"no policy lets {who} in"
    if not lets_in(documents, NAMESPACE, {"acme.cert-manager.io/http01-solver": "true"}, 8089, *askers["Traefik"]):
        yield "base/network-policies.yaml", "no policy lets Traefik ask cert-manager's solver, so no certificate is issued"


def timers(documents, **_):
    """Each timer asks a route that its component answers, every route that needs a clock has one, and the network lets them."""
    asked = set()
    awake = not of_kind(documents, "InterceptorRoute")
    for file, who, addresses, command in callers(documents):
        if re.search(r"\bcurl\b[^|;]*SERVICE_TOKEN", command):
            yield file, f"{who}: the token stands in arguments, which can be read on the node; curl takes it by `--config -`"
        for address in addresses:
            parts = re.fullmatch(r"http://([\w.-]+):8080(/[^?]*)", address)
            service = parts and service_of(parts[1])
            route = parts and project.internal_routes().get(parts[2])
            if not service or service[1] != NAMESPACE or service[0] not in named(documents, "Service", NAMESPACE):
                yield file, f"{who}: {address} leads to no Service"
            elif not route or route[1] != "POST":
                yield file, f"{who}: no code answers POST {parts[2]}"
            elif not service[0] == route[0] == project.component_of(parts[2]):
                yield file, f"{who}: {parts[2]} is a route of {route[0]}, and {service[0]} is asked"
            else:
                asked.add(parts[2])
        limits = [int(limit) for limit in re.findall(r"--max-time (\d+)", command)]
        if not limits or min(limits) <= project.request_seconds_max():
            yield file, f"{who}: it gives up before the app does (--max-time above {project.request_seconds_max()})"
    for path in sorted(project.timed_routes() - asked):
        yield "base/always-on/timers.yaml", f"nobody asks for {path} by the clock"
    there = (NAMESPACE, 80, {"bizosaas/serves": "true"}) if awake else (INTERCEPTOR, 8080, None)
    if not lets_out(documents, {"bizosaas/timer": "true"}, *there):
        yield "base/network-policies.yaml", "no policy lets the timers out"


def ingress(documents, **_):
    """What is public is reachable at its component, what is not is closed, under the name that the app calls its own."""
    services, apps = named(documents, "Service", NAMESPACE), named(documents, "SpinApp")
    middlewares = {f"{NAMESPACE}-{each}@kubernetescrd": document for each, document in named(documents, "Middleware").items()}
    origin = settings(documents).get("public_origin", "")
    for file, document in of_kind(documents, "Ingress"):
        spec, annotations = document["spec"], document["metadata"].get("annotations", {})
        paths = [(path["path"], path["pathType"], path["backend"]["service"]) for rule in spec["rules"] for path in rule["http"]["paths"]]
        for path, kind, backend in paths:
            for closed in CLOSED:
                if path == "/" and kind == "Prefix" or path.startswith(closed):
                    yield file, f"{name(document)}: {path} opens {closed}"
            service = services.get(backend["name"])
            if not service:
                yield file, f"{name(document)}: there is no service {backend['name']}"
            elif backend["port"].get("name") not in [port["name"] for port in service["spec"]["ports"]]:
                yield file, f"{name(document)}: the service {backend['name']} has no such port"
            if backend["name"] != project.component_of(path):
                yield file, f"{name(document)}: {path} is a route of {project.component_of(path)}, and leads to {backend['name']}"
        open_paths = [path for path, _, _ in paths]
        for trigger in spin()["trigger"]["http"]:
            route = trigger["route"].removesuffix("/...")
            if route and not route.startswith(CLOSED[0]) and route not in open_paths:
                yield file, f"{name(document)}: {route} of spin.toml is not reachable"
            if trigger["route"].endswith("/...") and (route, "Exact") in [(path, kind) for path, kind, _ in paths if route]:
                yield file, f"{name(document)}: what is below {route} is not reachable: it wants Prefix"
        for path in sorted(project.web_paths()):
            if not any(path == each or (kind == "Prefix" and path.startswith(each + "/")) for each, kind, _ in paths):
                yield file, f"{name(document)}: {path} of the web component is not reachable"
        for rule in spec["rules"]:
            if origin != f"https://{rule['host']}" or [rule["host"]] not in [tls["hosts"] for tls in spec.get("tls", [])]:
                yield file, f"{name(document)}: {rule['host']} with TLS is not the public_origin {origin}"
            for _, route in of_kind(documents, "InterceptorRoute"):
                if not any(rule["host"] in each["hosts"] for each in route["spec"]["rules"]):
                    yield file, f"{name(document)}: {name(route)} does not know {rule['host']}"
        issuer = annotations.get("cert-manager.io/cluster-issuer")
        if issuer not in named(documents, "ClusterIssuer"):
            yield file, f"{name(document)}: there is no ClusterIssuer {issuer}"
        applied = annotations.get("traefik.ingress.kubernetes.io/router.middlewares", "").split(",")
        for missing in sorted(set(applied) - set(middlewares)):
            yield file, f"{name(document)}: there is no Middleware {missing}"
        applied = [middlewares[each]["spec"] for each in applied if each in middlewares]
        limits = [each["buffering"].get("maxRequestBodyBytes") for each in applied if "buffering" in each]
        if limits != [project.body_bytes_max()]:
            yield file, f"{name(document)}: bodies are limited to {limits}, the app's limit is {project.body_bytes_max()}"
        for header in SPIN_HEADERS:
            if not any(each.get("headers", {}).get("customRequestHeaders", {}).get(header) == "" for each in applied):
                yield file, f"{name(document)}: {header} is not stripped"
    for file, document in of_kind(documents, "ServersTransport"):
        limit = document["spec"].get("forwardingTimeouts", {}).get("responseHeaderTimeout")
        if not limit or seconds(limit) <= project.request_seconds_max():
            yield file, f"{name(document)}: responseHeaderTimeout above the app's {project.request_seconds_max()} s is wanted"
        for where, route in of_kind(documents, "InterceptorRoute"):
            waits = route["spec"].get("timeouts", {})
            if not all(each in waits for each in ["readiness", "request", "responseHeader"]):
                yield where, f"{name(route)}: readiness, request and responseHeader are wanted: by default they have no end, or a late one"
            elif seconds(waits["responseHeader"]) <= project.request_seconds_max() or (
                seconds(waits["readiness"]) + project.request_seconds_max() > seconds(waits["request"])
            ):
                yield where, f"{name(route)}: it gives up before the app does"
            elif limit and seconds(limit) <= seconds(waits["request"]):
                yield file, f"{name(document)}: responseHeaderTimeout above the request of {name(route)} is wanted"
            if route["spec"]["target"] not in [{"service": app, "port": 80} for app in apps]:
                yield where, f"{name(route)}: its target is port 80 of a SpinApp"


def neighbours(documents, **_):
    """Where we bring the database and the store along, they are what the settings and the policies name."""
    found = settings(documents)
    services = named(documents, "Service", NEIGHBOURS)
    if not services:
        return
    where = "neighbours"
    for variable in ["db", "redis"]:
        host, port = found[f"{variable}_host"], int(found[f"{variable}_port"])
        each = service_of(host)
        service = each and each[1] == NEIGHBOURS and services.get(each[0])
        if not service or port not in [one["port"] for one in service["spec"]["ports"]]:
            yield where, f"{variable}_host and {variable}_port are {host}:{port}, and no Service is there"
            continue
        selector = service["spec"]["selector"]
        pods = [template for _, document, template in templates(documents) if document["metadata"]["namespace"] == NEIGHBOURS]
        pods = [each for each in pods if selector.items() <= each["metadata"]["labels"].items()]
        if not pods:
            yield where, f"{name(service)} leads to no pod"
        for pod in pods:
            ours = {"bizosaas/database": "true"}
            if not lets_out(documents, ours, NEIGHBOURS, port, pod["metadata"]["labels"]):
                yield where, f"the policy database does not know the labels of {name(service)}"
            if not lets_in(documents, NEIGHBOURS, pod["metadata"]["labels"], port, NAMESPACE, ours):
                yield where, f"{name(service)}: no policy of its own lets bizosaas in"
    for _, policy in of_kind(documents, "NetworkPolicy"):
        if policy["metadata"]["namespace"] == NEIGHBOURS and (policy["spec"].get("egress") or len(policy["spec"]["policyTypes"]) < 2):
            yield where, f"{name(policy)}: what keeps data reaches nobody"
    named_hosts = {host for _, each in of_kind(documents, "Certificate") for host in each["spec"].get("dnsNames", [])}
    if found["db_host"] not in named_hosts:
        yield where, f"no Certificate is for {found['db_host']}"
    for _, document in of_kind(documents, "StatefulSet"):
        if "ssl=on" not in document["spec"]["template"]["spec"]["containers"][0]["args"]:
            yield where, f"{name(document)}: ssl=on is wanted"
    for document in named(documents, "ConfigMap", NEIGHBOURS).values():
        for line in document["data"].get("pg_hba.conf", "").splitlines():
            if line and line.split()[0] not in ("local", "hostssl", "#"):
                yield where, f"{name(document)}: `{line}` lets in without TLS"
    for secret in references([document for file, document in documents if file.startswith(where)], "secretName"):
        if secret not in [each["spec"]["secretName"] for _, each in of_kind(documents, "Certificate")]:
            yield where, f"nobody makes the Secret {secret}"


# --- workloads -------------------------------------------------------------------------------------------------------


def images(documents, release=False, **_):
    """Images are named by digest; in a release by real ones."""
    for file, document in documents:
        for image in references(document, "image"):
            found = re.fullmatch(r"[\w./:-]+@sha256:([0-9a-f]{64})", image)
            if not found:
                yield file, f"{name(document)}: {image} is not named by its digest"
            elif release and set(found[1]) == {"0"}:
                yield file, f"{name(document)}: {image} is a placeholder"
    apps = {image for _, document in of_kind(documents, "SpinApp") for image in references(document, "image")}
    if len(apps) > 1:
        yield "", f"the SpinApps are of {len(apps)} images; one release is one image"


def memory(documents, **_):
    """Everything has a limit, and what an instance may take fits into it."""

    def check(file, who, resources, instance):
        limit = resources.get("limits", {}).get("memory")
        if not limit or not resources.get("requests", {}).get("memory"):
            yield file, f"{who}: a memory request and limit are wanted"
        elif size(resources["requests"]["memory"]) > size(limit):
            yield file, f"{who}: the memory request is above the limit"
        if not instance or size(instance) < INSTANCE_MEMORY_MIN:
            yield file, f"{who}: 160Mi for an instance, or more, are wanted (invocationLimits.memory, SPIN_MAX_INSTANCE_MEMORY in bytes)"
        elif limit and size(instance) > size(limit):
            yield file, f"{who}: an instance may take more than the limit of the pod"

    for file, document in of_kind(documents, "SpinApp"):
        spec = document["spec"]
        yield from check(file, name(document), spec.get("resources", {}), spec.get("invocationLimits", {}).get("memory"))
    for file, document in of_kind(documents, "Deployment"):
        for container in document["spec"]["template"]["spec"]["containers"]:
            env = {each["name"]: each.get("value") for each in container.get("env", [])}
            if "SPIN_HTTP_LISTEN_ADDR" in env:
                yield from check(file, name(document), container.get("resources", {}), env.get("SPIN_MAX_INSTANCE_MEMORY"))


def replicas(documents, **_):
    """A SpinApp has replicas or leaves them to others, and a scaler has a target."""
    apps = {each: document["spec"] for each, document in named(documents, "SpinApp").items()}
    routes = named(documents, "InterceptorRoute")
    for file, document in of_kind(documents, "HorizontalPodAutoscaler", "ScaledObject"):
        target = document["spec"]["scaleTargetRef"]
        if target.get("kind") != "Deployment" or not apps.get(target["name"], {}).get("enableAutoscaling"):
            yield file, f"{name(document)}: {target['name']} is no Deployment of a SpinApp with enableAutoscaling"
        for trigger in document["spec"].get("triggers", []):
            if trigger["type"] != "external-push" or trigger["metadata"].get("interceptorRoute") not in routes:
                yield file, f"{name(document)}: it follows no InterceptorRoute"
    for file, document in of_kind(documents, "SpinApp"):
        spec = document["spec"]
        if bool(spec.get("enableAutoscaling")) == bool(spec.get("replicas")):
            yield file, f"{name(document)}: replicas or enableAutoscaling, one of them"
    for file, document in of_kind(documents, "PodDisruptionBudget"):
        app = document["spec"]["selector"]["matchLabels"].get("core.spinkube.dev/app-name")
        scalers = [each["spec"] for _, each in of_kind(documents, "HorizontalPodAutoscaler") if each["spec"]["scaleTargetRef"]["name"] == app]
        if max([apps.get(app, {}).get("replicas", 0), *(spec["minReplicas"] for spec in scalers)]) < 2:
            yield file, f"{name(document)}: with one replica it blocks every drain"


def connections(documents, **_):
    """All pods together leave Postgres some connections."""
    secrets = named(documents, "Secret", NAMESPACE)
    most = {}
    for _, scaler in of_kind(documents, "HorizontalPodAutoscaler", "ScaledObject"):
        most[scaler["spec"]["scaleTargetRef"]["name"]] = scaler["spec"].get("maxReplicas") or scaler["spec"].get("maxReplicaCount", 0)
    total = 0
    for file, who, each, _, _ in workloads(documents):
        if not any("database" in needs(component) for component in each):
            continue
        document = next(document for _, document in documents if name(document) == who)
        names = [*references(document, "loadFromSecret"), *references(document, "secretName")]
        texts = [secrets[secret]["stringData"]["runtime-config.toml"] for secret in names if secret in secrets]
        limits = [tomllib.loads(text).get("outbound_pg", {}).get("max_connections") for text in texts]
        if len(limits) != 1 or not limits[0]:
            yield file, f"{who}: a runtime configuration with max_connections is wanted, or it takes 64 for each component"
            continue
        total += limits[0] * (most.get(document["metadata"]["name"]) or document["spec"].get("replicas") or 1)
    if total > POSTGRES_CONNECTIONS - CONNECTIONS_SPARE:
        yield "", f"all pods together hold up to {total} connections; Postgres has {POSTGRES_CONNECTIONS}"


def containers(documents, **_):
    """What Kubernetes' own kinds run has no rights beyond its work."""
    for file, document, template in templates(documents):
        spec = template["spec"]
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
            written = " ".join([*container.get("command", []), *container.get("args", [])])
            for each in container.get("env", []):
                if "secretKeyRef" in each.get("valueFrom", {}) and f"$({each['name']})" in written:
                    yield file, f"{name(document)}: {each['name']} stands in arguments, which can be read on the node"
    accounts = named(documents, "ServiceAccount")
    for file, document in of_kind(documents, "SpinApp"):
        account = accounts.get(document["spec"].get("serviceAccountName"), {})
        if account.get("automountServiceAccountToken") is not False:
            yield file, f"{name(document)}: a ServiceAccount without a token is wanted"


def probes(documents, **_):
    """A probe on a route of the app's would keep instances and their connections alive."""
    apps = {who for _, who, _, _, _ in workloads(documents)}
    for file, document in of_kind(documents, "SpinApp", "Deployment"):
        if name(document) not in apps:
            continue
        wanted = ["readiness", "liveness"] if document["kind"] == "SpinApp" else ["readinessProbe", "livenessProbe"]
        checks = [check for each in wanted for check in references(document, each)]
        if len(checks) != 2:
            yield file, f"{name(document)}: readiness and liveness are wanted"
        for check in checks:
            if check["httpGet"]["path"] != HEALTH:
                yield file, f"{name(document)}: probes ask {HEALTH}"


RULES = [
    *[schemas, once, namespaces, components, variables, proxies, labels, hosts, services, timers, ingress, neighbours],
    *[images, memory, replicas, connections, containers, probes],
]


def findings(documents, release=False, more={}):
    for rule in RULES:
        for file, what in rule(documents, release=release, more=more):
            yield rule.__name__, file, what


def main():
    parser = argparse.ArgumentParser(description="Checks deploy/ without a cluster.")
    parser.add_argument("--release", action="store_true", help="refuse placeholders for digests")
    parser.add_argument("--crds", type=pathlib.Path, action="append", default=[], help="CRDs to check against, too")
    arguments = parser.parse_args()
    more = {}
    for file in arguments.crds:
        more |= of_crds(file.read_text())
    found = set()
    for each in SETS:
        for rule, file, what in findings(read_set(each), arguments.release, more):
            found.add(f"deploy/{file or each}: {what} [{rule}]")
    for rule, file, what in observed.findings(observed.read(DEPLOY, SETS)):
        found.add(f"{file}: {what} [{rule}]")
    if found:
        print("\n".join(sorted(found)))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
