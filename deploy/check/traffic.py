"""Rules on what comes in: the Ingress, the Services behind it, the timers, and how many proxies there are before the app."""

import re

import project
from manifests import INTERCEPTOR, INTERCEPTOR_POD, NAMESPACE, callers, name, named, of_kind, seconds, service_of, settings, workloads
from network import lets_in, lets_out

CLOSED = ["/internal", "/.well-known/spin"]
# What Spin sets itself, behind what a client sent.
SPIN_HEADERS = [
    *["spin-full-url", "spin-path-info", "spin-matched-route", "spin-raw-component-route"],
    *["spin-component-route", "spin-base-path", "spin-client-addr"],
]


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
    askers = [("kube-system", {"app.kubernetes.io/name": "traefik"}), (NAMESPACE, {"bizosaas/timer": "true"})]
    for file, _ in routes:
        for namespace, origin in askers:
            if not lets_in(documents, INTERCEPTOR, INTERCEPTOR_POD, 8080, namespace, origin):
                yield file, f"no policy of {INTERCEPTOR} lets {namespace} ask the interceptor"
    for file, policy in of_kind(documents, "NetworkPolicy"):
        if policy["metadata"]["namespace"] == INTERCEPTOR and not all(rule.get("from") for rule in policy["spec"]["ingress"]):
            yield file, f"{name(policy)}: the interceptor is for whom a rule names by its pods"


def services(documents, **_):
    """Each component has a Service of its name that leads to it, and those who should get through to its pods."""
    found, apps = named(documents, "Service", NAMESPACE), named(documents, "SpinApp")
    transports = {f"{NAMESPACE}-{each}@kubernetescrd" for each in named(documents, "ServersTransport")}
    route_hosts = {host for _, route in of_kind(documents, "InterceptorRoute") for rule in route["spec"]["rules"] for host in rule["hosts"]}
    where = next((file for file, _ in of_kind(documents, "Service")), "")
    pods = [pod for _, _, _, _, pod in workloads(documents)]
    for component in project.spin()["component"]:
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
        if each.replace("-", "_") + "_port" in project.spin()["variables"]:
            yield where, f"Service/{each}: Kubernetes gives pods {each.upper()}_PORT, and the shim takes it for a variable"
    askers = {
        "Traefik": ("kube-system", {"app.kubernetes.io/name": "traefik"}),
        "Prometheus": ("monitoring", {"app.kubernetes.io/name": "prometheus"}),
        "a timer": (NAMESPACE, {"bizosaas/timer": "true"}),
    }
    if route_hosts:
        askers["the interceptor"] = (INTERCEPTOR, INTERCEPTOR_POD)
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
    there = (NAMESPACE, 80, {"bizosaas/serves": "true"}) if awake else (INTERCEPTOR, 8080, INTERCEPTOR_POD)
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
        if "defaultBackend" in spec:
            yield file, f"{name(document)}: a default backend opens whatever no path names"
        for path, kind, backend in paths:
            if kind not in ("Exact", "Prefix"):
                yield file, f"{name(document)}: what {path} opens is for Traefik to say with {kind}; Exact or Prefix is wanted"
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
        for trigger in project.spin()["trigger"]["http"]:
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
