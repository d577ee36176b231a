"""Each rule finds what it is there for: the manifests as they stand pass, and a copy with one thing broken does not."""

import copy
import unittest

import make_secrets
import validate


def documents(folder):
    return copy.deepcopy(validate.read("base") + validate.read(folder))


def pick(all_of_them, kind, name):
    return next(document for _, document in all_of_them if document["kind"] == kind and document["metadata"]["name"] == name)


def bound(app, name):
    return next(variable for variable in app["spec"]["variables"] if variable["name"] == name)


def each_break():
    """Rule, folder, and what breaks it."""
    app = lambda all_of_them: pick(all_of_them, "SpinApp", "bizosaas")
    single = "single-node"
    yield "schemas", single, lambda d: app(d)["spec"].update(replica=1)
    yield "schemas", single, lambda d: app(d)["spec"].pop("image")
    yield "schemas", single, lambda d: pick(d, "Job", "migrate")["spec"].update(backofLimit=1)
    yield "schemas", single, lambda d: d.append(("x.yaml", {"kind": "Spinapp", "apiVersion": "v1", "metadata": {"name": "x", "namespace": "bizosaas"}}))
    yield "namespaces", single, lambda d: app(d)["metadata"].update(namespace="default")
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
    yield "variables", "plain", lambda d: pick(d, "Deployment", "bizosaas")["spec"]["template"]["spec"]["containers"][0]["env"].pop()
    yield "components", "split", lambda d: d.remove(next(each for each in d if each[1]["metadata"]["name"] == "bizosaas-web"))
    yield "components", "split", lambda d: pick(d, "SpinApp", "bizosaas-web")["spec"].update(components=["crm"])
    yield "hosts", single, lambda d: pick(d, "ConfigMap", "bizosaas-settings")["data"].update(db_host="postgres")
    yield "hosts", single, lambda d: pick(d, "ConfigMap", "bizosaas-settings")["data"].update(notify_origin="http://n8n.elsewhere.svc.cluster.local:5678")
    yield "hosts", single, lambda d: pick(d, "NetworkPolicy", "gateways")["spec"].update(egress=[])
    yield "hosts", "split", lambda d: pick(d, "SpinApp", "bizosaas-payments")["spec"]["podLabels"].pop("bizosaas/gateways")
    yield "images", single, lambda d: app(d)["spec"].update(image="registry.example.com/bizosaas/app:latest")
    yield "memory", single, lambda d: app(d)["spec"]["invocationLimits"].update(memory="64Mi")
    yield "memory", single, lambda d: app(d)["spec"]["resources"]["limits"].update(memory="128Mi")
    yield "memory", single, lambda d: app(d)["spec"].pop("resources")
    yield "replicas", single, lambda d: app(d)["spec"].update(enableAutoscaling=True)
    yield "replicas", single, lambda d: pick(d, "SpinApp", "bizosaas")["spec"].pop("replicas")
    yield "replicas", "split", lambda d: pick(d, "HorizontalPodAutoscaler", "bizosaas-auth")["spec"]["scaleTargetRef"].update(name="auth")
    yield "replicas", "split", lambda d: pick(d, "HorizontalPodAutoscaler", "bizosaas-auth")["spec"].update(minReplicas=1)
    yield "containers", single, lambda d: pick(d, "Job", "migrate")["spec"]["template"]["spec"].pop("automountServiceAccountToken")
    yield "containers", single, lambda d: pick(d, "CronJob", "backup")["spec"]["jobTemplate"]["spec"]["template"]["spec"].pop("securityContext")
    yield "containers", "plain", lambda d: pick(d, "Deployment", "bizosaas")["spec"]["template"]["spec"]["containers"][0].pop("securityContext")
    yield "containers", single, lambda d: pick(d, "Job", "migrate")["spec"]["template"]["spec"]["containers"][0].pop("resources")
    yield "probes", single, lambda d: app(d)["spec"]["checks"]["readiness"]["httpGet"].update(path="/auth/readyz")
    yield "probes", single, lambda d: app(d)["spec"].pop("checks")
    paths = lambda d: pick(d, "Ingress", "bizosaas")["spec"]["rules"][0]["http"]["paths"]
    yield "ingress", single, lambda d: paths(d)[0].update(pathType="Prefix")
    yield "ingress", single, lambda d: paths(d)[0].update(path="/internal")
    yield "ingress", single, lambda d: paths(d)[0].update(path="/.well-known/spin/info")
    yield "ingress", single, lambda d: paths(d).remove(next(path for path in paths(d) if path["path"] == "/leads"))
    yield "ingress", single, lambda d: paths(d)[0]["backend"]["service"].update(name="other")
    yield "ingress", single, lambda d: pick(d, "Ingress", "bizosaas")["metadata"]["annotations"].pop("traefik.ingress.kubernetes.io/router.middlewares")
    yield "ingress", single, lambda d: pick(d, "Middleware", "strip-headers")["spec"]["headers"]["customRequestHeaders"].pop("spin-client-addr")


class Rules(unittest.TestCase):
    def test_what_stands_here_passes(self):
        for folder in validate.FOLDERS:
            self.assertEqual(list(validate.findings(documents(folder))), [], folder)

    def test_each_rule_finds_what_it_is_there_for(self):
        tried = set()
        for number, (rule, folder, break_it) in enumerate(each_break()):
            with self.subTest(number=number, rule=rule):
                broken = documents(folder)
                break_it(broken)
                self.assertIn(rule, [found for found, _, _ in validate.findings(broken)])
                tried.add(rule)
        self.assertEqual(tried, {rule.__name__ for rule in validate.RULES})

    def test_a_release_has_no_placeholders(self):
        found = [rule for rule, _, _ in validate.findings(documents("single-node"), release=True)]
        self.assertEqual(set(found), {"images"})

    def test_secrets_are_made_of_an_env_file(self):
        lines = [f"SPIN_VARIABLE_{key.upper()}='value of {key}'" for keys in validate.SECRETS.values() for key in keys]
        lines += ["BIZO_OWNER_URL='postgres://owner'", "BIZO_BACKUP_URL='postgres://backup'"]
        secrets = make_secrets.secrets("\n".join(lines))
        self.assertEqual({secret["metadata"]["name"]: sorted(secret["stringData"]) for secret in secrets},
                         {name: sorted(keys) for name, keys in validate.SECRETS.items()})
        self.assertEqual(secrets[0]["stringData"]["redis_password"], "value of redis_password")
        with self.assertRaisesRegex(SystemExit, "REFRESH_SECRET"):
            make_secrets.secrets("\n".join(line for line in lines if "REFRESH" not in line))


if __name__ == "__main__":
    unittest.main()
