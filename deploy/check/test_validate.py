"""Each rule finds what it is there for: the manifests as they stand pass, and a copy with one thing broken does not."""

import base64
import copy
import functools
import unittest

import make_secrets
import observed
import project
import validate


@functools.cache
def as_read(name):
    return validate.read_set(name)


def documents(name):
    return copy.deepcopy(as_read(name))


@functools.cache
def files_as_read():
    return observed.read(validate.DEPLOY, validate.SETS)


def files():
    return copy.deepcopy(files_as_read())


def pick(all_of_them, kind, name):
    return next(document for _, document in all_of_them if document["kind"] == kind and document["metadata"]["name"] == name)


def drop(all_of_them, kind, name):
    all_of_them.remove(next(each for each in all_of_them if each[1]["kind"] == kind and each[1]["metadata"]["name"] == name))


def interceptor_policy(all_of_them):
    return next(each for _, each in all_of_them if each["kind"] == "NetworkPolicy" and each["metadata"]["namespace"] == "keda")


def bound(app, name):
    return next(variable for variable in app["spec"]["variables"] if variable["name"] == name)


def pod(document):
    spec = document["spec"]
    return spec.get("jobTemplate", {}).get("spec", spec)["template"]


def container(document):
    return pod(document)["spec"]["containers"][0]


def each_break():
    """Rule, folder, and what breaks it."""
    app = lambda all_of_them: pick(all_of_them, "SpinApp", "bizosaas")
    single = "single-node"
    yield "schemas", single, lambda d: app(d)["spec"].update(replica=1)
    yield "schemas", single, lambda d: app(d)["spec"].pop("image")
    yield "schemas", single, lambda d: pick(d, "Job", "migrate")["spec"].update(backofLimit=1)
    yield "schemas", single, lambda d: d.append(("x.yaml", {"kind": "Spinapp", "apiVersion": "v1", "metadata": {"name": "x", "namespace": "bizosaas"}}))
    for kind, each, place in [("Middleware", "body-limit", single), ("ServersTransport", "app", single), ("InterceptorRoute", "bizosaas", "scale-to-zero"),
                              ("ScaledObject", "bizosaas", "scale-to-zero"), ("ServiceMonitor", "bizosaas", "everything"),
                              ("ClusterIssuer", "letsencrypt", single), ("Certificate", "postgres", "everything"), ("HelmChartConfig", "traefik", single)]:
        yield "schemas", place, lambda d, kind=kind, each=each: pick(d, kind, each)["spec"].update(misspelt=1)
    yield "once", single, lambda d: d.append(("x.yaml", copy.deepcopy(pick(d, "Ingress", "bizosaas"))))
    yield "once", "scale-to-zero", lambda d: d.extend(validate.read("base/always-on"))
    yield "namespaces", single, lambda d: app(d)["metadata"].update(namespace="default")
    yield "namespaces", "everything", lambda d: pick(d, "StatefulSet", "postgres-pgvector")["metadata"].update(namespace="bizosaas")
    yield "namespaces", "scale-to-zero", lambda d: interceptor_policy(d)["metadata"].update(namespace="bizosaas")
    yield "namespaces", single, lambda d: drop(d, "RuntimeClass", "wasmtime-spin-v2")
    yield "namespaces", single, lambda d: app(d)["spec"].update(executor="other")
    yield "namespaces", single, lambda d: pick(d, "SpinAppExecutor", "containerd-shim-spin")["spec"]["deploymentConfig"].update(spinImage="x")
    yield "namespaces", single, lambda d: pick(d, "SpinAppExecutor", "containerd-shim-spin")["spec"]["deploymentConfig"].pop("installDefaultCACerts")
    yield "variables", single, lambda d: app(d)["spec"]["variables"].remove(bound(app(d), "refresh_secret"))
    yield "variables", single, lambda d: app(d)["spec"]["variables"].remove(bound(app(d), "db_host"))
    yield "variables", single, lambda d: bound(app(d), "db_host").update(name="database_host")
    yield "variables", single, lambda d: bound(app(d), "refresh_secret").update(valueFrom={"configMapKeyRef": {"name": "bizosaas-settings", "key": "db_host"}})
    yield "variables", single, lambda d: bound(app(d), "refresh_secret")["valueFrom"]["secretKeyRef"].update(key="refresh")
    yield "variables", single, lambda d: bound(app(d), "db_host")["valueFrom"]["configMapKeyRef"].update(key="host")
    yield "variables", "split", lambda d: pick(d, "SpinApp", "bizosaas-crm")["spec"]["variables"].append(bound(pick(d, "SpinApp", "bizosaas-auth"), "jwt_private_key"))
    yield "variables", "plain", lambda d: container(pick(d, "Deployment", "bizosaas"))["env"].pop()
    yield "variables", single, lambda d: pick(d, "ConfigMap", "bizosaas-settings")["data"].update(service_token="x")
    yield "variables", single, lambda d: pick(d, "ConfigMap", "bizosaas-settings")["data"].update(not_a_variable="x")
    yield "variables", single, lambda d: pick(d, "ConfigMap", "bizosaas-settings")["data"].update(rate_limit_user="600")
    yield "variables", single, lambda d: app(d)["spec"]["variables"].remove(bound(app(d), "db_sslmode"))
    yield "hosts", single, lambda d: pick(d, "NetworkPolicy", "gateways")["spec"].update(egress=[{}])
    yield "hosts", single, lambda d: pick(d, "NetworkPolicy", "requests")["spec"].update(ingress=[{}])
    yield "ingress", single, lambda d: next(path for path in pick(d, "Ingress", "bizosaas")["spec"]["rules"][0]["http"]["paths"] if path["path"] == "/leads").update(pathType="Exact")
    hops = lambda d, number: pick(d, "ConfigMap", "bizosaas-proxies")["data"].update(trusted_proxy_hops=number)
    for way, wrong in [(single, "2"), (single, "0"), ("split", "2"), ("plain", "2"), ("scale-to-zero", "1"), ("scale-to-zero", "3")]:
        yield "proxies", way, lambda d, wrong=wrong: hops(d, wrong)
    yield "proxies", single, lambda d: drop(d, "ConfigMap", "bizosaas-proxies")
    yield "proxies", single, lambda d: bound(app(d), "trusted_proxy_hops")["valueFrom"]["configMapKeyRef"].update(name="bizosaas-settings")
    yield "proxies", single, lambda d: app(d)["spec"]["variables"].remove(bound(app(d), "trusted_proxy_hops"))
    yield "proxies", "plain", lambda d: next(each for each in container(pick(d, "Deployment", "bizosaas"))["env"]
                                             if each["name"] == "SPIN_VARIABLE_TRUSTED_PROXY_HOPS").update(value="1", valueFrom=None)
    interceptor = lambda d: interceptor_policy(d)["spec"]
    yield "proxies", "scale-to-zero", lambda d: interceptor(d)["ingress"][0]["from"].pop(0)
    yield "proxies", "scale-to-zero", lambda d: interceptor(d)["ingress"][0]["from"].pop(1)
    yield "proxies", "scale-to-zero", lambda d: interceptor(d)["ingress"][0]["from"][0].pop("podSelector")
    yield "proxies", "scale-to-zero", lambda d: interceptor(d)["ingress"].append({"ports": [{"protocol": "TCP", "port": 8080}]})
    yield "components", "split", lambda d: drop(d, "SpinApp", "bizosaas-web")
    yield "components", "split", lambda d: pick(d, "SpinApp", "bizosaas-web")["spec"].update(components=["crm"])
    yield "hosts", single, lambda d: pick(d, "ConfigMap", "bizosaas-settings")["data"].update(db_host="postgres")
    yield "hosts", single, lambda d: pick(d, "ConfigMap", "bizosaas-settings")["data"].update(notify_origin="http://n8n.elsewhere.svc.cluster.local:5678")
    yield "hosts", single, lambda d: pick(d, "NetworkPolicy", "gateways")["spec"].update(egress=[])
    yield "hosts", "split", lambda d: pick(d, "SpinApp", "bizosaas-payments")["spec"]["podLabels"].pop("bizosaas/gateways")
    yield "hosts", single, lambda d: pod(pick(d, "CronJob", "backup"))["metadata"]["labels"].pop("bizosaas/database")
    yield "hosts", single, lambda d: pod(pick(d, "Job", "migrate"))["metadata"]["labels"].pop("bizosaas/database")
    yield "hosts", single, lambda d: pod(pick(d, "CronJob", "backup"))["spec"]["volumes"].pop(0)
    yield "hosts", single, lambda d: pod(pick(d, "Job", "migrate"))["spec"].pop("volumes")
    yield "hosts", single, lambda d: pick(d, "NetworkPolicy", "gateways")["spec"]["egress"][0]["to"][0]["ipBlock"]["except"].pop()
    yield "hosts", single, lambda d: drop(d, "NetworkPolicy", "default-deny")
    yield "hosts", "everything", lambda d: drop(d, "NetworkPolicy", "telemetry")
    split = lambda d, each: pick(d, "SpinApp", f"bizosaas-{each}")["spec"]["podLabels"]
    yield "labels", "split", lambda d: split(d, "payments").pop("bizosaas/gateways")
    yield "labels", "split", lambda d: split(d, "crm").update({"bizosaas/gateways": "true"})
    yield "labels", "split", lambda d: split(d, "payments").update({"bizosaas/mailer": "true"})
    yield "labels", "split", lambda d: split(d, "web").update({"bizosaas/database": "true"})
    yield "labels", "split", lambda d: split(d, "auth").update({"bizosaas/payments": "true"})
    yield "labels", single, lambda d: pod(pick(d, "CronJob", "backup"))["metadata"]["labels"].update({"bizosaas/gateways": "true"})
    yield "labels", single, lambda d: pod(pick(d, "CronJob", "auth-sweep"))["metadata"]["labels"].pop("bizosaas/timer")
    service = lambda d, each: pick(d, "Service", each)
    yield "services", single, lambda d: drop(d, "Service", "crm")
    yield "services", "split", lambda d: service(d, "crm")["spec"].update(selector={"bizosaas/auth": "true"})
    yield "services", single, lambda d: service(d, "crm")["spec"]["ports"][0].update(targetPort=8080)
    yield "services", single, lambda d: service(d, "crm")["spec"]["ports"][0].update(port=80)
    yield "services", single, lambda d: service(d, "crm")["metadata"].pop("annotations")
    yield "services", single, lambda d: drop(d, "ServersTransport", "app")
    yield "services", single, lambda d: service(d, "crm")["metadata"].update(name="bizosaas")
    yield "services", "everything", lambda d: service(d, "crm-nodeport")["metadata"].update(name="redis")
    yield "services", "scale-to-zero", lambda d: pick(d, "InterceptorRoute", "bizosaas")["spec"]["rules"][0]["hosts"].remove("crm.bizosaas.svc.cluster.local")
    yield "services", "scale-to-zero", lambda d: drop(d, "NetworkPolicy", "interceptor")
    yield "services", single, lambda d: pick(d, "NetworkPolicy", "requests")["spec"]["ingress"][0]["from"].pop()
    yield "services", single, lambda d: pick(d, "NetworkPolicy", "requests")["spec"]["ingress"][0]["from"].pop(0)
    yield "services", single, lambda d: drop(d, "NetworkPolicy", "certificates")
    calls = lambda d, kind, each, value: pod(pick(d, kind, each))["metadata"]["annotations"].update({"bizosaas/calls": value})
    there = "http://{}.bizosaas.svc.cluster.local:8080{}".format
    yield "timers", single, lambda d: drop(d, "CronJob", "auth-sweep")
    yield "timers", single, lambda d: calls(d, "CronJob", "auth-sweep", there("auth", "/internal/auth/sweeps"))
    yield "timers", single, lambda d: calls(d, "CronJob", "auth-sweep", there("crm", "/internal/auth/sweep"))
    yield "timers", single, lambda d: calls(d, "CronJob", "auth-sweep", there("bizosaas", "/internal/auth/sweep"))
    yield "timers", single, lambda d: calls(d, "CronJob", "auth-sweep", there("auth", "/internal/metrics/auth"))
    yield "timers", "scale-to-zero", lambda d: calls(d, "CronJob", "timers", there("payments", "/internal/payments/sweep"))
    yield "timers", single, lambda d: container(pick(d, "Deployment", "events-dispatch")).update(args=["curl --max-time 10"])
    yield "timers", single, lambda d: container(pick(d, "Deployment", "events-dispatch")).update(
        args=['curl --max-time 35 --header "authorization: Bearer $SERVICE_TOKEN" "$CALLS"'])
    yield "timers", single, lambda d: drop(d, "NetworkPolicy", "timers")
    yield "timers", "scale-to-zero", lambda d: drop(d, "NetworkPolicy", "timers-to-interceptor")
    yield "images", single, lambda d: app(d)["spec"].update(image="registry.example.com/bizosaas/app:latest")
    yield "images", "split", lambda d: pick(d, "SpinApp", "bizosaas-crm")["spec"].update(image="registry.example.com/bizosaas/app@sha256:" + "1" * 64)
    yield "memory", single, lambda d: app(d)["spec"]["invocationLimits"].update(memory="64Mi")
    yield "memory", single, lambda d: app(d)["spec"]["resources"]["limits"].update(memory="128Mi")
    yield "memory", single, lambda d: app(d)["spec"].pop("resources")
    yield "memory", single, lambda d: app(d)["spec"]["resources"]["requests"].update(memory="1Gi")
    env = lambda d, name: next(each for each in container(pick(d, "Deployment", "bizosaas"))["env"] if each["name"] == name)
    yield "memory", "plain", lambda d: env(d, "SPIN_MAX_INSTANCE_MEMORY").update(value="1000000")
    yield "memory", "plain", lambda d: container(pick(d, "Deployment", "bizosaas"))["resources"]["limits"].update(memory="128Mi")
    yield "replicas", single, lambda d: app(d)["spec"].update(replicas=1)
    yield "replicas", single, lambda d: app(d)["spec"].pop("enableAutoscaling")
    yield "replicas", "scale-to-zero", lambda d: pick(d, "ScaledObject", "bizosaas")["spec"]["triggers"][0]["metadata"].update(interceptorRoute="other")
    yield "replicas", "scale-to-zero", lambda d: pick(d, "ScaledObject", "bizosaas")["spec"]["scaleTargetRef"].update(kind="SpinApp")
    yield "replicas", "scale-to-zero", lambda d: app(d)["spec"].update(enableAutoscaling=False, replicas=1)
    yield "replicas", "split", lambda d: pick(d, "HorizontalPodAutoscaler", "bizosaas-auth")["spec"]["scaleTargetRef"].update(name="auth")
    yield "replicas", "split", lambda d: pick(d, "HorizontalPodAutoscaler", "bizosaas-auth")["spec"].update(minReplicas=1)
    pool = lambda d, each, text: pick(d, "Secret", each)["stringData"].update({"runtime-config.toml": text})
    yield "connections", single, lambda d: pool(d, "bizosaas-runtime-config", "")
    yield "connections", single, lambda d: pool(d, "bizosaas-runtime-config", "[outbound_pg]\nmax_connections = 90")
    yield "connections", "split", lambda d: pick(d, "SpinApp", "bizosaas-crm")["spec"].pop("runtimeConfig")
    yield "connections", "split", lambda d: pick(d, "HorizontalPodAutoscaler", "bizosaas-auth")["spec"].update(maxReplicas=5)
    yield "connections", "plain", lambda d: pick(d, "Deployment", "bizosaas")["spec"].update(replicas=4)
    yield "containers", single, lambda d: pick(d, "Job", "migrate")["spec"]["template"]["spec"].pop("automountServiceAccountToken")
    yield "containers", single, lambda d: pick(d, "CronJob", "backup")["spec"]["jobTemplate"]["spec"]["template"]["spec"].pop("securityContext")
    yield "containers", "plain", lambda d: pick(d, "Deployment", "bizosaas")["spec"]["template"]["spec"]["containers"][0].pop("securityContext")
    yield "containers", single, lambda d: pick(d, "Job", "migrate")["spec"]["template"]["spec"]["containers"][0].pop("resources")
    yield "containers", single, lambda d: pick(d, "ServiceAccount", "bizosaas").pop("automountServiceAccountToken")
    yield "containers", "everything", lambda d: container(pick(d, "StatefulSet", "postgres-pgvector"))["securityContext"].pop("readOnlyRootFilesystem")
    yield "containers", "everything", lambda d: container(pick(d, "Deployment", "dragonfly-cache")).update(args=["--requirepass", "$(PASSWORD)"])
    yield "probes", single, lambda d: app(d)["spec"]["checks"]["readiness"]["httpGet"].update(path="/auth/readyz")
    yield "probes", single, lambda d: app(d)["spec"].pop("checks")
    yield "probes", "plain", lambda d: container(pick(d, "Deployment", "bizosaas")).pop("livenessProbe")
    paths = lambda d: pick(d, "Ingress", "bizosaas")["spec"]["rules"][0]["http"]["paths"]
    yield "ingress", single, lambda d: paths(d)[0].update(pathType="Prefix")
    yield "ingress", single, lambda d: paths(d)[0].update(path="/internal")
    yield "ingress", single, lambda d: paths(d)[0].update(path="/.well-known/spin/info")
    yield "ingress", single, lambda d: paths(d).remove(next(path for path in paths(d) if path["path"] == "/leads"))
    yield "ingress", single, lambda d: paths(d)[0]["backend"]["service"].update(name="other")
    yield "ingress", single, lambda d: pick(d, "Ingress", "bizosaas")["metadata"]["annotations"].pop("traefik.ingress.kubernetes.io/router.middlewares")
    yield "ingress", single, lambda d: pick(d, "Middleware", "strip-headers")["spec"]["headers"]["customRequestHeaders"].pop("spin-client-addr")
    yield "ingress", single, lambda d: next(path for path in paths(d) if path["path"] == "/leads")["backend"]["service"].update(name="auth")
    yield "ingress", single, lambda d: paths(d)[0]["backend"]["service"].update(port={"name": "https"})
    yield "ingress", single, lambda d: paths(d).remove(next(path for path in paths(d) if path["path"] == "/robots.txt"))
    yield "ingress", single, lambda d: pick(d, "Ingress", "bizosaas")["spec"].pop("tls")
    yield "ingress", single, lambda d: pick(d, "ConfigMap", "bizosaas-settings")["data"].update(public_origin="https://app.example.com")
    yield "ingress", single, lambda d: drop(d, "ClusterIssuer", "letsencrypt")
    yield "ingress", single, lambda d: drop(d, "Middleware", "body-limit")
    yield "ingress", single, lambda d: pick(d, "Middleware", "body-limit")["spec"]["buffering"].update(maxRequestBodyBytes=2 << 20)
    transport = lambda d: pick(d, "ServersTransport", "app")["spec"]["forwardingTimeouts"]
    yield "ingress", single, lambda d: transport(d).update(responseHeaderTimeout="30s")
    yield "ingress", "scale-to-zero", lambda d: transport(d).update(responseHeaderTimeout="35s")
    route = lambda d: pick(d, "InterceptorRoute", "bizosaas")["spec"]
    yield "ingress", "scale-to-zero", lambda d: route(d)["timeouts"].pop("readiness")
    yield "ingress", "scale-to-zero", lambda d: route(d)["timeouts"].update(responseHeader="20s")
    yield "ingress", "scale-to-zero", lambda d: route(d)["timeouts"].update(request="40s")
    yield "ingress", "scale-to-zero", lambda d: route(d)["rules"][0]["hosts"].remove("api.example.com")
    yield "ingress", "scale-to-zero", lambda d: route(d)["target"].update(service="crm")
    all_of_it = "everything"
    yield "neighbours", all_of_it, lambda d: pick(d, "ConfigMap", "bizosaas-settings")["data"].update(db_port="5433")
    yield "neighbours", all_of_it, lambda d: pick(d, "Service", "dragonfly-cache")["spec"].update(selector={"app": "redis"})
    yield "neighbours", all_of_it, lambda d: pick(d, "Service", "postgres-pgvector")["metadata"].update(name="postgres")
    yield "neighbours", all_of_it, lambda d: pick(d, "NetworkPolicy", "database")["spec"]["egress"][0]["to"][0]["podSelector"]["matchLabels"].update(app="postgres")
    yield "neighbours", all_of_it, lambda d: drop(d, "NetworkPolicy", "store")
    yield "neighbours", all_of_it, lambda d: pick(d, "NetworkPolicy", "postgres")["spec"].update(policyTypes=["Ingress"])
    yield "neighbours", all_of_it, lambda d: pick(d, "Certificate", "postgres")["spec"].update(dnsNames=["postgres"])
    yield "neighbours", all_of_it, lambda d: container(pick(d, "StatefulSet", "postgres-pgvector"))["args"].remove("ssl=on")
    yield "neighbours", all_of_it, lambda d: pick(d, "ConfigMap", "postgres-access")["data"].update({"pg_hba.conf": "host all all all md5"})
    yield "neighbours", all_of_it, lambda d: pick(d, "Certificate", "postgres")["spec"].update(secretName="other")


def each_break_of_files():
    """The same for the rules of observed.py."""
    rule = lambda f: f["alerts"]["groups"][0]["rules"][2]
    waiting = lambda f: f["dashboards"]["what-waits.json"]
    panel = lambda f, number: waiting(f)["panels"][number]
    last_errors = lambda f: next(panel for panel in f["dashboards"]["requests.json"]["panels"] if panel["type"] == "logs")
    yield "alerts", lambda f: rule(f).pop("labels")
    yield "alerts", lambda f: rule(f)["labels"].update(severity="warning")
    yield "alerts", lambda f: rule(f)["annotations"].pop("action")
    yield "alerts", lambda f: rule(f)["annotations"].update(summary="")
    yield "alerts", lambda f: rule(f).update(alert="BizosaasNotScraped")
    yield "metrics", lambda f: rule(f).update(expr="bizo_payments_overdue > 1")
    yield "metrics", lambda f: rule(f).update(expr="max(bizo_payments_due > 1")
    yield "metrics", lambda f: panel(f, 1)["targets"][0].update(expr="max(bizo_payments_overdue)")
    yield "metrics", lambda f: [panel["targets"].clear() for panel in waiting(f)["panels"] if "sessions" in str(panel.get("targets"))]
    yield "metrics", lambda f: f.update(metrics=f["metrics"].replace("`bizo_auth_users`", ""))
    yield "metrics", lambda f: f.update(metrics=f["metrics"] + "`bizo_auth_moods`")
    yield "dashboards", lambda f: panel(f, 2).update(id=panel(f, 1)["id"])
    yield "dashboards", lambda f: panel(f, 2)["gridPos"].update(x=panel(f, 1)["gridPos"]["x"])
    yield "dashboards", lambda f: panel(f, 2)["gridPos"].update(w=30)
    yield "dashboards", lambda f: panel(f, 1).pop("description")
    yield "dashboards", lambda f: panel(f, 1)["targets"][0]["datasource"].update(uid="P1809F7CD0C75ACF3")
    yield "dashboards", lambda f: waiting(f)["templating"]["list"].clear()
    yield "dashboards", lambda f: waiting(f).update(schemaVersion=16)
    yield "dashboards", lambda f: waiting(f).update(uid=f["dashboards"]["requests.json"]["uid"])
    yield "dashboards", lambda f: last_errors(f)["targets"][0].update(expr='{namespace="bizosaas"} | json | path = "/"')
    yield "dashboards", lambda f: last_errors(f)["targets"][0].update(expr='sum(rate({namespace="bizosaas"} | json [5m])')
    job = lambda f: f["scrape"]["scrape_configs"][0]
    yield "scrapers", lambda f: job(f)["static_configs"].pop()
    yield "scrapers", lambda f: job(f)["static_configs"][0].update(targets=["auth.bizosaas:80"])
    yield "scrapers", lambda f: job(f)["relabel_configs"][0].update(replacement="/metrics")
    yield "scrapers", lambda f: f["services"][0]["metadata"]["labels"].pop("bizosaas/metrics")
    yield "scrapers", lambda f: f["monitor"]["spec"]["endpoints"][0]["relabelings"].pop()
    yield "scrapers", lambda f: f["monitor"]["spec"]["endpoints"][0]["authorization"]["credentials"].update(key="token")
    yield "runbook", lambda f: f.update(runbook=f["runbook"].replace("| `BizosaasMailStands`", "| mail"))
    yield "runbook", lambda f: f.update(runbook=f["runbook"] + "\n| `BizosaasGone` | | |\n")
    yield "runbook", lambda f: f.update(runbook=f["runbook"].replace("-f deploy/base/always-on -f deploy/split", "-f deploy/split"))
    yield "runbook", lambda f: f["folders"].append("overlays")


class Rules(unittest.TestCase):
    def test_what_stands_here_passes(self):
        for name in validate.SETS:
            self.assertEqual(list(validate.findings(documents(name))), [], name)
        self.assertEqual(list(observed.findings(files())), [])

    def test_each_rule_finds_what_it_is_there_for(self):
        tried = set()
        for number, (rule, folder, break_it) in enumerate(each_break()):
            with self.subTest(number=number, rule=rule):
                broken = documents(folder)
                break_it(broken)
                self.assertTrue(list(getattr(validate, rule)(broken)))
                tried.add(rule)
        for number, (rule, break_it) in enumerate(each_break_of_files()):
            with self.subTest(number=number, rule=rule):
                broken = files()
                break_it(broken)
                self.assertTrue(list(getattr(observed, rule)(broken)))
                tried.add(rule)
        self.assertEqual(tried, {rule.__name__ for rule in validate.RULES + observed.RULES})

    def test_what_is_read_of_the_code_is_there(self):
        self.assertGreaterEqual(project.timed_routes(), {"/internal/auth/sweep", "/internal/payments/sweep", "/internal/events/dispatch"})
        self.assertEqual(set(project.metrics().values()), {"auth", "payments", "events"})
        self.assertEqual(project.component_of("/analytics/payments/by-day"), "payments")
        self.assertEqual(project.component_of("/authors"), "web")
        self.assertLess({"route", "status", "duration_ms"}, project.log_fields())

    def test_metrics_and_fields_are_found_in_queries(self):
        query = 'sum by (kind) (rate(a_total{kind="b_total"}[5m])) / on (kind) max_over_time(c[1h]) > bool d offset 1h'
        self.assertEqual(observed.metrics_of(query), {"a_total", "c", "d"})
        query = 'topk(3, sum by (route, code) (rate({namespace="x"} | json | status >= 500 | level = "error" | unwrap duration_ms [5m])))'
        self.assertEqual(observed.fields_of(query), {"route", "code", "status", "level", "duration_ms"})

    def test_schemas_of_a_cluster_are_read(self):
        crd = """{kind: CustomResourceDefinition, spec: {group: traefik.io, names: {kind: Middleware}, versions: [
            {name: v1alpha1, schema: {openAPIV3Schema: {properties: {spec: {properties: {chain: {type: object}}}}}}}]}}"""
        for text in [crd, "{kind: List, items: [" + crd + "]}"]:
            found = {rule for rule, _, _ in validate.findings(documents("single-node"), more=validate.of_crds(text))}
            self.assertEqual(found, {"schemas"})

    def test_a_release_has_no_placeholders(self):
        found = [rule for rule, _, _ in validate.findings(documents("single-node"), release=True)]
        self.assertEqual(set(found), {"images"})

    def test_secrets_are_made_of_an_env_file(self):
        lines = [f"SPIN_VARIABLE_{key.upper()}='value of {key}'" for keys in validate.SECRETS.values() for key in keys]
        lines += ["BIZO_OWNER_URL='postgres://owner@h/b?sslmode=verify-full'", "BIZO_BACKUP_URL='postgres://backup@h/b?sslmode=disable'"]
        secrets = make_secrets.secrets("\n".join(lines))
        self.assertEqual({secret["metadata"]["name"]: sorted(secret["data"]) for secret in secrets},
                         {name: sorted(keys) for name, keys in validate.SECRETS.items()})
        self.assertEqual(base64.b64decode(secrets[0]["data"]["redis_password"]), b"value of redis_password")
        with self.assertRaisesRegex(SystemExit, "REFRESH_SECRET"):
            make_secrets.secrets("\n".join(line for line in lines if "REFRESH" not in line))
        for weak in ["?sslmode=require", "?sslmode=verify-ca", ""]:
            with self.assertRaisesRegex(SystemExit, "BIZO_OWNER_URL: sslmode=verify-full"):
                make_secrets.secrets("\n".join(line.replace("?sslmode=verify-full", weak) for line in lines))


if __name__ == "__main__":
    unittest.main()
