"""The import law of the house: who may know whom, read from the sources themselves."""

from __future__ import annotations

import ast
import sys
from collections import defaultdict
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
OURS = {"shared", "functions", "infra", "tests"}

# Room → what it may import: our own modules by prefix, and packages from outside ("*" is any).
LAW: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "shared/domain": (("shared.domain",), ("pydantic", "phonenumbers")),
    "shared/ports.py": (("shared.domain",), ()),
    "shared/repositories": (("shared.repositories", "shared.domain", "shared.ports"), ("pydantic", "cachetools")),
    "shared/use_cases": (("shared.use_cases", "shared.repositories", "shared.domain", "shared.ports"), ("pydantic",)),
    # Heavy libraries, in a layer of their own: no door that answers a shop or a customer loads this.
    "shared/analytics": (("shared.analytics", "shared.domain", "shared.ports"), ("numpy", "scipy", "duckdb")),
    "shared/adapters": (("shared.adapters", "shared.domain", "shared.ports"), ("*",)),
    "shared/runtime": (("shared",), ("*",)),
    "functions": (
        ("shared.runtime", "shared.use_cases", "shared.repositories", "shared.domain", "shared.ports"),
        ("aws_lambda_powertools", "pydantic"),
    ),
    "infra/catalogue.py": (("shared.runtime.settings",), ()),
    "infra/aws": (
        ("infra.aws", "infra.catalogue", "shared.runtime.settings", "shared.runtime.logs", "shared.domain.facts"),
        ("*",),
    ),
    "infra/triage": (("infra", "shared"), ("*",)),
    # The laptop's composition stands outside of everything.
    "infra/local": (("infra", "shared", "functions"), ("*",)),
}

# What the product does, one folder each on the floors that are divided by it, and the same word in the tests.
CAPABILITIES = {
    "bot", "campaigns", "catalogue", "common", "customers", "events", "experiments", "facts", "inbox", "journeys",
    "messaging", "onboarding", "orders", "recommendations", "reports", "segments", "staff", "tasks", "tickets",
    "triage", "vouchers",
}  # fmt: skip
# The folders of tests that are about a floor or about everything.
OTHER_TESTS = {
    "adapters", "demo", "doors", "e2e", "imports", "infra", "local", "performance", "playbook", "repositories",
    "runtime", "support",
}  # fmt: skip


def sources(room: str) -> list[Path]:
    path = ROOT / room
    return [path] if path.suffix else sorted(path.rglob("*.py"))


def imports(source: Path) -> Iterator[tuple[int, str]]:
    """Line and full module name of everything a file imports, inside functions too."""
    for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{source}:{node.lineno}: relative imports hide the room"
            for alias in node.names:
                yield node.lineno, f"{node.module}.{alias.name}"


def within(module: str, prefixes: tuple[str, ...]) -> bool:
    return any(module == prefix or module.startswith(f"{prefix}.") for prefix in prefixes)


def breaches(room: str) -> list[str]:
    own, outside = LAW[room]
    found = []
    for source in sources(room):
        for line, module in imports(source):
            top = module.split(".")[0]
            if top in OURS:
                allowed = within(module, own)
            else:
                allowed = top in sys.stdlib_module_names or "*" in outside or top in outside
            if not allowed:
                found.append(f"{source.relative_to(ROOT)}:{line} imports {module}")
    return found


@pytest.mark.parametrize("room", LAW)
def test_a_room_knows_only_whom_it_may_know(room: str):
    assert breaches(room) == []


def test_every_source_outside_the_tests_is_in_a_room_with_a_law():
    governed = {source for room in LAW for source in sources(room)}
    everywhere = {source for top in ("shared", "functions", "infra") for source in (ROOT / top).rglob("*.py")}

    assert {path for path in everywhere - governed if path.name != "__init__.py"} == set()


def test_only_adapters_and_the_laptop_meet_aws_or_the_network():
    outside_world = ("boto3", "botocore", "urllib3", "requests", "httpx", "http.client", "urllib.request", "socket")
    met = [
        f"{source.relative_to(ROOT)}:{line} imports {module}"
        for room in (
            "shared/domain",
            "shared/ports.py",
            "shared/repositories",
            "shared/use_cases",
            "shared/runtime",
            "functions",
            "infra/catalogue.py",
        )
        for source in sources(room)
        for line, module in imports(source)
        if within(module, outside_world)
    ]

    assert met == []


@pytest.mark.parametrize("room", ["shared/domain", "shared/repositories", "shared/use_cases", "shared/ports.py"])
def test_rules_and_verbs_get_time_chance_and_surroundings_as_arguments(room: str):
    impure_modules = ("random", "secrets", "uuid", "os.environ", "os.getenv", "time.time", "time.sleep")
    impure_calls = {"now", "utcnow", "today", "getenv", "uuid4", "uuid1", "urandom"}
    found = []
    for source in sources(room):
        where = source.relative_to(ROOT)
        found += [
            f"{where}:{line} imports {module}" for line, module in imports(source) if within(module, impure_modules)
        ]
        for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute) and node.attr == "environ":
                found.append(f"{where}:{node.lineno} reads the environment")
            # A method of ours may be called `now`; the clock of `datetime`, `date`, `time`, `os` and `uuid` may not.
            if (
                isinstance(node, ast.Attribute)
                and node.attr in impure_calls
                and isinstance(node.value, ast.Name | ast.Attribute)
                and (node.value.id if isinstance(node.value, ast.Name) else node.value.attr)
                in {"datetime", "date", "time", "os", "uuid"}
            ):
                found.append(f"{where}:{node.lineno} calls {ast.unparse(node)}")

    assert found == []


def test_every_file_says_first_what_it_is_for():
    silent = [
        str(source.relative_to(ROOT))
        for top in sorted(OURS)
        for source in (ROOT / top).rglob("*.py")
        if (text := source.read_text(encoding="utf-8")) and not text.startswith('"""')
    ]

    assert silent == []


def circle(graph: dict[str, set[str]]) -> list[str]:
    """Names that need each other all the way round, the first one twice; empty where there are none."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def needs() -> dict[str, set[str]]:
    """Every module of the product with those of the product that it imports."""
    files = {
        source.relative_to(ROOT).with_suffix("").as_posix().replace("/", ".").removesuffix(".__init__"): source
        for top in ("shared", "functions", "infra")
        for source in (ROOT / top).rglob("*.py")
    }
    graph: dict[str, set[str]] = {}
    for module, source in files.items():
        found = {name if name in files else name.rpartition(".")[0] for _, name in imports(source)}
        graph[module] = (found & files.keys()) - {module}
    return graph


def test_no_file_needs_itself_in_a_circle():
    assert circle(needs()) == []


@pytest.mark.parametrize(
    "floor", ["shared/domain", "shared/repositories", "shared/use_cases", "shared/runtime", "infra/local"]
)
def test_no_package_of_a_floor_needs_itself_in_a_circle(floor: str):
    within_floor = floor.replace("/", ".") + "."
    packages: dict[str, set[str]] = defaultdict(set)
    for module, needed in needs().items():
        if module.startswith(within_floor):
            own = module.removeprefix(within_floor).split(".")[0]
            theirs = {name.removeprefix(within_floor).split(".")[0] for name in needed if name.startswith(within_floor)}
            packages[own] |= theirs - {own}

    assert len(packages) > 3
    assert circle(packages) == []


def folders(floor: str) -> set[str]:
    return {path.parent.name for path in (ROOT / floor).glob("*/*.py")}


def test_every_floor_calls_a_capability_by_the_same_name():
    assert folders("shared/domain") <= CAPABILITIES
    assert folders("shared/use_cases") <= CAPABILITIES
    assert CAPABILITIES <= folders("tests") <= CAPABILITIES | OTHER_TESTS


def test_no_test_file_imports_from_another():
    borrowed = [
        f"{source.relative_to(ROOT)}:{line} imports {module}"
        for source in sources("tests")
        for line, module in imports(source)
        if any(part.startswith("test_") for part in module.split(".")[:-1])
    ]

    assert borrowed == []
