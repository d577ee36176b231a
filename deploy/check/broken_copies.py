"""What each rule is there for: a table of copies with one thing broken, and the words of the finding that is wanted.

A row is the way to deploy, the document, the place in it, what is put there, and the words. A place is words with blanks between: keys, and in a list
a number, `key=value` of the item, or the item itself; END is behind the last. GONE takes away what is there, and without a place the document;
Replace changes a part of a text. test_validate.py breaks the copies and looks for the words; a rule without a row fails there.
"""

import typing

from manifests import read_set, settings

GONE = object()
END = "END"
# In the place of a document: a further one, and the map of components instead of a manifest.
FURTHER = "a further document"
SPIN = "spin.toml"


class Replace(typing.NamedTuple):
    part: str
    by: str


ONE, SPLIT, PLAIN, ZERO, ALL = "single-node", "split", "plain", "scale-to-zero", "everything"
APP = "SpinApp/bizosaas"
AUTH, CRM, PAYMENTS, EVENTS, WEB = (f"SpinApp/bizosaas-{each}" for each in ["auth", "crm", "payments", "events", "web"])
SETTINGS, PROXIES, INGRESS = "ConfigMap/bizosaas-settings", "ConfigMap/bizosaas-proxies", "Ingress/bizosaas"
ROUTE, SCALED = "InterceptorRoute/bizosaas", "ScaledObject/bizosaas"
POD, CRON_POD = "spec template", "spec jobTemplate spec template"
CONTAINER = f"{POD} spec containers 0"
CALLS = f"{CRON_POD} metadata annotations bizosaas/calls"
PATHS = "spec rules 0 http paths"
EGRESS = "spec egress 0"
HERE = {"name": "x", "namespace": "bizosaas"}
JWT_PRIVATE_KEY = {"name": "jwt_private_key", "valueFrom": {"secretKeyRef": {"name": "bizosaas-auth", "key": "jwt_private_key"}}}
POOL = "stringData runtime-config.toml"
# Whoever deploys has a name of their own.
ORIGIN = settings(read_set(ONE))["public_origin"]
HOST = ORIGIN.removeprefix("https://")


def there(service, path):
    return f"http://{service}.bizosaas.svc.cluster.local:8080{path}"


BROKEN = {
    "schemas": [
        (ONE, APP, "spec replica", 1, "SpinApp/bizosaas: spec: Additional properties are not allowed ('replica' was unexpected)"),
        (ONE, APP, "spec image", GONE, "SpinApp/bizosaas: spec: 'image' is a required property"),
        (ONE, "Job/migrate", "spec backofLimit", 1, "Job/migrate: spec: Additional properties are not allowed ('backofLimit' was unexpected)"),
        (ONE, FURTHER, "", {"kind": "Spinapp", "apiVersion": "v1", "metadata": HERE}, "Spinapp/x: there is no schema for v1/Spinapp"),
        (ONE, "Middleware/body-limit", "spec misspelt", 1, "Middleware/body-limit: spec: Additional properties"),
        (ONE, "ServersTransport/app", "spec misspelt", 1, "ServersTransport/app: spec: Additional properties"),
        (ONE, "ClusterIssuer/letsencrypt", "spec misspelt", 1, "ClusterIssuer/letsencrypt: spec: Additional properties"),
        (ONE, "HelmChartConfig/traefik", "spec misspelt", 1, "HelmChartConfig/traefik: spec: Additional properties"),
        (ZERO, ROUTE, "spec misspelt", 1, "InterceptorRoute/bizosaas: spec: Additional properties"),
        (ZERO, SCALED, "spec misspelt", 1, "ScaledObject/bizosaas: spec: Additional properties"),
        (ALL, "ServiceMonitor/bizosaas", "spec misspelt", 1, "ServiceMonitor/bizosaas: spec: Additional properties"),
        (ALL, "Certificate/postgres", "spec misspelt", 1, "Certificate/postgres: spec: Additional properties"),
    ],
    "once": [
        (ONE, FURTHER, "", {"kind": "Ingress", "apiVersion": "networking.k8s.io/v1", "metadata": HERE | {"name": "bizosaas"}},
         "Ingress/bizosaas stands in base/ingress.yaml, too"),
        (ZERO, FURTHER, "", {"kind": "Service", "apiVersion": "v1", "metadata": HERE | {"name": "crm"}},
         "Service/crm stands in scale-to-zero/services.yaml, too"),
    ],
    "namespaces": [
        (ONE, APP, "metadata namespace", "default", "SpinApp/bizosaas: metadata.namespace is not bizosaas"),
        (ALL, "StatefulSet/postgres-pgvector", "metadata namespace", "bizosaas", "metadata.namespace is not apps-platform"),
        (ZERO, "NetworkPolicy/interceptor in keda", "metadata namespace", "bizosaas", "metadata.namespace is not keda"),
        (ONE, "RuntimeClass/wasmtime-spin-v2", "", GONE, "there is no RuntimeClass wasmtime-spin-v2"),
        (ONE, APP, "spec executor", "other", "there is no SpinAppExecutor other"),
        (ONE, "SpinAppExecutor/containerd-shim-spin", "spec deploymentConfig spinImage", "x", "one of runtimeClassName and spinImage is wanted"),
        (ONE, "SpinAppExecutor/containerd-shim-spin", "spec deploymentConfig installDefaultCACerts", GONE, "nothing speaks TLS"),
    ],
    "components": [
        (SPLIT, WEB, "", GONE, "these run: auth, crm, events, payments; spin.toml has"),
        (SPLIT, WEB, "spec components", ["crm"], "these run: auth, crm, crm, events, payments; spin.toml has"),
    ],
    "variables": [
        (ONE, APP, "spec variables name=refresh_secret", GONE, "refresh_secret is not bound, and its default is for development"),
        (ONE, APP, "spec variables name=db_host", GONE, "db_host is not bound, and its default is for development"),
        (ONE, APP, "spec variables name=db_host name", "database_host", "spin.toml has no variable database_host"),
        (ONE, APP, "spec variables name=refresh_secret valueFrom", {"configMapKeyRef": {"name": "bizosaas-settings", "key": "db_host"}},
         "refresh_secret is a secret and does not come from a Secret"),
        (ONE, APP, "spec variables name=refresh_secret valueFrom secretKeyRef key", "refresh", "makes no refresh in bizosaas-auth"),
        (ONE, APP, "spec variables name=db_host valueFrom configMapKeyRef key", "host", "there is no host in the ConfigMap bizosaas-settings"),
        (ONE, APP, "spec variables name=db_sslmode", GONE, "db_sslmode of base/settings.yaml is not bound"),
        (SPLIT, CRM, f"spec variables {END}", JWT_PRIVATE_KEY, "SpinApp/bizosaas-crm: none of its components reads jwt_private_key"),
        (PLAIN, "Deployment/bizosaas", f"{CONTAINER} env name=SPIN_VARIABLE_NOTIFY_SECRET", GONE, "Deployment/bizosaas: notify_secret is not bound"),
        (ONE, SETTINGS, "data service_token", "x", "service_token is a secret"),
        (ONE, SETTINGS, "data not_a_variable", "x", "spin.toml has no variable not_a_variable"),
        (ONE, SETTINGS, "data rate_limit_user", "600", "rate_limit_user of base/settings.yaml is not bound"),
    ],
    "labels": [
        (SPLIT, PAYMENTS, "spec podLabels bizosaas/gateways", GONE, "SpinApp/bizosaas-payments: the label bizosaas/gateways is wanted"),
        (SPLIT, CRM, "spec podLabels bizosaas/gateways", "true", "SpinApp/bizosaas-crm: the label bizosaas/gateways opens"),
        (SPLIT, PAYMENTS, "spec podLabels bizosaas/mailer", "true", "SpinApp/bizosaas-payments: the label bizosaas/mailer opens"),
        (SPLIT, WEB, "spec podLabels bizosaas/database", "true", "SpinApp/bizosaas-web: the label bizosaas/database opens"),
        (SPLIT, AUTH, "spec podLabels bizosaas/payments", "true", "SpinApp/bizosaas-auth: the label bizosaas/payments opens or promises"),
        (SPLIT, SPIN, "component crm allowed_outbound_hosts END", "{{ notify_origin }}", "SpinApp/bizosaas-crm: the label bizosaas/mailer is wanted"),
        (ONE, "CronJob/backup", f"{CRON_POD} metadata labels bizosaas/gateways", "true", "CronJob/backup: the label bizosaas/gateways opens"),
        (ONE, "CronJob/auth-sweep", f"{CRON_POD} metadata labels bizosaas/timer", GONE, "CronJob/auth-sweep: the label bizosaas/timer is wanted"),
    ],
    # What somebody may ask and no policy lets, for each component and each kind of host.
    "hosts": [
        (SPLIT, AUTH, "spec podLabels bizosaas/database", GONE,
         "bizosaas-auth: auth may ask postgres://postgres-pgvector.apps-platform.svc.cluster.local:5432, and no"),
        (SPLIT, CRM, "spec podLabels bizosaas/database", GONE,
         "bizosaas-crm: crm may ask redis://dragonfly-cache.apps-platform.svc.cluster.local:6379, and no"),
        (SPLIT, PAYMENTS, "spec podLabels bizosaas/gateways", GONE,
         "bizosaas-payments: payments may ask https://api.stripe.com, and no NetworkPolicy"),
        (SPLIT, EVENTS, "spec podLabels bizosaas/mailer", GONE,
         "bizosaas-events: events may ask http://n8n.apps-platform.svc.cluster.local:5678, and no"),
        (SPLIT, SPIN, "component crm allowed_outbound_hosts END", "{{ notify_origin }}",
         "bizosaas-crm: crm may ask http://127.0.0.1:8025: a Service's"),
        (SPLIT, SPIN, "component crm allowed_outbound_hosts END", "http://n8n.apps-platform.svc.cluster.local:5678",
         "local:5678, and no NetworkPolicy lets it"),
        (SPLIT, SPIN, "component web allowed_outbound_hosts", ["https://else.example.com"],
         "bizosaas-web: web may ask https://else.example.com, and no"),
        (ONE, SETTINGS, "data db_host", "postgres", "auth may ask postgres://postgres:5432: a Service's whole name or https is wanted"),
        (ONE, SETTINGS, "data notify_origin", "http://mailer.example.com",
         "events may ask http://mailer.example.com: a Service's whole name or https"),
        (ONE, SETTINGS, "data notify_origin", "http://n8n.elsewhere.svc.cluster.local:5678",
         "n8n.elsewhere.svc.cluster.local:5678, and no NetworkPolicy"),
        (ONE, SETTINGS, "data notify_origin", "http://postfix.apps-platform.svc.cluster.local:5678",
         "postfix.apps-platform.svc.cluster.local:5678, and no"),
        (SPLIT, SETTINGS, "data notify_origin", "https://mailer.example.com",
         "events may ask https://mailer.example.com, and no NetworkPolicy lets it"),
        (SPLIT, EVENTS, "spec variables name=notify_origin", {"name": "notify_origin", "value": "https://mailer.example.com"},
         "ask https://mailer.example.com, and no"),
        (SPLIT, PAYMENTS, f"spec variables {END}", {"name": "stripe_live_origin", "value": "https://127.0.0.1:12111"},
         "ask https://127.0.0.1:12111: a Service's"),
        (SPLIT, EVENTS, "spec variables name=notify_origin", GONE, "events may ask http://127.0.0.1:8025: a Service's whole name or https is wanted"),
        (ONE, "NetworkPolicy/mailer", f"{EGRESS} to 0 podSelector matchLabels app", "postfix", "events may ask http://n8n.apps-platform"),
        (ONE, "NetworkPolicy/mailer", f"{EGRESS} ports 0 port", 8080, "events may ask http://n8n.apps-platform"),
        (ONE, "NetworkPolicy/mailer", f"{EGRESS} ports 0 protocol", "UDP", "events may ask http://n8n.apps-platform"),
        (ONE, "NetworkPolicy/mailer", "spec policyTypes", ["Ingress"], "events may ask http://n8n.apps-platform"),
        (ONE, "NetworkPolicy/mailer", "metadata namespace", "default", "events may ask http://n8n.apps-platform"),
        (ONE, "NetworkPolicy/database", "spec egress 1", GONE, "crm may ask redis://dragonfly-cache.apps-platform"),
        (ONE, "NetworkPolicy/gateways", "spec egress", [], "payments may ask https://api-m.paypal.com, and no NetworkPolicy lets it"),
        (ONE, "NetworkPolicy/gateways", "spec egress", [{}], "NetworkPolicy/gateways: a rule of its egress names nobody, and so opens all"),
        (ONE, "NetworkPolicy/gateways", f"{EGRESS} to 0 ipBlock except 192.168.0.0/16", GONE, "the internet alone, without 192.168.0.0/16"),
        (ONE, "NetworkPolicy/requests", "spec ingress", [{}], "NetworkPolicy/requests: a rule of its ingress names nobody, and so opens all"),
        (ONE, "NetworkPolicy/mailer", "spec podSelector matchExpressions", [{"key": "bizosaas/mailer", "operator": "Exists"}],
         "it chooses by matchExpressions"),
        (ONE, "NetworkPolicy/default-deny", "", GONE, "default-deny denies everything to everybody"),
        (ONE, "CronJob/backup", f"{CRON_POD} metadata labels bizosaas/database", GONE, "CronJob/backup may ask postgres://postgres-pgvector"),
        (ONE, "CronJob/backup", f"{CRON_POD} spec volumes name=authority", GONE, "CronJob/backup: without db_ca it cannot verify the database"),
        (ONE, "Job/migrate", f"{POD} metadata labels bizosaas/database", GONE, "Job/migrate may ask postgres://postgres-pgvector"),
        (ONE, "Job/migrate", f"{POD} spec volumes", GONE, "Job/migrate: without db_ca it cannot verify the database"),
        (ALL, "NetworkPolicy/telemetry", "", GONE,
         "containerd-shim-spin-otel may ask http://opentelemetry-collector.monitoring.svc.cluster.local:4318, and no"),
    ],
    "askers": [
        (ONE, "NetworkPolicy/requests", f"spec ingress 0 from {END}", {"namespaceSelector": {}}, "NetworkPolicy/requests: it lets {'namespaceSelector': {}} in"),
        (ONE, "NetworkPolicy/requests", f"spec ingress 0 from {END}", {"podSelector": {}}, "NetworkPolicy/requests: it lets {'podSelector': {}} in"),
        (ONE, "NetworkPolicy/requests", "spec ingress 0 from 0 podSelector", GONE, "NetworkPolicy/requests: it lets"),
        (ONE, "NetworkPolicy/requests", f"spec ingress 0 from {END}", {"ipBlock": {"cidr": "0.0.0.0/0"}}, "NetworkPolicy/requests: it lets {'ipBlock'"),
        (ALL, "NetworkPolicy/postgres", "spec ingress 0 from 0 namespaceSelector matchLabels", {"team": "a"}, "NetworkPolicy/postgres: it lets"),
        (ZERO, "NetworkPolicy/interceptor in keda", "spec ingress 0 from 0 namespaceSelector", {}, "NetworkPolicy/interceptor: it lets"),
        (ZERO, "NetworkPolicy/interceptor in keda", "spec ingress 0 from 0 podSelector", GONE, "NetworkPolicy/interceptor: it lets"),
    ],
    # What a policy lets and nobody there may ask, for each component and each way in which a policy opens too much.
    "egress": [
        (SPLIT, AUTH, "spec podLabels bizosaas/gateways", "true",
         "NetworkPolicy/gateways: it lets SpinApp/bizosaas-auth reach the internet, port 443"),
        (SPLIT, CRM, "spec podLabels bizosaas/mailer", "true",
         "NetworkPolicy/mailer: it lets SpinApp/bizosaas-crm reach apps-platform (app=n8n), port 5678"),
        (SPLIT, PAYMENTS, "spec podLabels bizosaas/mailer", "true",
         "NetworkPolicy/mailer: it lets SpinApp/bizosaas-payments reach apps-platform (app=n8n)"),
        (SPLIT, EVENTS, "spec podLabels bizosaas/gateways", "true", "NetworkPolicy/gateways: it lets SpinApp/bizosaas-events reach the internet"),
        (SPLIT, WEB, "spec podLabels bizosaas/database", "true",
         "database: it lets SpinApp/bizosaas-web reach apps-platform (app=dragonfly-cache), port 6379"),
        (SPLIT, SPIN, "component events allowed_outbound_hosts 2", GONE, "mailer: it lets SpinApp/bizosaas-events reach apps-platform (app=n8n)"),
        (ONE, SPIN, "component events allowed_outbound_hosts 2", GONE, "mailer: it lets SpinApp/bizosaas reach apps-platform (app=n8n)"),
        (SPLIT, SPIN, "component crm allowed_outbound_hosts", ["postgres://{{ db_host }}:{{ db_port }}"],
         "bizosaas-crm reach apps-platform (app=dragonfly-cache)"),
        (SPLIT, "NetworkPolicy/mailer", "spec podSelector matchLabels", {"bizosaas/serves": "true"},
         "mailer: it lets SpinApp/bizosaas-web reach apps-platform (app=n8n)"),
        (SPLIT, "NetworkPolicy/gateways", "spec podSelector", {}, "NetworkPolicy/gateways: it lets CronJob/backup reach the internet, port 443"),
        (PLAIN, SETTINGS, "data notify_origin", "https://mailer.example.com",
         "mailer: it lets Deployment/bizosaas reach apps-platform (app=n8n), port 5678"),
        (ONE, "NetworkPolicy/mailer", f"{EGRESS} to 0 podSelector", GONE, "reach apps-platform (all pods), port 5678"),
        (ONE, "NetworkPolicy/mailer", f"{EGRESS} to 0 podSelector matchLabels app", "postfix", "reach apps-platform (app=postfix), port 5678"),
        (ONE, "NetworkPolicy/mailer", f"{EGRESS} to 0 podSelector matchLabels app", "", "reach apps-platform (app=), port 5678"),
        (ONE, "NetworkPolicy/mailer", f"{EGRESS} to 0 namespaceSelector", {}, "reach anywhere, port 5678"),
        (ONE, "NetworkPolicy/mailer", f"{EGRESS} to 0 namespaceSelector", GONE, "reach bizosaas (app=n8n), port 5678"),
        (ONE, "NetworkPolicy/mailer", f"{EGRESS} to {END}", {"ipBlock": {"cidr": "0.0.0.0/0"}},
         "NetworkPolicy/mailer: it lets SpinApp/bizosaas reach the internet, port 5678"),
        (ONE, "NetworkPolicy/mailer", f"{EGRESS} to", GONE, "reach anywhere, port 5678"),
        (ONE, "NetworkPolicy/mailer", f"{EGRESS} ports", GONE, "reach apps-platform (app=n8n), port any"),
        (ONE, "NetworkPolicy/mailer", f"{EGRESS} ports {END}", {"protocol": "TCP", "port": 22}, "reach apps-platform (app=n8n), port 22"),
        (ONE, "NetworkPolicy/mailer", f"{EGRESS} ports 0 endPort", 6000, "reach apps-platform (app=n8n), port 5678 to 6000"),
        (ONE, "NetworkPolicy/names", f"{EGRESS} to 0 podSelector", GONE,
         "NetworkPolicy/names: it lets Job/migrate reach kube-system (all pods), port 53"),
        (ONE, "NetworkPolicy/timers", f"{EGRESS} to 0 podSelector", {}, "timers: it lets CronJob/auth-sweep reach bizosaas (all pods), port 80"),
        (ONE, "NetworkPolicy/timers", "spec podSelector", {},
         "NetworkPolicy/timers: it lets Job/migrate reach bizosaas (bizosaas/serves=true), port 80"),
        (ZERO, "NetworkPolicy/timers-to-interceptor", f"{EGRESS} ports 0 port", 9090, "component=interceptor), port 9090"),
        (ALL, "NetworkPolicy/telemetry", f"{EGRESS} ports 0 port", 4317, "telemetry: it lets SpinApp/bizosaas reach monitoring"),
    ],
    "proxies": [
        (ONE, PROXIES, "data trusted_proxy_hops", "2", "trusted_proxy_hops is 1 with Traefik"),
        (ONE, PROXIES, "data trusted_proxy_hops", "0", "trusted_proxy_hops is 1 with Traefik"),
        (SPLIT, PROXIES, "data trusted_proxy_hops", "2", "trusted_proxy_hops is 1 with Traefik"),
        (PLAIN, PROXIES, "data trusted_proxy_hops", "2", "trusted_proxy_hops is 1 with Traefik"),
        (ZERO, PROXIES, "data trusted_proxy_hops", "1", "trusted_proxy_hops is 2 with Traefik and the interceptor"),
        (ZERO, PROXIES, "data trusted_proxy_hops", "3", "trusted_proxy_hops is 2 with Traefik and the interceptor"),
        (ONE, PROXIES, "", GONE, "trusted_proxy_hops is 1 with Traefik"),
        (ONE, APP, "spec variables name=trusted_proxy_hops valueFrom configMapKeyRef name", "bizosaas-settings",
         "trusted_proxy_hops comes from bizosaas-proxies"),
        (ONE, APP, "spec variables name=trusted_proxy_hops", GONE, "trusted_proxy_hops comes from bizosaas-proxies"),
        (PLAIN, "Deployment/bizosaas", f"{CONTAINER} env name=SPIN_VARIABLE_TRUSTED_PROXY_HOPS valueFrom configMapKeyRef name", "bizosaas-settings",
         "Deployment/bizosaas: trusted_proxy_hops comes from bizosaas-proxies"),
        (ZERO, "NetworkPolicy/interceptor in keda", "spec ingress 0 from 0", GONE, "no policy of keda lets kube-system ask the interceptor"),
        (ZERO, "NetworkPolicy/interceptor in keda", "spec ingress 0 from 1", GONE, "no policy of keda lets bizosaas ask the interceptor"),
        (ZERO, "NetworkPolicy/interceptor in keda", f"spec ingress {END}", {"ports": [{"port": 8080}]},
         "the interceptor is for whom a rule names by its pods"),
    ],
    "services": [
        (ONE, "Service/crm", "", GONE, "there is no Service crm"),
        (SPLIT, "Service/crm", "spec selector", {"bizosaas/auth": "true"},
         "Service/crm: it leads to port 80 of the pods with the label bizosaas/crm"),
        (ONE, "Service/crm", "spec ports 0 targetPort", 8080, "Service/crm: it leads to port 80 of the pods with the label bizosaas/crm"),
        (ONE, "Service/crm", "spec ports 0 port", 80, "Service/crm: one port http, 8080, is wanted"),
        (ONE, "Service/crm", "metadata annotations", GONE, "Service/crm: there is no ServersTransport None"),
        (ONE, "ServersTransport/app", "", GONE, "Service/auth: there is no ServersTransport bizosaas-app@kubernetescrd"),
        (ONE, "Service/crm", "metadata name", "bizosaas", "Service/bizosaas: the operator makes one of the same name"),
        (ALL, "Service/crm-nodeport", "metadata name", "redis", "Service/redis: Kubernetes gives pods REDIS_PORT"),
        (ZERO, ROUTE, "spec rules 0 hosts crm.bizosaas.svc.cluster.local", GONE, "Service/crm: no InterceptorRoute knows its name"),
        (ZERO, "NetworkPolicy/interceptor", "", GONE, "no policy lets the interceptor in"),
        (ONE, "NetworkPolicy/requests", "spec ingress 0 from 3", GONE, "no policy lets Prometheus in"),
        (ONE, "NetworkPolicy/requests", "spec ingress 0 from 2", GONE, "no policy lets a timer in"),
        (ONE, "NetworkPolicy/requests", "spec ingress 0 from 0", GONE, "no policy lets Traefik in"),
        (ONE, "NetworkPolicy/requests", "spec policyTypes", ["Egress"], "no policy lets Traefik in"),
        (ONE, "NetworkPolicy/certificates", "", GONE, "no policy lets Traefik ask cert-manager's solver"),
    ],
    "timers": [
        (ONE, "CronJob/auth-sweep", "", GONE, "nobody asks for /internal/auth/sweep by the clock"),
        (ONE, "CronJob/auth-sweep", CALLS, there("auth", "/internal/auth/sweeps"), "no code answers POST /internal/auth/sweeps"),
        (ONE, "CronJob/auth-sweep", CALLS, there("auth", "/internal/metrics/auth"), "no code answers POST /internal/metrics/auth"),
        (ONE, "CronJob/auth-sweep", CALLS, there("crm", "/internal/auth/sweep"), "/internal/auth/sweep is a route of auth, and crm is asked"),
        (ONE, "CronJob/auth-sweep", CALLS, there("bizosaas", "/internal/auth/sweep"), "/internal/auth/sweep leads to no Service"),
        (ZERO, "CronJob/timers", CALLS, there("payments", "/internal/payments/sweep"), "nobody asks for /internal/events/dispatch by the clock"),
        (ONE, "Deployment/events-dispatch", f"{CONTAINER} args", ["curl --max-time 10"], "it gives up before the app does (--max-time above 30)"),
        (ONE, "Deployment/events-dispatch", f"{CONTAINER} args", ['curl --max-time 35 --header "authorization: Bearer $SERVICE_TOKEN" "$CALLS"'],
         "the token stands in arguments"),
        (ONE, "NetworkPolicy/timers", "", GONE, "no policy lets the timers out"),
        (ZERO, "NetworkPolicy/timers-to-interceptor", "", GONE, "no policy lets the timers out"),
    ],
    "ingress": [
        (ONE, INGRESS, f"{PATHS} path=/ pathType", "Prefix", "/ opens /internal"),
        (ONE, INGRESS, f"{PATHS} path=/ path", "/internal", "/internal opens /internal"),
        (ONE, INGRESS, f"{PATHS} path=/ path", "/.well-known/spin/info", "/.well-known/spin/info opens /.well-known/spin"),
        (ONE, INGRESS, f"{PATHS} path=/leads", GONE, "/leads of spin.toml is not reachable"),
        (ONE, INGRESS, f"{PATHS} path=/leads pathType", "Exact", "what is below /leads is not reachable: it wants Prefix"),
        (ONE, INGRESS, f"{PATHS} path=/robots.txt", GONE, "/robots.txt of the web component is not reachable"),
        (ONE, INGRESS, f"{PATHS} path=/leads backend service name", "auth", "/leads is a route of crm, and leads to auth"),
        (ONE, INGRESS, f"{PATHS} path=/ backend service name", "other", "there is no service other"),
        (ONE, INGRESS, f"{PATHS} path=/ backend service port", {"name": "https"}, "the service web has no such port"),
        (ONE, INGRESS, f"{PATHS} path=/ pathType", "ImplementationSpecific", "what / opens is for Traefik to say with ImplementationSpecific"),
        (ONE, INGRESS, "spec defaultBackend", {"service": {"name": "web", "port": {"name": "http"}}}, "a default backend opens whatever no path names"),
        (ONE, INGRESS, "spec tls", GONE, f"{HOST} with TLS is not the public_origin {ORIGIN}"),
        (ONE, SETTINGS, "data public_origin", "https://else.example.com", f"{HOST} with TLS is not the public_origin https://else.example.com"),
        (ONE, "ClusterIssuer/letsencrypt", "", GONE, "there is no ClusterIssuer letsencrypt"),
        (ONE, "Middleware/body-limit", "", GONE, "there is no Middleware bizosaas-body-limit@kubernetescrd"),
        (ONE, "Middleware/body-limit", "spec buffering maxRequestBodyBytes", 2 << 20, "bodies are limited to [2097152], the app's limit is 1048576"),
        (ONE, INGRESS, "metadata annotations traefik.ingress.kubernetes.io/router.middlewares", GONE, "bodies are limited to [], the app's limit is"),
        (ONE, "Middleware/strip-headers", "spec headers customRequestHeaders spin-client-addr", GONE, "spin-client-addr is not stripped"),
        (ONE, "ServersTransport/app", "spec forwardingTimeouts responseHeaderTimeout", "30s", "responseHeaderTimeout above the app's 30 s is wanted"),
        (ZERO, "ServersTransport/app", "spec forwardingTimeouts responseHeaderTimeout", "35s",
         "responseHeaderTimeout above the request of InterceptorRoute"),
        (ZERO, ROUTE, "spec timeouts readiness", GONE, "readiness, request and responseHeader are wanted"),
        (ZERO, ROUTE, "spec timeouts responseHeader", "20s", "InterceptorRoute/bizosaas: it gives up before the app does"),
        (ZERO, ROUTE, "spec timeouts request", "40s", "InterceptorRoute/bizosaas: it gives up before the app does"),
        (ZERO, ROUTE, f"spec rules 0 hosts {HOST}", GONE, f"InterceptorRoute/bizosaas does not know {HOST}"),
        (ZERO, ROUTE, "spec target service", "crm", "its target is port 80 of a SpinApp"),
    ],
    "neighbours": [
        (ALL, SETTINGS, "data db_port", "5433", "db_host and db_port are postgres-pgvector.apps-platform.svc.cluster.local:5433, and no Service"),
        (ALL, "Service/postgres-pgvector", "metadata name", "postgres", "svc.cluster.local:5432, and no Service is there"),
        (ALL, "Service/dragonfly-cache", "spec selector", {"app": "redis"}, "Service/dragonfly-cache leads to no pod"),
        (ALL, "NetworkPolicy/database", f"{EGRESS} to 0 podSelector matchLabels app", "postgres",
         "database does not know the labels of Service/postgres-pgvector"),
        (ALL, "NetworkPolicy/store", "", GONE, "Service/dragonfly-cache: no policy of its own lets bizosaas in"),
        (ALL, "NetworkPolicy/postgres", "spec policyTypes", ["Ingress"], "NetworkPolicy/postgres: what keeps data reaches nobody"),
        (ALL, "NetworkPolicy/store", "spec egress", [{}], "NetworkPolicy/store: what keeps data reaches nobody"),
        (ALL, "Certificate/postgres", "spec dnsNames", ["postgres"], "no Certificate is for postgres-pgvector.apps-platform.svc.cluster.local"),
        (ALL, "Certificate/postgres", "spec secretName", "other", "nobody makes the Secret postgres-tls"),
        (ALL, "StatefulSet/postgres-pgvector", f"{CONTAINER} args ssl=on", GONE, "StatefulSet/postgres-pgvector: ssl=on is wanted"),
        (ALL, "ConfigMap/postgres-access", "data pg_hba.conf", "host all all all md5", "`host all all all md5` lets in without TLS"),
    ],
    "images": [
        (ONE, APP, "spec image", "registry.example.com/bizosaas/app:latest", "bizosaas/app:latest is not named by its digest"),
        (SPLIT, CRM, "spec image", "registry.example.com/bizosaas/app@sha256:" + "1" * 64, "the SpinApps are of 2 images"),
    ],
    "memory": [
        (ONE, APP, "spec resources", GONE, "SpinApp/bizosaas: a memory request and limit are wanted"),
        (ONE, APP, "spec resources requests memory", "1Gi", "SpinApp/bizosaas: the memory request is above the limit"),
        (ONE, APP, "spec resources limits memory", "128Mi", "SpinApp/bizosaas: an instance may take more than the limit of the pod"),
        (ONE, APP, "spec invocationLimits memory", "64Mi", "SpinApp/bizosaas: 160Mi for an instance, or more, are wanted"),
        (PLAIN, "Deployment/bizosaas", f"{CONTAINER} env name=SPIN_MAX_INSTANCE_MEMORY value", "1000000",
         "Deployment/bizosaas: 160Mi for an instance"),
        (PLAIN, "Deployment/bizosaas", f"{CONTAINER} resources limits memory", "128Mi", "Deployment/bizosaas: an instance may take more"),
    ],
    "replicas": [
        (ONE, APP, "spec replicas", 1, "SpinApp/bizosaas: replicas or enableAutoscaling, one of them"),
        (ONE, APP, "spec enableAutoscaling", GONE, "SpinApp/bizosaas: replicas or enableAutoscaling, one of them"),
        (ZERO, SCALED, "spec triggers 0 metadata interceptorRoute", "other", "ScaledObject/bizosaas: it follows no InterceptorRoute"),
        (ZERO, SCALED, "spec scaleTargetRef kind", "SpinApp", "bizosaas is no Deployment of a SpinApp with enableAutoscaling"),
        (ZERO, APP, "spec enableAutoscaling", False, "bizosaas is no Deployment of a SpinApp with enableAutoscaling"),
        (SPLIT, "HorizontalPodAutoscaler/bizosaas-auth", "spec scaleTargetRef name", "auth",
         "auth is no Deployment of a SpinApp with enableAutoscaling"),
        (SPLIT, "HorizontalPodAutoscaler/bizosaas-auth", "spec minReplicas", 1, "with one replica it blocks every drain"),
    ],
    "connections": [
        (ONE, "Secret/bizosaas-runtime-config", POOL, "", "SpinApp/bizosaas: a runtime configuration with max_connections is wanted"),
        (ONE, "Secret/bizosaas-runtime-config", POOL, "[outbound_pg]\nmax_connections = 90", "all pods together hold up to 180 connections"),
        (SPLIT, CRM, "spec runtimeConfig", GONE, "SpinApp/bizosaas-crm: a runtime configuration with max_connections is wanted"),
        (SPLIT, "HorizontalPodAutoscaler/bizosaas-auth", "spec maxReplicas", 5, "all pods together hold up to 96 connections"),
        (PLAIN, "Deployment/bizosaas", "spec replicas", 4, "all pods together hold up to 100 connections"),
    ],
    "containers": [
        (ONE, "Job/migrate", f"{POD} spec automountServiceAccountToken", GONE, "Job/migrate: automountServiceAccountToken: false is wanted"),
        (ONE, "CronJob/backup", f"{CRON_POD} spec securityContext", GONE, "CronJob/backup: runAsNonRoot is wanted"),
        (PLAIN, "Deployment/bizosaas", f"{CONTAINER} securityContext", GONE, "Deployment/bizosaas: a root that the shim can write to, without privilege"),
        (PLAIN, "Deployment/bizosaas", f"{CONTAINER} securityContext readOnlyRootFilesystem", True, "Deployment/bizosaas: a root that the shim can write to"),
        (ALL, "StatefulSet/postgres-pgvector", f"{CONTAINER} securityContext readOnlyRootFilesystem", GONE, "postgres-pgvector: a read-only root"),
        (ONE, "Job/migrate", f"{CONTAINER} resources", GONE, "Job/migrate: a memory limit is wanted"),
        (ONE, "ServiceAccount/bizosaas", "automountServiceAccountToken", GONE, "SpinApp/bizosaas: a ServiceAccount without a token is wanted"),
        (ALL, "Deployment/dragonfly-cache", f"{CONTAINER} args", ["--requirepass", "$(PASSWORD)"], "PASSWORD stands in arguments"),
    ],
    "probes": [
        (ONE, APP, "spec checks readiness httpGet path", "/auth/readyz", "SpinApp/bizosaas: probes ask /.well-known/spin/health"),
        (ONE, APP, "spec checks", GONE, "SpinApp/bizosaas: readiness and liveness are wanted"),
        (PLAIN, "Deployment/bizosaas", f"{CONTAINER} livenessProbe", GONE, "Deployment/bizosaas: readiness and liveness are wanted"),
        (ONE, APP, "spec checks liveness initialDelaySeconds", 60, "SpinApp/bizosaas: a start may take 180 s"),
        (PLAIN, "Deployment/bizosaas", f"{CONTAINER} startupProbe", GONE, "Deployment/bizosaas: a start may take 180 s"),
    ],
}
