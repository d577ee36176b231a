"""Rules on whom pods may reach and who may reach them: the network policies against the hosts that spin.toml allows each component.

Of what pods reach, two directions, one rule each. `hosts`: what somebody may ask, a policy lets the pod reach. `egress`: what a policy lets a pod
reach, somebody in it may ask. Of who reaches them, `askers`: whom a policy lets in, it names. `labels` holds the pods' labels, by which policies
choose them, against the same hosts. Of a policy's selectors only `matchLabels` are read, and others are refused.
lets_out and lets_in are for the rules of other modules, too.
"""

import re
import typing

import project
from manifests import INTERCEPTOR, INTERCEPTOR_POD, NAMESPACE, name, named, of_kind, references, service_of, settings, templates, workloads

INTERNET = "the internet"
ANYWHERE = "anywhere"
PRIVATE = {"10.0.0.0/8", "100.64.0.0/10", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16"}


class Opening(typing.NamedTuple):
    """One peer and one port that a policy lets a pod reach."""

    file: str
    policy: str
    # A namespace, INTERNET or ANYWHERE; there the pods with these labels, all of them if there are none.
    where: str
    pods: dict
    # As the policy has it: a number, or a text for a range and for all of them.
    port: int | str
    protocol: str

    def __str__(self):
        pods = ", ".join(f"{key}={value}" for key, value in self.pods.items()) or "all pods"
        return f"{self.where}{'' if self.where in (INTERNET, ANYWHERE) else f' ({pods})'}, port {self.port}"


class Target(typing.NamedTuple):
    """What an address leads to: a Service of a namespace, or a host on the internet."""

    where: str
    service: str | None
    port: int


def selects(policy, direction, labels):
    """Whether a policy's rules of a direction hold for pods with these labels."""
    spec = policy["spec"]
    directions = spec.get("policyTypes", ["Ingress", *["Egress"] * ("egress" in spec)])
    return direction in directions and spec["podSelector"].get("matchLabels", {}).items() <= labels.items()


def openings(documents, labels):
    """Whatever the policies of our namespace let pods with these labels reach."""
    for file, policy in of_kind(documents, "NetworkPolicy"):
        if policy["metadata"].get("namespace") != NAMESPACE or not selects(policy, "Egress", labels):
            continue
        for rule in policy["spec"].get("egress", []):
            for peer in rule.get("to") or [{"namespaceSelector": {}}]:
                if "ipBlock" in peer:
                    where = INTERNET
                elif "namespaceSelector" in peer:
                    where = peer["namespaceSelector"].get("matchLabels", {}).get("kubernetes.io/metadata.name", ANYWHERE)
                else:
                    where = NAMESPACE
                pods = peer.get("podSelector", {}).get("matchLabels", {})
                for port in rule.get("ports") or [{}]:
                    number = f"{port['port']} to {port['endPort']}" if "endPort" in port else port.get("port", "any")
                    yield Opening(file, name(policy), where, pods, number, port.get("protocol", "TCP"))


def lets_out(documents, labels, namespace, port, target=None):
    """Whether a policy lets pods with these labels reach a port in a namespace, there pods with the labels `target`."""
    return any(
        (each.where, each.port, each.protocol) == (namespace, port, "TCP") and (target is None or each.pods.items() <= target.items())
        for each in openings(documents, labels)
    )


def lets_in(documents, namespace, labels, port, origin, origin_labels):
    """Whether a policy lets pods of `origin` with these labels ask pods of a namespace."""
    for policy in named(documents, "NetworkPolicy", namespace).values():
        if not selects(policy, "Ingress", labels):
            continue
        for rule in policy["spec"].get("ingress", []):
            if not any(each.get("port") == port for each in rule.get("ports", [])):
                continue
            for peer in rule.get("from", []):
                inside = peer.get("namespaceSelector", {}).get("matchLabels", {}).get("kubernetes.io/metadata.name", namespace)
                if inside == origin and peer.get("podSelector", {}).get("matchLabels", {}).items() <= origin_labels.items():
                    return True
    return False


def reaches(opening, target):
    """Whether an opening is for a target, and for nothing beside it."""
    # Of others' pods we know the Service's name alone: one of their labels is it, or a part of it.
    named_so = target.service is None or any(value and value in target.service for value in opening.pods.values())
    return (opening.where, opening.port, opening.protocol) == (target.where, target.port, "TCP") and named_so


# --- who asks what ---------------------------------------------------------------------------------------------------


def needs(component):
    """What a component reaches, as the labels of its pod say it."""
    found = set()
    for host in project.spin()["component"][component].get("allowed_outbound_hosts", []):
        if host.startswith(("postgres://", "redis://")):
            found.add("database")
        else:
            found.add("mailer" if "notify_origin" in host else "gateways")
    return found


def works_on_database(template):
    """Whether a pod that does not run the app has the database's address from a Secret."""
    return any(reference["name"] in ("bizosaas-owner", "bizosaas-backup") for reference in references(template, "secretKeyRef"))


def others(documents):
    """The pods of our namespace that do not run the app: file, name, template."""
    apps = {workload for _, workload, _, _, _ in workloads(documents)}
    for file, document, template in templates(documents):
        if name(document) not in apps and document["metadata"].get("namespace") == NAMESPACE:
            yield file, name(document), template


def asked_by_apps(documents):
    """Who runs the app: file, name, pod labels, and the addresses that it may ask, each with the file and who says so."""
    maps = {each: document["data"] for each, document in named(documents, "ConfigMap", NAMESPACE).items()}
    declared = project.spin()["variables"]
    telemetry = [
        (file, name(document), endpoint)
        for file, document in of_kind(documents, "SpinAppExecutor")
        for endpoint in document["spec"]["deploymentConfig"].get("otel", {}).values()
    ]

    def value(variable, bound):
        source = bound.get(variable, {"value": declared[variable].get("default")})
        reference = source.get("configMapKeyRef", {})
        return str(source.get("value") or maps.get(reference.get("name"), {}).get(reference.get("key"), ""))

    for file, workload, components, bound, labels in workloads(documents):
        asked = [
            (file, f"{workload}: {component}", re.sub(r"\{\{ *(\w+) *\}\}", lambda found: value(found[1], bound), host))
            for component in components
            for host in project.spin()["component"][component].get("allowed_outbound_hosts", [])
        ]
        yield file, workload, labels, asked + telemetry


def asked_by_others(documents):
    """The same for the rest: its address of the database is in a Secret, and must be that of the settings."""
    found = settings(documents)
    address = f"postgres://{found.get('db_host', '')}:{found.get('db_port', '')}"
    for file, who, template in others(documents):
        yield file, who, template["metadata"].get("labels", {}), [(file, who, address)] if works_on_database(template) else []


def target(address):
    """What an address leads to; nothing where it is none, or none that everybody in the cluster understands the same way."""
    parts = re.fullmatch(r"(\w+)://([^:/]+)(?::(\d+))?", address)
    if not parts:
        return None
    scheme, host, port = parts.groups()
    port = int(port or {"https": 443, "http": 80}.get(scheme, 0))
    service = service_of(host)
    if service:
        return Target(service[1], service[0], port)
    return Target(INTERNET, None, port) if scheme == "https" and "." in host and not host.startswith("127.") else None


# --- rules -----------------------------------------------------------------------------------------------------------


def labels(documents, **_):
    """A pod's labels open what it needs, and nothing else."""

    def differ(file, what, found, wanted):
        found = {label.removeprefix("bizosaas/") for label, value in found.items() if label.startswith("bizosaas/") and value == "true"}
        for label in sorted(wanted - found):
            yield file, f"{what}: the label bizosaas/{label} is wanted"
        for label in sorted(found - wanted):
            yield file, f"{what}: the label bizosaas/{label} opens or promises what is not there"

    for file, workload, components, _, found in workloads(documents):
        yield from differ(file, workload, found, {"serves", *components}.union(*(needs(component) for component in components)))
    for file, who, template in others(documents):
        wanted = {"database"} if works_on_database(template) else set()
        if "bizosaas/calls" in template["metadata"].get("annotations", {}):
            wanted.add("timer")
        yield from differ(file, who, template["metadata"].get("labels", {}), wanted)


def hosts(documents, **_):
    """Whatever host somebody may ask, a policy lets the pod reach; and nothing is open that is not named."""
    for file, document in of_kind(documents, "NetworkPolicy"):
        if any(references(document, "matchExpressions")):
            yield file, f"{name(document)}: it chooses by matchExpressions, which nothing here reads; matchLabels are wanted"
        for direction, peers in (("ingress", "from"), ("egress", "to")):
            for rule in document["spec"].get(direction, []):
                if not rule.get(peers) and (direction == "egress" or not rule.get("ports")):
                    yield file, f"{name(document)}: a rule of its {direction} names nobody, and so opens all"
        for block in references(document, "ipBlock"):
            if not PRIVATE <= set(block.get("except", [])):
                yield file, f"{name(document)}: the internet alone, without {', '.join(sorted(PRIVATE - set(block.get('except', []))))}"
    deny = named(documents, "NetworkPolicy", NAMESPACE).get("default-deny", {}).get("spec")
    if deny != {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}:
        yield "base/network-policies.yaml", "default-deny denies everything to everybody"

    for file, who, template in others(documents):
        mounted = [each for items in references(template, "items") for each in items]
        if works_on_database(template) and {"key": "db_ca", "path": "db_ca"} not in mounted:
            yield file, f"{who}: without db_ca it cannot verify the database"
    for _, _, pod, asked in [*asked_by_apps(documents), *asked_by_others(documents)]:
        for file, who, address in asked:
            to = target(address)
            if not to:
                yield file, f"{who} may ask {address}: a Service's whole name or https is wanted"
            elif not any(reaches(each, to) for each in openings(documents, pod)):
                yield file, f"{who} may ask {address}, and no NetworkPolicy lets it"


def askers(documents, **_):
    """Whoever is let in is named: pods of a namespace, by their labels."""
    for file, policy in of_kind(documents, "NetworkPolicy"):
        # Of the interceptor's own namespace no labels are ours to know.
        strangers = policy["metadata"].get("namespace") == INTERCEPTOR
        for rule in policy["spec"].get("ingress", []):
            for peer in rule.get("from", []):
                if "namespaceSelector" in peer:
                    where = peer["namespaceSelector"].get("matchLabels", {})
                    is_named = "kubernetes.io/metadata.name" in where and peer.get("podSelector", {}).get("matchLabels")
                else:
                    is_named = "podSelector" in peer and (strangers or peer["podSelector"].get("matchLabels"))
                if not is_named:
                    yield file, f"{name(policy)}: it lets {peer} in; a namespace by its name and pods by their labels are wanted"


def egress(documents, **_):
    """What a policy lets a pod reach, somebody in the pod may ask: of the app what spin.toml allows its components, of others what they are for."""
    found = settings(documents)
    store = target(f"redis://{found.get('redis_host', '')}:{found.get('redis_port', '')}")
    names = ("kube-system", {"k8s-app": "kube-dns"}, 53)

    def is_for_timers(opening):
        there = [(NAMESPACE, {"bizosaas/serves": "true"}, 80), (INTERCEPTOR, INTERCEPTOR_POD, 8080)]
        return (opening.where, opening.pods, opening.port) in there

    timers = {who for _, who, template in others(documents) if "bizosaas/calls" in template["metadata"].get("annotations", {})}
    jobs = {who for _, who, template in others(documents) if works_on_database(template)}
    for _, who, pod, asked in [*asked_by_apps(documents), *asked_by_others(documents)]:
        # The label `database` opens the store to the jobs, too.
        targets = [target(address) for _, _, address in asked] + [store] * (who in jobs)
        for opening in openings(documents, pod):
            known = (opening.where, opening.pods, opening.port) == names or (who in timers and is_for_timers(opening))
            if not known and not any(each and reaches(opening, each) for each in targets):
                yield opening.file, f"{opening.policy}: it lets {who} reach {opening}, and nobody there may ask that"
