"""A rule on the database and the store that deploy/neighbours brings along."""

from manifests import NAMESPACE, NEIGHBOURS, name, named, of_kind, references, service_of, settings, templates
from network import lets_in, lets_out


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
