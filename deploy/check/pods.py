"""Rules on what runs: images, memory, how many pods and connections, rights, probes."""

import re
import tomllib

from manifests import NAMESPACE, name, named, of_kind, references, size, templates, workloads
from network import needs

# An imported Argon2id hash may need 64 MiB, and an instance serves several requests.
INSTANCE_MEMORY_MIN = 160 << 20
# Postgres's default, and what jobs and the operator are left.
POSTGRES_CONNECTIONS = 100
CONNECTIONS_SPARE = 10
HEALTH = "/.well-known/spin/health"
# A first start compiles all components, with whatever the node has to spare.
START_SECONDS = 180


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
    """All pods together leave Postgres some connections, also when each Deployment has a further one because all are replaced at once."""
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
        total += limits[0] * (1 + (most.get(document["metadata"]["name"]) or document["spec"].get("replicas") or 1))
    if total > POSTGRES_CONNECTIONS - CONNECTIONS_SPARE:
        yield "", f"all pods together hold up to {total} connections; Postgres has {POSTGRES_CONNECTIONS}"


def containers(documents, **_):
    """What Kubernetes' own kinds run has no rights beyond its work. The shim writes /spin.json into the root of what it runs, so there the root is not
    read-only."""
    for file, document, template in templates(documents):
        spec = template["spec"]
        if spec.get("automountServiceAccountToken") is not False:
            yield file, f"{name(document)}: automountServiceAccountToken: false is wanted"
        if not spec.get("securityContext", {}).get("runAsNonRoot"):
            yield file, f"{name(document)}: runAsNonRoot is wanted"
        for container in spec["containers"]:
            context = container.get("securityContext", {})
            is_spin = "spin" in spec.get("runtimeClassName", "")
            if context.get("allowPrivilegeEscalation") is not False or bool(context.get("readOnlyRootFilesystem")) == is_spin:
                root = "a root that the shim can write to" if is_spin else "a read-only root"
                yield file, f"{name(document)}: {root}, without privilege escalation, is wanted"
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
    """A probe on a route of the app's would keep instances and their connections alive, and an early one would end a first start."""
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
        if document["kind"] == "SpinApp":
            patience = [check.get("initialDelaySeconds", 0) for check in references(document, "liveness")]
        else:
            patience = [check["periodSeconds"] * check["failureThreshold"] for check in references(document, "startupProbe")]
        if min(patience, default=0) < START_SECONDS:
            yield file, f"{name(document)}: a start may take {START_SECONDS} s before anybody takes it for dead"
