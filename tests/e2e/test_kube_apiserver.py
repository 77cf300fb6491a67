"""The Kubernetes actuator against a real kube-apiserver with etcd. `./dev kubernetes` gets both and runs this; elsewhere it is skipped."""

import json
import os
import pathlib
import re
import shutil
import ssl
import subprocess
import threading
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import pytest

from api_double import Certificate
from client import chat_body
from conftest import TOKEN
from programs import free_port, run, wait_until

APISERVER = os.environ.get("EVENER_KUBE_APISERVER", "")
ETCD = os.environ.get("EVENER_ETCD") or shutil.which("etcd") or ""
pytestmark = pytest.mark.skipif(not (APISERVER and ETCD), reason="no kube-apiserver (EVENER_KUBE_APISERVER) or no etcd; ./dev kubernetes gets both")

ADMIN, SCALER = "admin-token", "scaler-token"
DEPLOYMENTS, PODS = "/apis/apps/v1/namespaces/llm/deployments", "/api/v1/namespaces/llm/pods"
DELETION_COST = "controller.kubernetes.io/pod-deletion-cost"
SCALING_PAGE = pathlib.Path(__file__).parents[2] / "docs/scaling.md"


def workload(kind, app, **spec):
    """A Deployment or a StatefulSet of two pods."""
    template = {"metadata": {"labels": {"app": app}}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
    return {"apiVersion": "apps/v1", "kind": kind, "metadata": {"name": app},
            "spec": {"replicas": 2, "selector": {"matchLabels": {"app": app}}, "template": template, **spec}}


FLEETS = {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": "fleets.example.com"},
          "spec": {"group": "example.com", "scope": "Namespaced", "names": {"plural": "fleets", "singular": "fleet", "kind": "Fleet"},
                   "versions": [{"name": "v1", "served": True, "storage": True,
                                 "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}},
                                 "subresources": {"scale": {"specReplicasPath": ".spec.replicas", "statusReplicasPath": ".status.replicas"}}}]}}


class Cluster:
    """An API server and its etcd, without controllers and nodes: pods are made by the test."""

    def __init__(self, folder):
        self.folder, self.certificate = folder, Certificate(folder)
        self.log = open(folder / "log", "wb")  # noqa: SIM115; closed with the cluster
        client, peer, self.port = free_port(), free_port(), free_port()
        etcd = f"http://127.0.0.1:{client}"
        peer_url = f"http://127.0.0.1:{peer}"
        self.programs = [self.start(ETCD, "--data-dir", folder / "etcd", "--listen-client-urls", etcd, "--advertise-client-urls", etcd, "--listen-peer-urls", peer_url,
                                    "--initial-advertise-peer-urls", peer_url, "--initial-cluster", f"default={peer_url}")]
        tokens = folder / "tokens.csv"
        tokens.write_text(f'{ADMIN},admin,1,"system:masters"\n{SCALER},scaler,2\n')
        key = self.certificate.key
        self.programs.append(self.start(
            APISERVER, "--etcd-servers", etcd, "--bind-address", "127.0.0.1", "--secure-port", self.port, "--cert-dir", folder,
            "--tls-cert-file", self.certificate.file, "--tls-private-key-file", key, "--token-auth-file", tokens, "--authorization-mode", "RBAC",
            "--service-account-issuer", "https://double", "--service-account-key-file", self.certificate.file, "--service-account-signing-key-file", key,
            "--service-cluster-ip-range", "10.0.0.0/24", "--disable-admission-plugins", "ServiceAccount"))
        wait_until(self.ready, 120, 0.2)

    def start(self, *command):
        return subprocess.Popen([str(word) for word in command], stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)

    def ready(self):
        assert all(program.poll() is None for program in self.programs), (self.folder / "log").read_text(errors="replace")[-2000:]
        try:
            return self.call("GET", "/readyz", raw=True) == b"ok"
        except OSError:
            return False

    def call(self, method, path, body=None, content_type="application/json", raw=False):
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        request = urllib.request.Request(f"https://127.0.0.1:{self.port}{path}", data, {"Authorization": f"Bearer {ADMIN}", "Content-Type": content_type}, method=method)
        with urllib.request.urlopen(request, timeout=10, context=ssl.create_default_context(cafile=self.certificate.file)) as answer:
            text = answer.read()
        return text if raw else json.loads(text)

    def make_pod(self, number):
        """As a ReplicaSet and a kubelet would. Its address is one of this machine's."""
        self.call("POST", PODS, {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": f"vllm-{number}", "labels": {"app": "vllm"}},
                                 "spec": {"automountServiceAccountToken": False, "containers": [{"name": "c", "image": "i"}]}})
        address = f"127.0.0.{10 + number}"
        status = {"phase": "Running", "podIP": address, "podIPs": [{"ip": address}], "conditions": [{"type": "Ready", "status": "True"}]}
        self.call("PATCH", f"{PODS}/vllm-{number}/status", {"status": status}, "application/merge-patch+json")

    def is_marked(self, name):
        """Whether it is among those that a ReplicaSet which shrinks takes first."""
        return int(self.call("GET", f"{PODS}/{name}")["metadata"].get("annotations", {}).get(DELETION_COST, 0)) < 0

    def lists_of_pods(self):
        """How many times anybody has listed pods, as the server counts it."""
        text = self.call("GET", "/metrics", raw=True).decode()
        lines = [line for line in text.splitlines() if line.startswith("apiserver_request_total{") and 'resource="pods"' in line and 'verb="LIST"' in line]
        return sum(float(line.rpartition(" ")[2]) for line in lines)

    def close(self):
        for program in reversed(self.programs):
            program.terminate()
            try:
                program.wait(20)
            except subprocess.TimeoutExpired:
                program.kill()
                program.wait()
        self.log.close()


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    started = Cluster(tmp_path_factory.mktemp("kube"))
    try:
        started.call("POST", "/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "llm"}})
        # The role that the documentation says is enough, as it stands there.
        role = next(block for block in re.findall(r"```yaml\n(.*?)```", SCALING_PAGE.read_text(encoding="utf-8"), re.S) if "kind: Role" in block)
        rbac = "/apis/rbac.authorization.k8s.io/v1/namespaces/llm"
        started.call("POST", f"{rbac}/roles", role.encode(), "application/yaml")
        started.call("POST", f"{rbac}/rolebindings", {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": {"name": "scaler"},
                                                      "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "evener-scaler"},
                                                      "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "scaler"}]})
        started.call("POST", DEPLOYMENTS, workload("Deployment", "vllm"))
        for number in range(2):
            started.make_pod(number)
        yield started
    finally:
        started.close()


def actuator(cluster, token=SCALER, **settings):
    kubeconfig = cluster.folder / f"kubeconfig-{token}"
    kubeconfig.write_text(json.dumps({
        "current-context": "c", "contexts": [{"name": "c", "context": {"cluster": "k", "user": "u", "namespace": "llm"}}],
        "clusters": [{"name": "k", "cluster": {"server": f"https://127.0.0.1:{cluster.port}", "certificate-authority": cluster.certificate.file}}],
        "users": [{"name": "u", "user": {"token": token}}]}))
    return {"kind": "kubernetes", "observe": "200ms", "kubernetes": {"name": "vllm", "kubeconfig": str(kubeconfig), **settings}}


def check(cluster, *arguments, **settings):
    file = cluster.folder / "evener.yaml"
    file.write_text(json.dumps({"pools": [{"name": "chat", "models": ["m"], "scale": {"most": 9, "actuator": actuator(cluster, **settings)}}]}))
    ran = run("scale", "check", file, "--pool", "chat", "--json", *arguments)
    assert ran.stdout, ran.stderr
    return ran.returncode, json.loads(ran.stdout)["pools"][0]


def wanted(cluster, path=f"{DEPLOYMENTS}/vllm"):
    return cluster.call("GET", path)["spec"]["replicas"]


def test_a_deployment_and_its_ready_pods_are_found(cluster):
    assert check(cluster) == (0, {"name": "chat", "actuator": "kubernetes", "desired": 2, "ready": 2,
                                  "endpoints": ["http://127.0.0.10:8000", "http://127.0.0.11:8000"], "trouble": ""})


def test_it_is_scaled_while_others_change_it_too(cluster):
    stop = threading.Event()

    def annotate():
        number = 0
        while not stop.is_set():
            number += 1
            cluster.call("PATCH", f"{DEPLOYMENTS}/vllm", {"metadata": {"annotations": {"n": str(number)}}}, "application/merge-patch+json")

    other = threading.Thread(target=annotate)
    other.start()
    try:
        for number in (5, 0, 3, 2):
            code, pool = check(cluster, "--replicas", number)
            assert code == 0 and pool["desired"] == number, pool
            assert wanted(cluster) == number
    finally:
        stop.set()
        other.join()


def test_a_custom_resource_is_scaled_like_a_deployment(cluster):
    cluster.call("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", FLEETS)
    fleets = "/apis/example.com/v1/namespaces/llm/fleets"

    def made():
        try:
            return cluster.call("POST", fleets, {"apiVersion": "example.com/v1", "kind": "Fleet", "metadata": {"name": "vllm"}, "spec": {"replicas": 1}})
        except urllib.error.HTTPError as refused:
            assert refused.code == 404  # until the server has taken the new kind up
            return None

    wait_until(made, 30, 0.1)
    code, pool = check(cluster, "--replicas", 4, token=ADMIN, resource="example.com/v1/fleets")
    assert code == 0 and pool["desired"] == 4
    assert wanted(cluster, f"{fleets}/vllm") == 4


def test_a_stateful_set_is_scaled_like_a_deployment(cluster):
    sets = "/apis/apps/v1/namespaces/llm/statefulsets"
    cluster.call("POST", sets, workload("StatefulSet", "sglang", serviceName="sglang"))
    settings = {"token": ADMIN, "resource": "apps/v1/statefulsets", "name": "sglang"}
    assert check(cluster, **settings)[1]["desired"] == 2
    code, pool = check(cluster, "--replicas", 5, **settings)
    assert code == 0 and pool["desired"] == 5
    assert wanted(cluster, f"{sets}/sglang") == 5


def test_what_is_not_there_or_not_allowed_is_said_in_the_servers_words(cluster):
    code, pool = check(cluster, name="nobody")
    assert code == 1 and "forbidden" in pool["error"] and '"scaler"' in pool["error"] and not pool["may_retry"]
    code, pool = check(cluster, name="nobody", token=ADMIN)
    assert code == 1 and '"nobody" not found' in pool["error"]
    code, pool = check(cluster, token="unknown")
    assert code == 1 and "status 401" in pool["error"]


def test_a_pool_follows_its_pods_by_a_watch_and_marks_the_one_that_it_drained(cluster, gateway, programs, tmp_path):
    port = free_port()
    urls = {f"vllm-{number}": f"http://127.0.0.{10 + number}:{port}" for number in range(3)}
    for url in urls.values():
        programs("engine", "--host", url[7:].partition(":")[0], "--port", port, "--model", "m").address("engine")
    started = gateway(wait=False, pool={"scale": {"least": 2, "most": 9, "every": "1s", "drain_max": "10s", "behaviour": {"down": {"stabilisation": "0s"}},
                                                  "actuator": actuator(cluster, port=port)}})
    (tmp_path / "token-file").write_text(TOKEN + "\n")
    where = ["--admin", started.program.address("admin"), "--token-file", tmp_path / "token-file"]

    def serving():
        status, _, value = started.admin("GET", "/scaling")
        return {one["url"] for pool in value["pools"] for one in pool["replicas"] if one["state"] == "serving"} if status == 200 else set()

    def answering():
        """Which endpoints answer a burst of requests."""
        with ThreadPoolExecutor(12) as clients:
            answers = list(clients.map(lambda _: started.call("POST", "/v1/chat/completions", chat_body(max_tokens=50)), range(12)))
        assert all(status == 200 for status, _, _ in answers)
        return {headers["x-evener-endpoint"] for _, headers, _ in answers}

    wait_until(lambda: serving() == {urls["vllm-0"], urls["vllm-1"]}, 20, 0.05)
    lists = cluster.lists_of_pods()
    assert run("scale", "set", "main", "3", *where).returncode == 0
    wait_until(lambda: wanted(cluster) == 3, 20, 0.05)
    cluster.make_pod(2)
    wait_until(lambda: serving() == set(urls.values()), 20, 0.05)
    assert len(answering()) == 3
    (pool,) = json.loads(run("scale", "status", "--json", *where).stdout)["pools"]
    (kind,) = pool["kinds"]
    assert (kind["actuator"], kind["desired"], kind["ready"], kind["trouble"]) == ("kubernetes", 3, 3, "")
    assert not any(cluster.is_marked(name) for name in urls)

    assert run("scale", "release", "main", *where).returncode == 0
    wait_until(lambda: wanted(cluster) == 2, 20, 0.05)
    (gone,) = (name for name in urls if cluster.is_marked(name))
    assert serving() == set(urls.values()) - {urls[gone]}
    cluster.call("DELETE", f"{PODS}/{gone}?gracePeriodSeconds=0")  # as a ReplicaSet does now
    wait_until(lambda: urls[gone] not in {one["url"] for one in started.admin("GET", "/scaling")[2]["pools"][0]["replicas"]}, 20, 0.05)
    assert len(answering()) == 2
    assert cluster.lists_of_pods() == lists, "a watch tells of pods that come and go; no list is needed"
