"""Who goes first when an endpoint is full, and who is told to come back."""

import json
import threading

import pytest

from client import RawClient, chat_body, post
from programs import wait_until
from raw_engine import CHAT, answer

PATH = "/v1/chat/completions"


@pytest.fixture
def holding(raw_engine):
    """A backend that answers when `proceed` is set."""
    proceed = threading.Event()

    def behave(connection, _):
        proceed.wait(20)
        connection.send(answer(CHAT))

    backend = raw_engine(behave)
    backend.proceed = proceed
    yield backend
    proceed.set()


class Full:
    """A gateway whose only endpoint is busy; requests sent through this wait, each known by the text of its body."""

    def __init__(self, gateway, backend, **pool):
        self.backend = backend
        self.started = gateway(pool={"endpoints": [{"name": "e0", "url": backend.url, "capacity": 1}], **pool})
        self.clients = []
        self.send("busy")
        wait_until(lambda: backend.requests)

    def send(self, text, headers=(), **fields):
        client = RawClient(self.started.port)
        client.send(post(PATH, chat_body(text, **fields), *headers))
        self.clients.append(client)

    def queued(self):
        return self.started.admin("GET", "/status")[2]["pools"][0]["queued"]

    def wait(self, text, headers=(), **fields):
        before = self.queued()
        self.send(text, headers, **fields)
        wait_until(lambda: self.queued() == before + 1)

    def proceed(self):
        """The texts of the requests in the order in which they reached the endpoint, and the statuses of all."""
        self.backend.proceed.set()
        statuses = [client.read()[0] for client in self.clients]
        for client in self.clients:
            client.socket.close()
        return [json.loads(request.body)["messages"][0]["content"] for request in self.backend.requests[1:]], statuses


def test_the_urgent_go_first_by_header_or_service_tier(gateway, holding):
    full = Full(gateway, holding)
    full.wait("background", ["x-evener-class: background"])
    full.wait("flex", service_tier="flex")
    full.wait("plain")
    full.wait("urgent", ["x-evener-class: realtime"])
    shown = {one["name"]: one["queued"] for one in full.started.admin("GET", "/status")[2]["pools"][0]["classes"]}
    assert shown == {"realtime": 1, "standard": 1, "batch": 1, "background": 1}
    assert full.started.metric("evener_queue_length", **{"class": "batch"}) == 1
    assert full.proceed()[0] == ["urgent", "plain", "flex", "background"]
    assert full.started.metric("evener_queue_wait_seconds_count", **{"class": "batch"}) == 1


def test_nobody_gets_more_than_the_ceiling_by_asking(gateway, holding):
    full = Full(gateway, holding, classes={"max": "batch"})
    full.wait("plain")
    full.wait("wants more", ["x-evener-class: realtime"])
    full.wait("plain again")
    assert full.proceed()[0] == ["plain", "plain again", "wants more"]


def test_a_tenant_with_one_request_does_not_wait_behind_the_many_of_another(gateway, holding):
    full = Full(gateway, holding)
    for number in range(4):
        full.wait(f"a{number}", ["x-evener-tenant: a", f"x-request-id: a{number}"])
    full.wait("b", ["x-evener-tenant: b"])
    assert full.proceed()[0] == ["a0", "b", "a1", "a2", "a3"]
    line = full.started.access_line("a3")
    assert (line["class"], line["tenant"]) == ("standard", "a") and line["queue_ms"] > 0


def test_in_a_full_queue_the_newest_batch_request_yields_to_an_urgent_one(gateway, holding):
    full = Full(gateway, holding, queue={"requests_max": 2})
    full.wait("old", ["x-evener-class: batch"])
    full.wait("new", ["x-evener-class: batch"])
    full.send("urgent", ["x-evener-class: realtime"])
    status, headers, body = full.clients[2].read()
    assert (status, json.loads(body)["error"]["code"]) == (429, "class_shed") and int(headers["retry-after"]) >= 1
    wait_until(lambda: full.queued() == 2)
    full.clients.pop(2).socket.close()
    assert full.proceed() == (["urgent", "old"], [200, 200, 200])
    assert full.started.metric("evener_refusals_total", reason="class_shed") == 1


def test_a_tenant_holds_no_more_than_its_share_of_the_queue(gateway, holding):
    full = Full(gateway, holding, queue={"requests_max": 4})
    for number in range(2):
        full.wait(f"a{number}", ["x-evener-tenant: a"])
    status, _, value = full.started.call("POST", PATH, chat_body(), {"x-evener-tenant": "a"})
    assert (status, value["error"]["code"]) == (429, "tenant_share")
    full.wait("b", ["x-evener-tenant: b"])
    assert sorted(full.proceed()[0]) == ["a0", "a1", "b"]


def test_a_request_that_waits_beyond_its_objective_is_told_so(gateway, holding):
    full = Full(gateway, holding)
    status, headers, value = full.started.call("POST", PATH, chat_body(), {"x-evener-first-token-ms": "200"})
    assert (status, value["error"]["code"]) == (503, "deadline_unmeetable") and int(headers["retry-after"]) >= 1
    assert 150 <= full.started.access_line(headers["x-request-id"])["queue_ms"] < 2000


@pytest.mark.parametrize("round_number", range(6))  # connections are spread over two workers: the victim lives on another one in some rounds
def test_a_background_request_gives_its_place_to_a_realtime_one_and_is_served_after_it(gateway, raw_engine, round_number):
    order, closed = [], []

    def behave(connection, request):
        text = json.loads(request.body)["messages"][0]["content"]
        order.append(text)
        if text == "background" and order.count(text) == 1:
            closed.append(connection.wait_for_end(10))
            return False
        connection.send(answer(CHAT))

    backend = raw_engine(behave)
    started = gateway(pool={"endpoints": [{"name": "e0", "url": backend.url, "capacity": 1}], "classes": {"preempt": True}})
    with RawClient(started.port) as background, RawClient(started.port) as realtime:
        background.send(post(PATH, chat_body("background"), "x-evener-class: background"))
        wait_until(lambda: order)
        realtime.send(post(PATH, chat_body("realtime"), "x-evener-class: realtime"))
        assert realtime.read()[0] == 200
        status, headers, _ = background.read()
    assert status == 200 and order == ["background", "realtime", "background"] and closed[0] is not None
    line = started.access_line(headers["x-request-id"])
    assert (line["preempted"], line["attempts"], line["ended"], line["endpoint"]) == (True, 1, "done", "e0")
    assert started.metric("evener_preemptions_total") == 1
    endpoint = started.endpoints()["e0"]
    assert (endpoint["in_flight"], endpoint["failures_total"]) == (0, 0)


def test_a_background_request_that_has_begun_to_answer_does_not_give_way(gateway, raw_engine):
    proceed = threading.Event()

    def behave(connection, request):
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n9\r\ndata: a\n\n\r\n")
        proceed.wait(10)
        connection.send(b"0\r\n\r\n")

    started = gateway(pool={"endpoints": [{"name": "e0", "url": raw_engine(behave).url, "capacity": 1}], "classes": {"preempt": True}})
    with RawClient(started.port) as background, RawClient(started.port) as realtime:
        background.send(post(PATH, chat_body(stream=True), "x-evener-class: background")).read_head()
        assert background.read_chunk() == b"data: a\n\n"
        realtime.send(post(PATH, chat_body(stream=True), "x-evener-class: realtime"))
        wait_until(lambda: started.admin("GET", "/status")[2]["pools"][0]["queued"] == 1)
        proceed.set()
        assert realtime.read()[0] == 200
    assert not started.metric("evener_preemptions_total")


def test_many_pre_emptions_at_once_leave_nothing_behind(gateway, engine):
    started = gateway(pool={"endpoints": [{"name": "e0", "url": engine("--decode-tokens-per-s", 300).url, "capacity": 4}], "classes": {"preempt": True}})
    statuses = []

    def run(name):
        for _ in range(6):
            statuses.append(started.call("POST", PATH, chat_body(max_tokens=8), {"x-evener-class": name})[0])

    threads = [threading.Thread(target=run, args=(name,)) for name in ("background", "realtime") * 12]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert statuses == [200] * len(statuses) and len(statuses) == 144
    wait_until(lambda: started.endpoints()["e0"]["in_flight"] == 0)
    assert started.metric("evener_preemptions_total") > 0
