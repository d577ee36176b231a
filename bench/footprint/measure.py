"""Measures cold start, CPU time until the first answer, and idle memory; `run` starts this, README.md explains it.

Only the standard library is imported: what this process shares with the services would make them look smaller.
"""

import argparse
import http.client
import json
import os
import platform
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from urllib.parse import quote, urlsplit

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
POLL_SECONDS = 0.002
START_LIMIT_SECONDS = 180
IDLE_SECONDS = 5
COMPONENTS = ("auth", "payments", "crm", "events", "web")
# Those that take the place of a service each; deployed apart, each has a host of its own.
APART = ("auth", "payments", "crm")
# After the short use: so many altogether, from so many clients at once.
REQUESTS = 1000
CLIENTS = 8
PASSWORD = "correct horse battery staple"
# Settings of a shell that would reach one side or the other.
UNWANTED = ("SPIN_", "BIZO_OWNER_URL", "DATABASE_URL", "REDIS_URL", "PYTHON", "DISABLE_WASMTIME_CACHE")


@dataclass
class Program:
    """Something to start, and where it is first asked; `parts` are asked one after the other."""

    name: str
    command: list[str]
    folder: Path
    environment: dict[str, str]
    port: int
    parts: list[str]


@dataclass
class Samples:
    """What was measured of one thing, by quantity."""

    values: dict[str, list[float]] = field(default_factory=dict)

    def add(self, **quantities: float) -> None:
        for name, value in quantities.items():
            self.values.setdefault(name, []).append(value)

    def summary(self) -> dict:
        return {
            name: {
                "median": round(median(values), 2),
                "min": round(min(values), 2),
                "max": round(max(values), 2),
                "values": [round(value, 2) for value in values],
            }
            for name, values in self.values.items()
        }


# --- processes ----------------------------------------------------------------------------------------------------


def tree(root: int) -> list[int]:
    """A process and everything below it."""
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(stat.read_text().rpartition(")")[2].split()[1])
        except (FileNotFoundError, ProcessLookupError):
            continue
        children.setdefault(parent, []).append(int(stat.parent.name))
    found = [root]
    for process in found:
        found.extend(children.get(process, []))
    return found


def cpu_ms(roots: list[int]) -> float:
    """User and system time that the processes have used so far, ended threads included."""
    processes = [process for root in roots for process in tree(root)]
    # The kernel's id of another process's CPU clock: see clock_getcpuclockid(3).
    return sum(time.clock_gettime_ns((~process << 3) | 2) for process in processes) / 1e6


def memory_mib(root: int) -> dict[str, float]:
    """Proportional set size, in which what is shared is divided among those who share it; and of the greatest process what
    is resident, which is what a container of its own is charged for."""
    wanted = {"Pss": "pss", "Pss_Anon": "anonymous", "Pss_File": "file"}
    result = dict.fromkeys([*wanted.values(), "resident"], 0.0)
    for process in tree(root):
        for line in Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()[1:]:
            name, value, _unit = line.split()
            if name.rstrip(":") in wanted:
                result[wanted[name.rstrip(":")]] += int(value) / 1024
            if name == "Rss:":
                result["resident"] = max(result["resident"], int(value) / 1024)
    return result


@contextmanager
def started(programs: list[Program], log: Path):
    """The programs' processes, started at once and ended afterwards; gives the moment before the first start."""
    processes: list[subprocess.Popen] = []
    try:
        with log.open("ab") as output:
            start = time.monotonic_ns()
            for program in programs:
                processes.append(
                    subprocess.Popen(
                        program.command,
                        cwd=program.folder,
                        env=program.environment,
                        stdin=subprocess.DEVNULL,
                        stdout=output,
                        stderr=output,
                        start_new_session=True,
                    )
                )
        yield start, [process.pid for process in processes]
    finally:
        for process in processes:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGTERM)
        for process in processes:
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


# --- requests -----------------------------------------------------------------------------------------------------


def answers(port: int, path: str) -> bool:
    request = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n".encode()
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=START_LIMIT_SECONDS) as connection:
            connection.sendall(request)
            return connection.recv(4096).split(b" ", 2)[1:2] == [b"200"]
    except OSError:
        return False


def wait_until(ready, what: str) -> int:
    """Asks every 2 ms; gives the moment of the first yes."""
    begin = time.monotonic()
    while not ready():
        if time.monotonic() - begin > START_LIMIT_SECONDS:
            sys.exit(f"footprint: no answer within {START_LIMIT_SECONDS} s: {what}")
        time.sleep(POLL_SECONDS)
    return time.monotonic_ns()


def listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def ask(port: int, method: str, path: str, wanted: int, *, body=None, form: str = "", token: str = "", **headers: str):
    """One request on a connection of its own; an answer with another status ends the run."""
    content, kind = None, ""
    if body is not None:
        content, kind = json.dumps(body), "application/json"
    elif form:
        content, kind = form, "application/x-www-form-urlencoded"
    headers |= {"Content-Type": kind} if kind else {}
    headers |= {"Authorization": f"Bearer {token}"} if token else {}
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request(method, path, content, headers)
        answer = connection.getresponse()
        text = answer.read()
    finally:
        connection.close()
    if answer.status != wanted:
        sys.exit(f"footprint: {method} {path} on port {port} answered {answer.status}: {text.decode()[:500]}")
    return json.loads(text) if text.startswith((b"{", b"[")) else None


@dataclass
class Side:
    """Where auth, payments and crm of one side are, and what a payment is there."""

    auth: int
    payments: int
    crm: int
    new_payment: dict


OUR_PAYMENT = {"gateway": "test", "amount": 1250, "currency": "EUR"}
THEIR_PAYMENT = {"gateway": "payu", "amount": "12.50", "currency": "INR"}


def pay(side: Side, token: str) -> None:
    key = {"Idempotency-Key": secrets.token_hex(8)}
    ask(side.payments, "POST", "/payments", 201, body=side.new_payment, token=token, **key)


def use(side: Side) -> str:
    """A short use of the app, 48 requests, the same for both sides; gives the token."""
    auth, payments, crm = side.auth, side.payments, side.crm
    email = f"{secrets.token_hex(8)}@example.com"
    ask(auth, "POST", "/auth/register", 201, body={"email": email, "password": PASSWORD})
    form = f"username={quote(email)}&password={quote(PASSWORD)}"
    token = ""
    for _ in range(2):
        token = ask(auth, "POST", "/auth/jwt/login", 200, form=form)["access_token"]
    for _ in range(13):
        ask(auth, "GET", "/users/me", 200, token=token)

    ids = []
    for number in range(8):
        lead = {"email": f"lead{number}@example.com", "company": "Compilers", "job_title": "CEO", "source": "REFERRAL"}
        ids.append(ask(crm, "POST", "/leads", 201, body=lead, token=token)["id"])
    for _ in range(4):
        ask(crm, "GET", "/leads?limit=20", 200, token=token)
    for identifier in ids[:3]:
        ask(crm, "GET", f"/leads/{identifier}", 200, token=token)
    ask(crm, "GET", "/analytics/leads", 200, token=token)

    for _ in range(4):
        pay(side, token)
    for _ in range(12):
        ask(payments, "GET", "/payments", 200, token=token)
    return token


def use_much(side: Side, token: str) -> None:
    """As many requests as make a thousand with the short use, several at once, one in six of them a write."""

    def client(number: int) -> None:
        for nth in range(number, REQUESTS - 48, CLIENTS):
            lead = {"email": f"lead-{nth}@example.com", "company": "Compilers", "source": "REFERRAL"}
            match nth % 6:
                case 0:
                    ask(side.crm, "POST", "/leads", 201, body=lead, token=token)
                case 1 | 2:
                    ask(side.crm, "GET", "/leads?limit=20", 200, token=token)
                case 3 | 4:
                    ask(side.auth, "GET", "/users/me", 200, token=token)
                case _:
                    ask(side.payments, "GET", "/payments", 200, token=token)

    with ThreadPoolExecutor(CLIENTS) as clients:
        for done in [clients.submit(client, number) for number in range(CLIENTS)]:
            done.result()


# --- the two sides ------------------------------------------------------------------------------------------------


def free_ports(count: int) -> list[int]:
    holders = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [holder.getsockname()[1] for holder in holders]
    for holder in holders:
        holder.close()
    return ports


def base_environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith(UNWANTED)}


def only(manifest: str, component: str) -> str:
    """The manifest with one component and its routes, as `components` of a SpinApp keeps it."""
    blocks = re.split(r"(?m)^(?=\[)", manifest)
    wanted = []
    for block in blocks:
        if block.startswith("[[trigger.http]]") and f'component = "{component}"' not in block:
            continue
        if block.startswith("[component.") and not re.match(rf"\[component\.{component}[\].]", block):
            continue
        wanted.append(block)
    return "".join(wanted)


def app(work: Path, ports: list[int], database: str) -> tuple[Program, list[Program]]:
    """Our app, with its database made and its secrets in `.env`, as `./dev up` does it: whole, and three components apart."""
    port = ports[0]
    tools = (ROOT / os.environ["BIN_DIR"]).resolve()
    folder = work / "app"
    (folder / "dist").mkdir(parents=True)
    # Copies, so that a build meanwhile changes nothing between two rounds.
    for file in ("spin.toml", "runtime-config.toml", *(f"dist/{component}.wasm" for component in COMPONENTS)):
        shutil.copy(ROOT / file, folder / file)
    environment = base_environment()
    admin, redis = os.environ["TEST_DATABASE_URL"], os.environ["TEST_REDIS_URL"]
    addresses = ["--database-url", admin, "--database", database, "--redis-url", redis]
    origin = f"http://127.0.0.1:{port}"
    tool = {"cwd": folder, "env": environment | {"DATABASE_URL": admin}, "check": True, "stdout": subprocess.DEVNULL}
    subprocess.run([tools / "secrets", "dev", *addresses, "--public-origin", origin], **tool)
    migrate = [tools / "migrate", "--env-file", ".env", "--database", database]
    subprocess.run([*migrate, "bootstrap"], **tool)
    subprocess.run([*migrate, "up"], **tool)

    host = (ROOT / os.environ["BIZO_HOST_BIN"]).resolve()
    if os.environ.get("BIZO_RUNTIME") != "spin":
        # A file of its own: the pages of a host that somebody else runs, too, would count only in part.
        host = Path(shutil.copy(host, work / "host"))
    # One person asks a thousand times.
    for limit in ("USER", "TENANT", "ADDRESS", "CREDENTIALS_ADDRESS"):
        environment[f"SPIN_VARIABLE_RATE_LIMIT_{limit}"] = "1000000"

    def up(name: str, manifest: str, port: int, parts: list[str]) -> Program:
        (folder / manifest).parent.mkdir(exist_ok=True)
        command = [str(host), "up", "-f", str(folder / manifest), "--listen", f"127.0.0.1:{port}"]
        command += ["--state-dir", str(folder / f"state-{name}")]
        command += ["--runtime-config-file", str(folder / "runtime-config.toml")]
        return Program(name, command, folder, environment, port, parts)

    parts = ["/auth/healthz", "/payments/healthz", "/crm/healthz", "/events/healthz", "/"]
    apart = []
    for component, its_port in zip(APART, ports[1:], strict=True):
        manifest = f"only-{component}.toml"
        (folder / manifest).write_text(only((folder / "spin.toml").read_text(), component))
        apart.append(up(f"our {component}", manifest, its_port, [f"/{component}/healthz"]))
    return up("bizosaas", "spin.toml", port, parts), apart


def services(work: Path, ports: list[int], database: str) -> list[Program]:
    """The three services, each with one worker."""
    environment = base_environment() | {
        "DATABASE_URL": f"postgresql+asyncpg://{urlsplit(os.environ['TEST_DATABASE_URL']).netloc}/{database}",
        "REDIS_URL": os.environ["TEST_REDIS_URL"],
        "JWT_SECRET": secrets.token_hex(32),
        # Compiled code is cached on both sides, and not in this folder.
        "PYTHONPYCACHEPREFIX": str(work.parent / "pycache"),
    }
    command = [sys.executable, str(HERE / "prepare.py"), "create", database]
    subprocess.run(command, env=environment, check=True)
    return [
        Program(
            name,
            [sys.executable, "-m", "uvicorn", f"{name}_service:app", "--app-dir", str(HERE), "--port", str(port)],
            work,
            environment,
            port,
            ["/health"],
        )
        for name, port in zip(("auth", "payments", "crm"), ports, strict=True)
    ]


def side_of(programs: list[Program]) -> Side:
    """The side that one program, or three, are."""
    ports = [programs[0].port] * 3 if len(programs) == 1 else [program.port for program in programs]
    ours = programs[0].name == "bizosaas" or programs[0].name.startswith("our ")
    return Side(*ports, OUR_PAYMENT if ours else THEIR_PAYMENT)


def prove(ours: Program, apart: list[Program], theirs: list[Program], log: Path) -> None:
    """Starts and uses everything once: whatever is cached is cached from here on, and every service is a real one."""
    with started([ours, *apart, *theirs], log):
        for program in [ours, *apart, *theirs]:
            for part in program.parts:
                wait_until(lambda: answers(program.port, part), f"{program.name} {part}")
        use(side_of([ours]))
        use(side_of(apart))
        side = side_of(theirs)
        token = use(side)
        listed = ask(side.payments, "GET", "/payments", 200, token=token)
        assert len(listed) == 4, listed
        ask(side.payments, "POST", "/webhooks/stripe", 400, body={}, **{"Stripe-Signature": "t=1,v1=0"})


# --- measuring ----------------------------------------------------------------------------------------------------


def cold_start(programs: list[Program], log: Path) -> dict[str, float]:
    """From the start of the processes to the first 200, and to a 200 of every part."""
    with started(programs, log) as (start, roots):
        first = 0
        cpu_first = 0.0
        last = 0
        for program in programs:
            for part in program.parts:
                last = wait_until(lambda: answers(program.port, part), f"{program.name} {part}")
                if not first:
                    first, cpu_first = last, cpu_ms(roots)
        return {
            "first_ms": (first - start) / 1e6,
            "all_ms": (last - start) / 1e6,
            "cpu_first_ms": cpu_first,
            "cpu_all_ms": cpu_ms(roots),
        }


def idle_memory(programs: list[Program], log: Path) -> dict[str, list[dict[str, float]]]:
    """For each program: idle before any request, after a short use, and after a thousand requests."""
    with started(programs, log) as (_, roots):
        for program in programs:
            wait_until(lambda: listens(program.port), program.name)
        time.sleep(IDLE_SECONDS)
        before = [memory_mib(root) for root in roots]
        side = side_of(programs)
        token = use(side)
        if len(programs) == 1:
            for _ in range(4):
                ask(side.auth, "GET", "/", 200)
        time.sleep(IDLE_SECONDS)
        after = [memory_mib(root) for root in roots]
        use_much(side, token)
        time.sleep(IDLE_SECONDS)
        much = [memory_mib(root) for root in roots]
    return {program.name: [*all_three] for program, all_three in zip(programs, zip(before, after, much), strict=True)}


def keep_memory(samples: dict[str, Samples], measured: dict[str, list[dict[str, float]]]) -> None:
    together = "bizosaas" if "bizosaas" in measured else "apart" if "our auth" in measured else "three"
    sums: dict[str, float] = {}
    for name, (before, after, much) in measured.items():
        values = {
            f"{kind}_{moment}": value
            for moment, kinds in (("before", before), ("after", after), ("much", much))
            for kind, value in kinds.items()
        }
        if together != "bizosaas":
            samples[name].add(**values)
        for kind, value in values.items():
            sums[kind] = sums.get(kind, 0.0) + value
    samples[together].add(**sums)


def load() -> float:
    return round(os.getloadavg()[0], 2)


def machine() -> dict:
    models = [line.partition(":")[2].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")]
    return {"cpu": models[0] if models else platform.machine(), "cores": os.cpu_count(), "kernel": platform.release()}


# --- telling ------------------------------------------------------------------------------------------------------

COLUMNS = ("bizosaas", "auth", "payments", "crm", "three")
OUR_COLUMNS = ("our auth", "our payments", "our crm", "apart")


def cell_of(summaries: dict[str, dict], name: str, quantity: str, digits: int) -> str:
    """A median, and its spread where there is one to see."""
    value = summaries[name].get(quantity)
    if value is None:
        return ""
    middle, low, high = (f"{value[part]:.{digits}f}" for part in ("median", "min", "max"))
    return middle if low == high else f"{middle} ({low}–{high})"


def table_apart(summaries: dict[str, dict]) -> str:
    """The second Markdown table: each component in a host of its own beside the service that it replaces."""
    rows = [
        ("idle PSS before any request, MiB", "pss_before", 1),
        ("idle PSS after about 50 requests, MiB", "pss_after", 1),
        (f"idle PSS after {REQUESTS:,} requests, MiB", "pss_much", 1),
        ("… resident, MiB", "resident_much", 1),
        ("cold start, first answer, ms", "first_ms", 0),
        ("… CPU time until then, ms", "cpu_first_ms", 0),
    ]
    lines = [
        "| median (min–max) | " + " | ".join(f"{component} | FastAPI's" for component in APART) + " |",
        "|---" * (1 + 2 * len(APART)) + "|",
    ]
    for label, quantity, digits in rows:
        cells = [
            cell_of(summaries, name, quantity, digits) for component in APART for name in (f"our {component}", component)
        ]
        lines.append(f"| {label} | {' | '.join(cells)} |")
    return "\n".join(lines)


def table(summaries: dict[str, dict]) -> str:
    """The Markdown table: medians, and the spread where there is one to see."""

    def cell(name: str, quantity: str, digits: int) -> str:
        return cell_of(summaries, name, quantity, digits)

    def row(label: str, ours: str, theirs: str, together: str, digits: int) -> str:
        quantities = (ours, theirs, theirs, theirs, together)
        cells = [cell(name, quantity, digits) for name, quantity in zip(COLUMNS, quantities, strict=True)]
        ratio = ""
        if together:
            ratio = f"{summaries['bizosaas'][ours]['median'] / summaries['three'][together]['median']:.2f}"
        return f"| {label} | {' | '.join(cells)} | {ratio} |"

    return "\n".join(
        [
            "| median (min–max) | BizoSaaS, one process | auth | payments | crm | three FastAPI services | ratio |",
            "|---|---|---|---|---|---|---|",
            row("idle PSS before any request, MiB", *["pss_before"] * 3, 1),
            row("idle PSS after about 50 requests, MiB", *["pss_after"] * 3, 1),
            row("… of which anonymous, MiB", *["anonymous_after"] * 3, 1),
            row(f"idle PSS after {REQUESTS:,} requests, MiB", *["pss_much"] * 3, 1),
            row("… of which anonymous, MiB", *["anonymous_much"] * 3, 1),
            row("… resident, MiB", *["resident_much"] * 3, 1),
            row("cold start, every part has answered, ms", "all_ms", "first_ms", "all_ms", 0),
            row("… CPU time until then, ms", "cpu_all_ms", "cpu_first_ms", "cpu_all_ms", 0),
            row("cold start, first answer, ms", "first_ms", "first_ms", "", 0),
            row("… CPU time until then, ms", "cpu_first_ms", "cpu_first_ms", "", 0),
        ]
    )


def versions() -> dict[str, str]:
    listing = subprocess.run([sys.executable, "-m", "pip", "list", "--format=json"], capture_output=True, check=True)
    shown = {"fastapi", "uvicorn", "fastapi-users", "sqlalchemy", "asyncpg", "pydantic", "stripe", "razorpay", "redis"}
    packages = {entry["name"].lower(): entry["version"] for entry in json.loads(listing.stdout)}
    return {"python": platform.python_version()} | {name: packages[name] for name in sorted(shown)}


def result(summaries: dict[str, dict], rounds: dict, loads: list[float], work: Path) -> dict:
    sizes = {component: (work / f"app/dist/{component}.wasm").stat().st_size for component in COMPONENTS}

    def middle(name: str, quantity: str) -> float:
        return summaries[name][quantity]["median"]

    def ratio(quantity: str) -> float:
        return round(middle("bizosaas", quantity) / middle("three", quantity), 3)

    return {
        "host": machine(),
        "runtime": "spin" if os.environ.get("BIZO_RUNTIME") == "spin" else "devhost",
        "versions": versions(),
        "rounds": rounds,
        "load_average": {"min": min(loads), "max": max(loads)},
        "wasm_bytes": sizes,
        "memory": {
            "ours_idle_pss_mib": middle("bizosaas", "pss_after"),
            "fastapi_three_services_idle_pss_mib": middle("three", "pss_after"),
            "ours_after_1000_pss_mib": middle("bizosaas", "pss_much"),
            "fastapi_three_services_after_1000_pss_mib": middle("three", "pss_much"),
            "ours_three_components_apart_idle_pss_mib": middle("apart", "pss_after"),
        },
        "cold_start_ms": {"ours": middle("bizosaas", "all_ms"), "fastapi": middle("three", "all_ms")},
        "cold_start_cpu_ms": {"ours": middle("bizosaas", "cpu_all_ms"), "fastapi": middle("three", "cpu_all_ms")},
        "ratios": {"memory": ratio("pss_after"), "memory_after_1000": ratio("pss_much"), "cold_start": ratio("all_ms"), "cold_start_cpu": ratio("cpu_all_ms")},
        "measured": summaries,
    }


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--rounds", type=int, default=7, help="cold starts of each")
    arguments.add_argument("--memory-rounds", type=int, default=3, help="measurements of memory of each side")
    arguments.add_argument("--output", type=Path, default=HERE / "result.json")
    options = arguments.parse_args()
    # So that what was started is ended, however this ends.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit(130))

    place = ROOT / ".local/footprint"
    place.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix="run-", dir=place))
    databases = [f"footprint_{os.getpid()}_app", f"footprint_{os.getpid()}_services"]
    log = work / "log"
    done = False
    try:
        ports = free_ports(7)
        ours, apart = app(work, ports[:4], databases[0])
        theirs = services(work, ports[4:], databases[1])
        tell("starting and using everything once")
        prove(ours, apart, theirs, log)

        samples = {name: Samples() for name in (*COLUMNS, *OUR_COLUMNS)}
        loads = [load()]
        scenarios = [("bizosaas", [ours]), *((one.name, [one]) for one in [*apart, *theirs]), ("three", theirs)]
        for number in range(options.rounds):
            tell(f"cold starts, round {number + 1} of {options.rounds}")
            turn = number % len(scenarios)
            for name, programs in scenarios[turn:] + scenarios[:turn]:
                samples[name].add(**cold_start(programs, log))
            loads.append(load())
        for number in range(options.memory_rounds):
            tell(f"memory, round {number + 1} of {options.memory_rounds}")
            for programs in ([ours], theirs, apart)[:: -1 if number % 2 else 1]:
                keep_memory(samples, idle_memory(programs, log))
            loads.append(load())

        summaries = {name: sample.summary() for name, sample in samples.items()}
        rounds = {"cold_start": options.rounds, "memory": options.memory_rounds}
        written = result(summaries, rounds, loads, work)
        options.output.write_text(json.dumps(written, indent=2) + "\n")
        print(table(summaries))
        print(f"\n{table_apart(summaries)}")
        print(f"\nLoad average {min(loads)}–{max(loads)} on {os.cpu_count()} cores.", end=" ")
        print(f"{options.rounds} cold starts and {options.memory_rounds} measurements of memory of each.")
        done = True
    finally:
        subprocess.run([sys.executable, HERE / "prepare.py", "drop", *databases], check=False)
        if done:
            shutil.rmtree(work)
        else:
            tell(f"what the processes said is in {work.relative_to(ROOT)}/log")


def tell(what: str) -> None:
    print(f"footprint: {what}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
