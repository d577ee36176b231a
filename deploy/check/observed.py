"""Rules on what an operator looks at: alerts, dashboards, scrapers, the runbook."""

import json
import re

import yaml

import project

# What others export: Spin by OpenTelemetry (crates/trigger-http, factors-executor and connection-semaphore of its source), Prometheus itself,
# kube-state-metrics, cert-manager.
OTHERS = {
    "spin_request_count_total",
    *["spin_component_memory_used_sum", "spin_component_memory_used_count"],
    *["outbound_connection_permits_acquired_total", "outbound_connection_permits_rejected_total"],
    "up",
    *["kube_cronjob_status_last_successful_time", "kube_cronjob_created"],
    "certmanager_certificate_expiration_timestamp_seconds",
}
PROMQL_WORDS = {"by", "without", "on", "ignoring", "and", "or", "unless", "offset", "bool", "group_left", "group_right"}
SEVERITIES = {"page", "ticket"}
# Grafana's classic form; a later Grafana brings it up to date itself.
SCHEMA_VERSION = 42
COLUMNS = 24


def read(deploy, sets):
    """The files as the rules take them."""
    folder = deploy / "observability"
    return {
        "alerts": yaml.safe_load((folder / "alerts.yaml").read_text()),
        "scrape": yaml.safe_load((folder / "scrape.yaml").read_text()),
        "monitor": yaml.safe_load((folder / "operator" / "service-monitor.yaml").read_text()),
        "services": yaml.safe_load((deploy / "base" / "always-on" / "services.yaml").read_text())["items"],
        "dashboards": {file.name: json.loads(file.read_text()) for file in sorted((folder / "dashboards").glob("*.json"))},
        "runbook": (deploy / "README.md").read_text(),
        "metrics": project.text("docs/metrics.md"),
        "sets": sets,
        "folders": sorted(each.name for each in deploy.iterdir() if each.is_dir()),
    }


def balanced(expression):
    """Whether all brackets are closed; texts in quotes do not count."""
    opened = []
    for letter in re.sub(r'"(?:[^"\\]|\\.)*"', "", expression):
        if letter in "([{":
            opened.append(letter)
        elif letter in ")]}" and (not opened or opened.pop() + letter not in ("()", "[]", "{}")):
            return False
    return not opened


def metrics_of(expression):
    """The metrics that a PromQL expression names."""
    bare = re.sub(r'"(?:[^"\\]|\\.)*"', "", expression)
    bare = re.sub(r"\{[^}]*\}|\[[^\]]*\]", "", bare)
    bare = re.sub(r"\b(by|without|on|ignoring)\s*\([^)]*\)", "", bare)
    words = re.findall(r"(?<![\w$.])([A-Za-z_:][\w:]*)(?!\w)(?!\s*\()", bare)
    return {word for word in words if word not in PROMQL_WORDS}


def fields_of(expression):
    """The fields of the log that a LogQL expression names."""
    bare = re.sub(r"^.*?\{[^}]*\}", "", expression, count=1)
    groups = re.findall(r"\bby \(([^)]*)\)", expression)
    found = {each.strip() for group in groups for each in group.split(",")}
    found |= set(re.findall(r"\bunwrap (\w+)", bare))
    return found | set(re.findall(r"\| (\w+) *(?:=|!=|=~|!~|>|<)", bare))


def rules(files):
    return [rule for group in files["alerts"]["groups"] for rule in group["rules"]]


def panels(files):
    for file, board in files["dashboards"].items():
        for panel in board["panels"]:
            yield f"deploy/observability/dashboards/{file}", panel


def expressions(files):
    """All of PromQL: file, where, expression."""
    for rule in rules(files):
        yield "deploy/observability/alerts.yaml", rule.get("alert"), str(rule.get("expr", ""))
    for file, panel in panels(files):
        for target in panel.get("targets", []):
            if target["datasource"]["type"] == "prometheus":
                yield file, panel["title"], target["expr"]


def alerts(files):
    """Each alert says what is wrong, what to do, and whether somebody must get up for it."""
    where = "deploy/observability/alerts.yaml"
    seen = set()
    for rule in rules(files):
        alert = rule.get("alert", "")
        if not re.fullmatch(r"Bizosaas\w+", alert) or alert in seen:
            yield where, f"`{alert}`: a name of its own that begins with Bizosaas is wanted"
        seen.add(alert)
        for wanted in ["summary", "action"]:
            if not rule.get("annotations", {}).get(wanted):
                yield where, f"{alert}: {wanted} is wanted"
        if rule.get("labels", {}).get("severity") not in SEVERITIES:
            yield where, f"{alert}: severity is one of {', '.join(sorted(SEVERITIES))}"


def metrics(files):
    """Whatever is asked for is exported, and whatever is exported is looked at and explained."""
    ours = set(project.metrics())
    used = set()
    for file, where, expression in expressions(files):
        if not balanced(expression):
            yield file, f"{where}: brackets are not closed in {expression}"
        for metric in metrics_of(expression):
            used.add(metric)
            if metric not in ours | OTHERS:
                yield file, f"{where}: nobody exports {metric}"
    for metric in sorted(ours - used):
        yield "deploy/observability", f"{metric} is on no dashboard and in no alert"
    explained = set(re.findall(r"`(bizo_\w+)", files["metrics"]))
    for metric in sorted(explained ^ ours):
        yield "docs/metrics.md", f"{metric} is {'not exported' if metric in explained else 'not explained'}"


def dashboards(files):
    """Grafana can draw it: ids, places, data sources, and queries on what the log has."""
    known = project.log_fields()
    for file, board in files["dashboards"].items():
        where = f"deploy/observability/dashboards/{file}"
        if board.get("schemaVersion") != SCHEMA_VERSION or not board.get("title") or board.get("id") is not None:
            yield where, f"a title, schemaVersion {SCHEMA_VERSION} and no id are wanted"
        if [other["uid"] for other in files["dashboards"].values()].count(board.get("uid")) != 1:
            yield where, f"the uid {board.get('uid')} is not its own"
        sources = {each["name"]: each["query"] for each in board["templating"]["list"] if each["type"] == "datasource"}
        ids, taken = set(), {}
        for panel in board["panels"]:
            title = panel.get("title")
            if panel.get("id") in ids or not isinstance(panel.get("id"), int):
                yield where, f"{title}: the id {panel.get('id')} is not its own"
            ids.add(panel.get("id"))
            place = panel["gridPos"]
            if place["x"] + place["w"] > COLUMNS or min(place["w"], place["h"]) < 1:
                yield where, f"{title}: it does not fit into {COLUMNS} columns"
            for x in range(place["x"], place["x"] + place["w"]):
                for y in range(place["y"], place["y"] + place["h"]):
                    if (x, y) in taken:
                        yield where, f"{title}: it lies over {taken[x, y]}"
                        break
                    taken[x, y] = title
                else:
                    continue
                break
            if panel["type"] == "row":
                continue
            if not panel.get("description") or not panel.get("targets"):
                yield where, f"{title}: a description that says where it comes from, and a query, are wanted"
            letters = [target.get("refId") for target in panel.get("targets", [])]
            if len(set(letters)) != len(letters):
                yield where, f"{title}: its queries share a refId"
            for target in panel.get("targets", []):
                source = target.get("datasource", {})
                variable = re.fullmatch(r"\$\{(\w+)\}", source.get("uid", ""))
                if not variable or sources.get(variable[1]) != source.get("type"):
                    yield where, f"{title}: its data source is no variable of the dashboard"
                if source.get("type") == "loki":
                    if not balanced(target["expr"]):
                        yield where, f"{title}: brackets are not closed in {target['expr']}"
                    for field in sorted(fields_of(target["expr"]) - known):
                        yield where, f"{title}: docs/logging.md has no field {field}"


def scrapers(files):
    """Each component that exports metrics is asked for its own, with the operator of Prometheus and without."""
    wanted = set(project.metrics().values())
    where = "deploy/observability/scrape.yaml"
    for job in files["scrape"]["scrape_configs"]:
        found = set()
        for each in job["static_configs"]:
            component = each["labels"]["component"]
            found.add(component)
            if each["targets"] != [f"{component}.bizosaas.svc.cluster.local:8080"]:
                yield where, f"{component} is not at {', '.join(each['targets'])}"
        if found != wanted or job["job_name"] != "bizosaas":
            yield where, f"the job bizosaas for {', '.join(sorted(wanted))} is wanted"
        paths = [each["replacement"] for each in job["relabel_configs"] if each["target_label"] == "__metrics_path__"]
        for component in found:
            if [path.replace("$1", component) for path in paths] != [f"/internal/metrics/{component}"]:
                yield where, f"no path, or a wrong one, for {component}"
    labelled = {each["metadata"]["name"]: each["metadata"]["labels"].get("bizosaas/metrics") for each in files["services"]}
    for component, label in labelled.items():
        if label != (component if component in wanted else None):
            yield "deploy/base/always-on/services.yaml", f"Service/{component}: bizosaas/metrics is {label}"
    where = "deploy/observability/operator/service-monitor.yaml"
    for endpoint in files["monitor"]["spec"]["endpoints"]:
        given = {each["targetLabel"]: each.get("replacement", "$1") for each in endpoint["relabelings"]}
        if given != {"job": "bizosaas", "component": "$1", "__metrics_path__": "/internal/metrics/$1"} or endpoint["port"] != "http":
            yield where, "the port http, and the job, component and path of scrape.yaml are wanted"
        if endpoint["authorization"]["credentials"] != {"name": "bizosaas-shared", "key": "service_token"}:
            yield where, "the service token of bizosaas-shared is wanted"


def runbook(files):
    """The runbook says what every alert means, how each way to deploy is applied, and what each folder is."""
    where, text = "deploy/README.md", files["runbook"]
    rows = set(re.findall(r"^\| `(Bizosaas\w+)`", text, re.MULTILINE))
    known = {rule.get("alert") for rule in rules(files)}
    for alert in sorted(known ^ rows, key=str):
        yield where, f"{alert} {'has no row' if alert in known else 'is no alert'}"
    for each, folders in files["sets"].items():
        command = " ".join(f"-f deploy/{folder}" for folder in folders)
        if each != "everything" and command not in text:
            yield where, f"`{command}` for {each} is wanted"
    for folder in files["folders"]:
        if f"`{folder}`" not in text:
            yield where, f"nothing is said of the folder {folder}"


RULES = [alerts, metrics, dashboards, scrapers, runbook]


def findings(files):
    for rule in RULES:
        for file, what in rule(files):
            yield rule.__name__, file, what
