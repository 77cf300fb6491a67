"""A double of Kubernetes' API server, as far as scaling needs it."""

import json

from api_double import Double, Refused


class KubernetesDouble(Double):
    """One Deployment "vllm" in namespace "llm", whose pods are ready as soon as they are wanted."""

    SCALE, PODS = "/apis/apps/v1/namespaces/llm/deployments/vllm/scale", "/api/v1/namespaces/llm/pods"
    COST = "controller.kubernetes.io/pod-deletion-cost"

    def __init__(self, certificate, token, network="10.1.0."):
        super().__init__(certificate)
        self.token, self.network = token, network
        self.replicas, self.version, self.conflicts = 2, 7, 0
        self.pods, self.costs, self.events = [], {}, []  # names; deletion costs; lines of a watch, whose versions are their numbers
        self.settle()

    @staticmethod
    def status(code, message):
        return Refused(code, {"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": message, "code": code})

    def scale(self):
        return {"kind": "Scale", "apiVersion": "autoscaling/v1", "metadata": {"name": "vllm", "namespace": "llm", "resourceVersion": str(self.version)},
                "spec": {"replicas": self.replicas}, "status": {"replicas": len(self.pods), "selector": "app=vllm"}}

    def pod(self, name, version=0):
        annotations = {self.COST: str(self.costs[name])} if name in self.costs else {}
        return {"kind": "Pod", "metadata": {"name": name, "resourceVersion": str(version), "annotations": annotations},
                "status": {"phase": "Running", "podIP": f"{self.network}{10 + int(name[5:])}", "conditions": [{"type": "Ready", "status": "True"}]}}

    def tell(self, kind, name):
        self.events.append(json.dumps({"type": kind, "object": self.pod(name, len(self.events) + 1)}))

    def settle(self):
        while len(self.pods) > self.replicas:  # as a ReplicaSet does: the lowest deletion cost first, then the newest
            gone = min(reversed(self.pods), key=lambda name: self.costs.get(name, 0))
            self.pods.remove(gone)
            self.tell("DELETED", gone)
        while len(self.pods) < self.replicas:
            new = next(f"vllm-{n}" for n in range(1000) if f"vllm-{n}" not in self.pods)
            self.pods.append(new)
            self.costs.pop(new, None)
            self.tell("ADDED", new)

    def put_scale(self, wanted):
        if self.conflicts > 0:
            self.conflicts -= 1
            self.version += 1
        if wanted["metadata"]["resourceVersion"] != str(self.version):
            raise self.status(409, "the object has been modified; please apply your changes to the latest version and try again")
        self.replicas, self.version = wanted["spec"]["replicas"], self.version + 1
        self.settle()
        return self.scale()

    def list_or_watch(self, query):
        assert query["labelSelector"] == "app=vllm"
        if query.get("watch") == "true":  # what happened since, and the end
            return "".join(line + "\n" for line in self.events[int(query["resourceVersion"]):])
        return {"kind": "PodList", "apiVersion": "v1", "metadata": {"resourceVersion": str(len(self.events))}, "items": [self.pod(name) for name in self.pods]}

    def answer(self, request):
        if request.headers.get("authorization") != f"Bearer {self.token}":
            raise self.status(401, "Unauthorized")
        if request.path == self.SCALE:
            return self.put_scale(request.json()) if request.method == "PUT" else self.scale()
        if request.path == self.PODS:
            return self.list_or_watch(request.query)
        if request.path.startswith(self.PODS + "/") and request.method == "PATCH":
            assert request.headers["content-type"] == "application/merge-patch+json"
            name, cost = request.path.rpartition("/")[2], request.json()["metadata"]["annotations"][self.COST]
            if cost is None:
                del self.costs[name]
            else:
                self.costs[name] = int(cost)
            self.tell("MODIFIED", name)
            return self.pod(name)
        raise self.status(404, f"the server could not find {request.path}")
