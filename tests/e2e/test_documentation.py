"""The documents against the program: what they name exists, and what exists they name."""

import json
import pathlib
import re

from client import chat_body
from programs import run, wait_until

ROOT = pathlib.Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def page(name):
    return (ROOT / name).read_text(encoding="utf-8")


def gateway_sources():
    return "\n".join(path.read_text(encoding="utf-8") for path in sorted((ROOT / "evener/gateway").glob("*.cc")) if not path.stem.endswith(("_test", "_fuzz")))


def rows(text):
    """The rows of all tables, as lists of their cells; a cell has no '|' in it."""
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line.startswith("| ")]


def words(cell):
    return re.findall(r"`([^`]+)`", cell)


def code_blocks(text, language):
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.M | re.S)


def test_the_metrics_page_names_exactly_the_metrics_that_are_shown(gateway, engine):
    one = engine("--kv-events", "tcp://127.0.0.1:0")
    external = {"enabled": True, "requests_per_minute": 60, "spend": {"limit": 1}}
    endpoints = [{"name": "e0", "url": one.url, "kv_events": {"address": one.address("kv-events")}},
                 {"name": "api", "url": engine().url, "price": {"per_request": 0.1}, "external": external}]
    scale = {"actuator": {"kind": "exec", "exec": {"command": ["true"]}}}
    started = gateway(pool={"endpoints": endpoints, "spend": {"limit": 1}, "scale": scale})
    assert started.call("POST", "/v1/chat/completions", chat_body(max_tokens=1))[0] == 200
    for late in ("evener_endpoint_reported_running_requests{", "evener_endpoint_kv_connected{", "evener_scaling_load{"):
        wait_until(lambda: late in started.admin("GET", "/metrics")[2])
    text = started.admin("GET", "/metrics")[2]
    shown = {name: (kind, set()) for name, kind in re.findall(r"^# TYPE (\S+) (\S+)", text, re.M)}
    for name, labels in re.findall(r"^(\w+)\{(.*)\} ", text, re.M):
        family = shown.get(name) or shown[re.sub(r"_(bucket|sum|count)$", "", name)]
        family[1].update(set(re.findall(r'(\w+)="', labels)) - {"le"})
    documented = {words(row[0])[0]: (row[1], set(words(row[2]))) for row in rows(page("docs/metrics.md")) if row[0].startswith("`evener_")}
    assert {name: kind for name, (kind, _) in documented.items()} == {name: kind for name, (kind, _) in shown.items()}
    # A figure that the emulated engine does not report has no series, hence shows no labels.
    silent = {name for name, (_, labels) in shown.items() if not labels and name.startswith("evener_endpoint_reported_")}
    assert {name: labels for name, (_, labels) in documented.items() if name not in silent} == \
           {name: labels for name, (_, labels) in shown.items() if name not in silent}
    assert len(silent) < 5


def test_each_metric_has_a_query_of_its_own():
    for row in rows(page("docs/metrics.md")):
        if row[0].startswith("`evener_"):
            assert words(row[0])[0] in row[4], row[0]


def test_the_errors_page_names_exactly_the_codes_in_the_sources():
    sources, text = gateway_sources(), page("docs/errors.md")
    client_part, _, admin_part = text.partition("## Admin API")
    own = set(re.findall(r'\.status = (\d+),\s*\.type = "(\w+)",\s*\.code = "(\w+)"', sources))
    heads = set(re.findall(r'\.status = error->status, \.type = "(\w+)", \.code = "(\w+)"', sources))
    streams = set(re.findall(r'openai_error\([^;]*?, "(\w+)", "(\w+)"\)', sources))
    admin = set(re.findall(r'problem\((\d+), "(\w+)"', sources))
    assert len(own) > 10 and len(heads) == 1 and len(streams) == 1 and len(admin) > 5
    assert {code for _, _, code in own} | {code for _, code in heads | streams} == set(re.findall(r'\.code = "(\w+)"', sources)) | {code for _, code in streams}

    client_rows = [row for row in rows(client_part) if len(row) == 6 and words(row[1])]
    documented = {(status, words(row[2])[0], words(row[1])[0]) for row in client_rows for status in re.findall(r"\d+|in the stream", row[0])}
    assert {(kind, code) for _, kind, code in documented} == {(kind, code) for _, kind, code in own} | heads | streams
    assert own <= documented
    assert documented - own <= {(status, *pair) for pair in heads | streams for status in ("400", "413", "414", "417", "431", "501", "505", "in the stream")}
    assert {(row[0], words(row[1])[0]) for row in rows(admin_part) if words(row[1])} == admin


def test_the_admin_page_has_a_heading_for_each_route():
    sources = page("evener/gateway/admin.cc")
    headings = dict(reversed(heading) for heading in re.findall(r"^### (GET|POST|DELETE) (\S+)$", page("docs/admin-api.md"), re.M))
    paths = set(re.findall(r'request\.path == "(/[^"]*)"', sources)) - {"/status.html"}
    verbs = set(re.findall(r'verb == "(\w+)"', sources))
    assert len(paths) > 7 and len(verbs) == 3
    endpoint = "/pools/POOL/endpoints"
    assert set(headings) == paths | {f"{endpoint}/NAME/{verb}" for verb in verbs} | {endpoint, f"{endpoint}/NAME", "/pools/POOL/scale"}


def test_the_operating_page_explains_each_field_of_the_access_log(gateway, engine):
    started = gateway(engine().url, engine().url)
    bad = started.call("POST", "/v1/chat/completions", {"no": "model"}, {"x-request-id": "documentation-1"})
    good = started.call("POST", "/v1/chat/completions", chat_body(max_tokens=1), {"x-request-id": "documentation-2"})
    assert (bad[0], good[0]) == (400, 200)
    # One of the two goes to the engine that breaks off, and is continued by the other.
    continuing = gateway(engine("--fault", "reset=1", "--fault", "reset_after_tokens=1").url, engine().url,
                         pool={"policy": "round-robin", "continuation": {"enabled": True}})
    for name in ("documentation-3", "documentation-4"):
        assert continuing.call("POST", "/v1/chat/completions", chat_body(max_tokens=2, stream=True), {"x-request-id": name})[0] == 200
    lines = [started.access_line(f"documentation-{number}") for number in (1, 2)] + [continuing.access_line(f"documentation-{number}") for number in (3, 4)]
    fields = {field for line in lines for field in line}
    section = page("docs/operating.md").partition("## The access log")[2].partition("\n## ")[0]
    assert {field for row in rows(section) for field in words(row[0])} == fields


def test_each_limit_of_the_architecture_page_stands_where_it_says():
    section = page("ARCHITECTURE.md").partition("\n## Limits\n")[2].partition("\n## ")[0]
    limits = [(name, words(row[1])[0]) for row in rows(section) if words(row[0]) for name in words(row[0])]
    assert len(limits) > 30
    for name, path in limits:
        assert re.search(rf"\b{name} = ", page(path)), f"{path} has no {name}"


def test_the_maps_of_folders_agree_with_the_build():
    declared = {}
    for file in sorted((ROOT / "evener").glob("*/CMakeLists.txt")):
        name, rest = re.search(r"^evener_module\((\w+)(.*)\)$", file.read_text(encoding="utf-8"), re.M).groups()
        depends = re.search(r"DEPENDS ([\w ]*?)(?= [A-Z_]+ |$)", rest)
        declared[f"evener/{name}"] = set(depends[1].split() if depends else [])
    section = page("ARCHITECTURE.md").partition("\n## The map\n")[2].partition("\n## ")[0]
    shown = {words(row[0])[0]: set(row[2].split()) - {"nothing"} for row in rows(section) if words(row[0])}
    assert shown == declared
    assert set(declared) <= {folder for row in rows(page("CONTRIBUTING.md")) for folder in words(row[0])}


def test_the_page_about_engines_names_each_preset():
    shown = {words(row[0])[0] for row in rows(page("docs/engine.md").partition("| Preset |")[2].partition("\n\n")[0]) if words(row[0])}
    assert shown == {line.split()[0] for line in run("engine", "--presets").stdout.splitlines()}


def test_each_configuration_shown_is_valid(tmp_path):
    shown = [(path, block) for path in PAGES for block in code_blocks(path.read_text(encoding="utf-8"), "yaml") if re.search(r"^pools:", block, re.M)]
    assert len(shown) >= 2
    for path, block in shown:
        file = tmp_path / "evener.yaml"
        file.write_text(block, encoding="utf-8")
        check = run("config", "check", file)
        assert check.returncode == 0, f"{path.name}: {check.stderr}"


def test_each_json_block_is_json():
    for path in PAGES:
        for block in code_blocks(path.read_text(encoding="utf-8"), "json"):
            json.loads(block)
