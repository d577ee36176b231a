"""The same table as broken_copies.py for the rules of observed.py: the file as observed.read names it, the place, what is put there, the words."""

from broken_copies import END, GONE, Replace

SWEEP = "groups 0 rules alert=BizosaasPaymentsSweepStands"
DUE, OLDEST = "what-waits.json panels id=2", "what-waits.json panels id=3"
LAST_ERRORS = "requests.json panels id=9 targets 0 expr"
JOB, ENDPOINT = "scrape_configs 0", "spec endpoints 0"

BROKEN = {
    "alerts": [
        ("alerts", f"{SWEEP} labels", GONE, "BizosaasPaymentsSweepStands: severity is one of page, ticket"),
        ("alerts", f"{SWEEP} labels severity", "warning", "BizosaasPaymentsSweepStands: severity is one of page, ticket"),
        ("alerts", f"{SWEEP} annotations action", GONE, "BizosaasPaymentsSweepStands: action is wanted"),
        ("alerts", f"{SWEEP} annotations summary", "", "BizosaasPaymentsSweepStands: summary is wanted"),
        ("alerts", f"{SWEEP} alert", "BizosaasNotScraped", "`BizosaasNotScraped`: a name of its own"),
        ("alerts", f"{SWEEP} alert", "SweepStands", "`SweepStands`: a name of its own that begins with Bizosaas is wanted"),
    ],
    "metrics": [
        ("alerts", f"{SWEEP} expr", "bizo_payments_overdue > 1", "BizosaasPaymentsSweepStands: nobody exports bizo_payments_overdue"),
        ("alerts", f"{SWEEP} expr", "max(bizo_payments_due > 1", "brackets are not closed in max(bizo_payments_due > 1"),
        ("dashboards", f"{DUE} targets 0 expr", "max(bizo_payments_overdue)",
         "Payments due for a look: nobody exports bizo_payments_overdue"),
        ("dashboards", "what-waits.json panels id=20 targets", [], "bizo_auth_sessions is on no dashboard and in no alert"),
        ("metrics", "", Replace("`bizo_auth_users`", ""), "bizo_auth_users is not explained"),
        ("metrics", "", Replace("`bizo_auth_users`", "`bizo_auth_users` `bizo_auth_moods`"), "bizo_auth_moods is not exported"),
    ],
    "dashboards": [
        ("dashboards", f"{OLDEST} id", 2, "The oldest of them: the id 2 is not its own"),
        ("dashboards", f"{OLDEST} gridPos x", 0, "The oldest of them: it lies over Payments due for a look"),
        ("dashboards", f"{OLDEST} gridPos w", 30, "The oldest of them: it does not fit into 24 columns"),
        ("dashboards", f"{DUE} description", GONE, "Payments due for a look: a description that says where it comes from"),
        ("dashboards", f"{DUE} targets 0 datasource uid", "P1809F7CD0C75ACF3", "Payments due for a look: its data source is no variable"),
        ("dashboards", "what-waits.json templating list", [], "Payments due for a look: its data source is no variable"),
        ("dashboards", f"{DUE} targets {END}", {"refId": "A", "datasource": {"uid": "${prometheus}", "type": "prometheus"}},
         "its queries share a refId"),
        ("dashboards", "what-waits.json schemaVersion", 16, "a title, schemaVersion 42 and no id are wanted"),
        ("dashboards", "what-waits.json uid", "bizosaas-requests", "the uid bizosaas-requests is not its own"),
        ("dashboards", LAST_ERRORS, '{namespace="bizosaas"} | json | path = "/"', "The last errors: docs/logging.md has no field path"),
        ("dashboards", LAST_ERRORS, 'sum(rate({namespace="bizosaas"} | json [5m])', "The last errors: brackets are not closed"),
    ],
    "scrapers": [
        ("scrape", f"{JOB} static_configs 2", GONE, "the job bizosaas for auth, events, payments is wanted"),
        ("scrape", f"{JOB} static_configs 0 targets", ["auth.bizosaas:80"], "auth is not at auth.bizosaas:80"),
        ("scrape", f"{JOB} relabel_configs 0 replacement", "/metrics", "no path, or a wrong one, for auth"),
        ("services", "0 metadata labels bizosaas/metrics", GONE, "Service/auth: bizosaas/metrics is None"),
        ("monitor", f"{ENDPOINT} relabelings 2", GONE, "the port http, and the job, component and path of scrape.yaml are wanted"),
        ("monitor", f"{ENDPOINT} authorization credentials key", "token", "the service token of bizosaas-shared is wanted"),
    ],
    "runbook": [
        ("runbook", "", Replace("| `BizosaasMailStands`", "| mail"), "BizosaasMailStands has no row"),
        ("runbook", "", Replace("| `BizosaasMailStands`", "| `BizosaasGone` |\n| `BizosaasMailStands`"), "BizosaasGone is no alert"),
        ("runbook", "", Replace("-f deploy/base/always-on -f deploy/split", "-f deploy/split"), "-f deploy/split` for split is wanted"),
        ("folders", END, "overlays", "nothing is said of the folder overlays"),
    ],
}
