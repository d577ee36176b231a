"""Checks deploy/ without a cluster: schemas, and the rules that no schema knows.

`validate.py` accepts digests that are placeholders, as they stand in the repository; `validate.py --release` refuses them. With `--crds FILE`
(`kubectl get crd -o yaml > FILE`) the kinds of others are held against a cluster's own schemas, too.

Each rule is a function that yields findings, a file and what is wrong there. RULES lists those on the manifests that are applied together; they are
called with all of them (manifests.py reads these), whether it is a release, and the further schemas. The rules on the files for Prometheus, Grafana
and the operator are listed in observed.py. What the code says, project.py reads. broken_copies.py has something broken for each rule, and
test_validate.py sees that it is found.
"""

import argparse
import pathlib
import sys

import observed
from manifests import DEPLOY, SETS, read_set
from neighbours import neighbours
from network import askers, egress, hosts, labels
from placement import components, namespaces, once
from pods import connections, containers, images, memory, probes, replicas
from schemas import of_crds, schemas
from traffic import ingress, proxies, services, timers
from variables import variables

RULES = [
    schemas,
    *[once, namespaces, components],
    variables,
    *[labels, hosts, egress, askers],
    *[proxies, services, timers, ingress],
    neighbours,
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
    for way in SETS:
        for rule, file, what in findings(read_set(way), arguments.release, more):
            found.add(f"deploy/{file or way}: {what} [{rule}]")
    for rule, file, what in observed.findings(observed.read(DEPLOY, SETS)):
        found.add(f"{file}: {what} [{rule}]")
    if found:
        print("\n".join(sorted(found)))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
