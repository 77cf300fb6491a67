"""Actuators against doubles of the APIs they call: what `evener scale check` finds and sets there, and what it says when the API misbehaves."""

import json
from concurrent.futures import ThreadPoolExecutor

import botocore.session
import pytest

from api_double import Certificate, Refused
from client import chat_body
from cloud_doubles import AwsDouble, AzureDouble, GoogleDouble
from kubernetes_double import KubernetesDouble
from programs import free_port, run, wait_until

CANARY = "canary-secret"


class Api:
    """A double and the configuration of the actuator that talks to it."""

    def __init__(self, double, actuator, environment, folder, addresses, secrets):
        self.double, self.environment, self.addresses, self.secrets = double, environment, addresses, secrets
        self.file = folder / "evener.yaml"
        self.actuator = actuator
        self.file.write_text(json.dumps({"listen": ["127.0.0.1:0"], "pools": [{"name": "chat", "models": ["m"], "scale": {"most": 12, "actuator": actuator}}]}))

    def check(self, *arguments):
        """Exit code and the report on the one pool."""
        ran = run("scale", "check", self.file, "--pool", "chat", "--json", *arguments, env=self.environment)
        for secret in self.secrets:
            assert secret not in ran.stdout + ran.stderr
        assert not self.double.complaints, self.double.complaints
        report = json.loads(ran.stdout)
        assert report["schema"] == "evener.scale-check/1"
        (pool,) = report["pools"]
        return ran.returncode, pool


def kubernetes(folder, network="10.1.0.", **settings):
    certificate = Certificate(folder)
    double = KubernetesDouble(certificate, CANARY, network)
    (folder / "kube-token").write_text(CANARY + "\n")
    kubeconfig = folder / "kubeconfig"
    kubeconfig.write_text(json.dumps({
        "current-context": "c", "contexts": [{"name": "c", "context": {"cluster": "k", "user": "u", "namespace": "llm"}}],
        "clusters": [{"name": "k", "cluster": {"server": double.url, "certificate-authority": certificate.file}}],
        "users": [{"name": "u", "user": {"tokenFile": "kube-token"}}]}))
    return Api(double, {"kind": "kubernetes", "kubernetes": {"name": "vllm", "kubeconfig": str(kubeconfig), "timeout": "2s", **settings}}, {}, folder,
               lambda n: f"http://{network}{10 + n}:8000", [CANARY])


def aws(folder):
    double = AwsDouble()
    environment = {"AWS_ACCESS_KEY_ID": double.KEY, "AWS_SECRET_ACCESS_KEY": double.SECRET, "AWS_SESSION_TOKEN": double.SESSION}
    return Api(double, {"kind": "aws", "aws": {"group": "gpus", "region": "eu-central-1", "autoscaling_url": double.url, "ec2_url": double.url, "timeout": "2s"}},
               environment, folder, lambda n: f"http://10.2.0.{10 + n}:8000", [double.SECRET, double.SESSION])


def gcp(folder):
    double = GoogleDouble(folder)
    return Api(double, {"kind": "gcp", "gcp": {"project": "p", "location": "europe-west4-a", "group": "gpus", "url": double.url,
                                                "key_file": str(double.key_file), "timeout": "2s"}},
               {}, folder, lambda n: f"http://10.3.0.{10 + n}:8000", ["google-token", "PRIVATE KEY"])


def azure(folder):
    double = AzureDouble()
    (folder / "secret").write_text(double.SECRET + "\n")
    return Api(double, {"kind": "azure", "azure": {"subscription": "s", "resource_group": "g", "scale_set": "gpus", "tenant": "tenant", "client": "app",
                                                    "secret_file": str(folder / "secret"), "url": double.url, "login_url": double.url, "timeout": "2s"}},
               {}, folder, lambda n: f"http://10.4.0.{10 + n}:8000", [double.SECRET, "azure-token"])


@pytest.fixture
def api(request, tmp_path):
    made = request.param(tmp_path)
    yield made
    made.double.close()


everywhere = pytest.mark.parametrize("api", [kubernetes, aws, gcp, azure], indirect=True, ids=lambda make: make.__name__)


@everywhere
def test_what_is_there_is_found(api):
    code, pool = api.check()
    assert code == 0
    assert pool == {"name": "chat", "actuator": api.actuator["kind"], "desired": 2, "ready": 2, "endpoints": [api.addresses(0), api.addresses(1)], "trouble": ""}


@everywhere
def test_it_grows_and_shrinks(api):
    for wanted in (4, 1, 0, 3):
        code, pool = api.check("--replicas", wanted)
        assert (code, pool["desired"]) == (0, wanted)
        code, pool = api.check()
        assert (code, pool["desired"], pool["ready"]) == (0, wanted, wanted)
        assert pool["endpoints"] == [api.addresses(n) for n in range(wanted)]


@everywhere
@pytest.mark.parametrize("status, may_retry", [(429, True), (500, True), (503, True), (403, False), (404, False)])
def test_what_the_api_refuses_is_said_with_whether_to_try_again(api, status, may_retry):
    api.double.faults = [Refused(status, b"no", {"Retry-After": "7"})]
    code, pool = api.check()
    assert code == 1
    assert f"status {status}" in pool["error"] and pool["may_retry"] == may_retry
    assert pool.get("retry_after_s") == (7 if may_retry else None)
    assert api.check()[0] == 0


@everywhere
@pytest.mark.parametrize("fault", ["reset", "garbage", "silence"])
def test_an_api_out_of_its_mind_does_no_harm(api, fault):
    api.double.faults = [fault]
    code, pool = api.check()
    assert code == 1 and pool["error"] and pool["may_retry"]
    assert api.check()[0] == 0


@pytest.mark.parametrize("api", [kubernetes], indirect=True)
def test_a_scale_that_others_change_at_the_same_time_is_set_all_the_same(api):
    api.double.conflicts = 3
    code, pool = api.check("--replicas", 5)
    assert (code, pool["desired"], api.double.replicas) == (0, 5, 5)
    api.double.conflicts = 99
    code, pool = api.check("--replicas", 6)
    assert code == 1 and "status 409: the object has been modified" in pool["error"] and pool["may_retry"]


@pytest.mark.parametrize("api", [kubernetes], indirect=True)
def test_a_server_that_another_authority_vouches_for_is_not_told_the_token(api, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    Certificate(other)
    (tmp_path / "server.crt").write_bytes((other / "server.crt").read_bytes())
    code, pool = api.check()
    assert code == 1 and "certificate" in pool["error"].lower() and not pool["may_retry"]
    assert not api.double.seen


@pytest.mark.parametrize("api", [aws], indirect=True)
def test_a_wrong_key_is_refused_and_nothing_of_it_is_shown(api):
    api.environment["AWS_SECRET_ACCESS_KEY"] = "wrong-" + api.double.SECRET
    code, pool = api.check()
    assert code == 1 and "SignatureDoesNotMatch: The signature is not right." in pool["error"] and not pool["may_retry"]


@pytest.mark.parametrize("api", [aws], indirect=True)
def test_more_than_the_group_may_have_is_refused_in_its_words(api):
    api.double.desired = 9
    api.double.instances = {f"i-{n}": f"10.2.0.{10 + n}" for n in range(9)}
    code, pool = api.check("--replicas", 10)
    assert code == 1 and "above max value 9" in pool["error"]


@pytest.mark.parametrize("api", [azure], indirect=True)
def test_a_machine_of_azure_needs_no_secret(api):
    actuator = {"kind": "azure", "azure": {name: value for name, value in api.actuator["azure"].items() if name not in ("tenant", "secret_file", "login_url")}}
    actuator["azure"]["metadata_url"] = api.double.url
    api.file.write_text(json.dumps({"pools": [{"name": "chat", "models": ["m"], "scale": {"actuator": actuator}}]}))
    code, pool = api.check()
    assert (code, pool["desired"]) == (0, 2)


def test_what_nobody_tells_is_not_made_up_and_what_is_not_allowed_is_not_tried(tmp_path):
    told, file = tmp_path / "told", tmp_path / "evener.yaml"
    silent = {"kind": "exec", "exec": {"command": ["sh", "-c", f'echo "$EVENER_REPLICAS" >>{told}']}}
    engines = {"kind": "process", "process": {"command": ["engine", "{port}"]}}
    kinds = [{"name": "small", "actuator": silent}, {"name": "large", "actuator": silent}]
    scales = {"a": {"actuator": silent}, "b": {"actuator": engines}, "c": {"kinds": kinds}}
    file.write_text(json.dumps({"pools": [{"name": name, "models": [name], "scale": scale} for name, scale in scales.items()]}))
    ran = run("scale", "check", file)
    assert ran.returncode == 0 and "a: exec tells nothing of what is there" in ran.stdout and "b: " not in ran.stdout
    ran = run("scale", "check", file, "--pool", "a", "--json")
    assert json.loads(ran.stdout)["pools"] == [{"name": "a", "actuator": "exec", "desired": None}]
    ran = run("scale", "check", file, "--pool", "b")
    assert ran.returncode == 1 and "no pool b that something outside" in ran.stderr
    ran = run("scale", "check", file, "--pool", "a", "--replicas", "5")
    assert ran.returncode == 2 and "--replicas is 5; a may have 4" in ran.stderr
    assert run("scale", "check", file, "--replicas", "2").returncode == 2
    ran = run("scale", "check", file, "--pool", "c", "--replicas", "2")
    assert ran.returncode == 2 and "c has several kinds of replicas" in ran.stderr
    assert not told.exists()
    ran = run("scale", "check", file, "--pool", "a", "--replicas", "2")
    assert ran.returncode == 0 and "a: 2 wanted" in ran.stdout and told.read_text() == "2\n"
    ran = run("scale", "check", file, "--pool", "c", "--kind", "large", "--replicas", "3")
    assert ran.returncode == 0 and "c, large: 3 wanted" in ran.stdout and told.read_text() == "2\n3\n"


@everywhere
def test_an_api_in_trouble_is_shown_and_asked_again(api, gateway, monkeypatch):
    for name, value in api.environment.items():
        monkeypatch.setenv(name, value)
    api.double.faults = [Refused(503, b"no"), Refused(503, b"no")]
    kind = api.actuator["kind"]
    # Without a port no addresses are told, and nobody is sent checks to 10.0.0.0/8.
    actuator = {"kind": kind, kind: {**api.actuator[kind], "port": 0}, "observe": "200ms"}
    started = gateway(wait=False, pool={"scale": {"least": 1, "most": 9, "every": "1s", "actuator": actuator}})

    def scaling():
        status, _, value = started.admin("GET", "/scaling")
        return value["pools"][0] if status == 200 and value["pools"] else None

    shown = wait_until(lambda: (now := scaling()) and now["kinds"][0]["failures"] == 2 and now)["kinds"][0]
    assert shown["actuator"] == kind and "status 503" in shown["trouble"] and 0 < shown["retry_in_s"] <= 2
    wait_until(lambda: (now := scaling()["kinds"][0]) and now["failures"] == 0 and now["trouble"] == "" and now["desired"] == 2, 10)
    assert started.metric("evener_scaling_failures_total", pool="main", actuator=kind) == 2
    token_file = api.file.parent / "token-file"
    token_file.write_text("end-to-end-token\n")
    where = ["--admin", started.program.address("admin"), "--token-file", token_file]
    assert run("scale", "set", "main", "4", *where).returncode == 0
    wait_until(lambda: scaling()["kinds"][0]["desired"] == 4, 10)
    status = run("scale", "status", *where).stdout
    assert "2 -> 4: held by an operator" in status
    assert any(line.get("why") == "2 -> 4: held by an operator" for line in started.program.log)
    everything = "\n".join(started.program.text) + status + json.dumps(scaling()) + json.dumps(started.admin("GET", "/status")[2])
    for secret in api.secrets:
        assert secret not in everything
    assert not api.double.complaints, api.double.complaints


def test_awss_own_client_takes_the_double_for_aws():
    double = AwsDouble()
    session = botocore.session.get_session()
    session.set_credentials(double.KEY, double.SECRET, double.SESSION)
    groups = session.create_client("autoscaling", region_name="eu-central-1", endpoint_url=double.url)
    groups.set_desired_capacity(AutoScalingGroupName="gpus", DesiredCapacity=3, HonorCooldown=False)
    (group,) = groups.describe_auto_scaling_groups(AutoScalingGroupNames=["gpus"])["AutoScalingGroups"]
    assert group["DesiredCapacity"] == 3 and [one["InstanceId"] for one in group["Instances"]] == ["i-0", "i-1", "i-2"]
    instances = session.create_client("ec2", region_name="eu-central-1", endpoint_url=double.url).describe_instances(InstanceIds=["i-2"])
    assert instances["Reservations"][0]["Instances"][0]["PrivateIpAddress"] == "10.2.0.12"
    double.close()
    assert not double.complaints


def test_a_pool_in_kubernetes_follows_its_pods_and_drains_the_one_that_goes(gateway, programs, tmp_path):
    port = free_port()
    api = kubernetes(tmp_path, "127.0.0.", port=port)
    urls = [f"http://127.0.0.{10 + n}:{port}" for n in range(3)]
    for url in urls:
        programs("engine", "--host", url[7:].partition(":")[0], "--port", port, "--model", "m").address("engine")
    started = gateway(wait=False, pool={"scale": {"least": 2, "most": 3, "every": "1s", "drain_max": "10s", "behaviour": {"down": {"stabilisation": "0s"}},
                                                  "actuator": {**api.actuator, "observe": "200ms"}}})

    def serving():
        status, _, value = started.admin("GET", "/scaling")
        return sorted(one["url"] for pool in value["pools"] for one in pool["replicas"] if one["state"] == "serving") if status == 200 else []

    wait_until(lambda: serving() == urls[:2], 10, 0.05)
    where = ["--admin", started.program.address("admin"), "--token-file", tmp_path / "token-file"]
    (tmp_path / "token-file").write_text("end-to-end-token\n")
    assert run("scale", "set", "main", "3", *where).returncode == 0
    wait_until(lambda: serving() == urls, 10, 0.05)
    with ThreadPoolExecutor(12) as clients:
        answers = list(clients.map(lambda _: started.call("POST", "/v1/chat/completions", chat_body(max_tokens=50)), range(12)))
    assert len({headers["x-evener-endpoint"] for _, headers, _ in answers}) == 3
    assert run("scale", "release", "main", *where).returncode == 0
    wait_until(lambda: len(serving()) == 2 and api.double.replicas == 2, 15, 0.05)
    # The pod that went is the one that was drained, because it had been marked.
    wait_until(lambda: len(api.double.costs) == 1)
    assert [name for name in ("vllm-0", "vllm-1", "vllm-2") if name not in api.double.pods] == list(api.double.costs)
    assert serving() == sorted(urls[int(name[5:])] for name in api.double.pods)
    assert not api.double.complaints
    api.double.close()
