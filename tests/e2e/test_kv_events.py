"""KV-cache events: a real ZeroMQ peer publishes to the gateway, and the emulated engine to the gateway."""

import concurrent.futures
import json
import random
import time

import pytest

from kv_publisher import Publisher, cleared, removed, stored
from programs import free_port, run, wait_until
from raw_engine import answer


@pytest.fixture
def publisher():
    started = []

    def start(**options):
        started.append(Publisher(**options))
        return started[-1]

    yield start
    for one in started:
        if not one.socket.closed:
            one.close()


@pytest.fixture
def following(gateway, raw_engine):
    """A gateway that follows this publisher, and what it knows of it. The endpoint itself only has to exist."""
    def start(published, topic=""):
        engine = raw_engine(lambda connection: connection.send(answer()))
        endpoint = {"name": "e0", "url": engine.url,
                    "kv_events": {"address": published.address, "replay": published.replay_address, "topic": topic}}
        started = gateway(pool={"endpoints": [endpoint], "health_check": {"enabled": False}, "load_reports": {"enabled": False}}, wait=False)

        def kv():
            return started.endpoints()["e0"]["kv_events"] or {}

        started.kv = kv
        started.until = lambda **figures: wait_until(lambda: all(kv().get(name) == value for name, value in figures.items()) and kv(), 8)
        started.until(connected=True)
        published.wait_for_subscriber()
        return started

    return start


@pytest.mark.parametrize("form", ["maps", "arrays"])
def test_blocks_that_are_stored_and_removed_are_counted(publisher, following, form):
    engine = publisher(form=form)
    gateway = following(engine)
    engine.publish(stored([11, 12, 13], form=form))
    engine.publish(stored([14], parent=13, form=form), removed([12], form=form))
    known = gateway.until(resident_blocks=3, batches_total=2)
    assert known["complete"] and known["resident_tokens"] == 48 and known["stored_blocks_total"] == 4 and known["removed_blocks_total"] == 1
    assert known["bad_messages_total"] == 0 and known["last_error"] == ""
    engine.publish(cleared(form))
    gateway.until(resident_blocks=0, cleared_total=1)


def test_hashes_may_be_bytes(publisher, following):
    engine = publisher()
    gateway = following(engine)
    first, second = bytes(range(32)), bytes(range(1, 33))
    engine.publish(stored([first, second]))
    gateway.until(resident_blocks=2)
    engine.publish(removed([second, first]))
    assert gateway.until(resident_blocks=0)["unknown_removed_total"] == 0


def test_what_was_stored_before_we_came_is_replayed(publisher, following):
    engine = publisher()
    engine.publish(stored([1, 2]), send=False)
    engine.publish(stored([3], parent=2), send=False)
    gateway = following(engine)
    known = gateway.until(resident_blocks=3, batches_total=2)
    assert known["complete"] and engine.asked[0] == 0


def test_a_gap_is_filled_by_replay(publisher, following):
    engine = publisher()
    gateway = following(engine)
    engine.publish(stored([1]))
    gateway.until(resident_blocks=1)
    engine.publish(stored([2], parent=1), send=False)
    engine.publish(stored([3], parent=2), send=False)
    engine.publish(stored([4], parent=3))
    known = gateway.until(resident_blocks=4, batches_total=4)
    assert known["gaps_total"] == 1 and known["holes_total"] == 0 and known["cleared_total"] == 0 and known["complete"]


def test_a_hole_that_replay_cannot_fill_drops_what_was_known(publisher, following):
    engine = publisher()
    gateway = following(engine)
    engine.publish(stored([1, 2]))
    gateway.until(resident_blocks=2)
    engine.publish(removed([2]), send=False, keep=False)
    engine.publish(stored([7, 8, 9]))
    known = gateway.until(resident_blocks=3, holes_total=1, cleared_total=1)
    assert not known["complete"]
    engine.publish(stored([10], parent=9))  # and it goes on
    gateway.until(resident_blocks=4, holes_total=1)


def test_without_a_replay_socket_a_gap_is_a_hole(publisher, following):
    engine = publisher(replay=False)
    gateway = following(engine)
    engine.publish(stored([1, 2]))
    gateway.until(resident_blocks=2)
    engine.publish(removed([2]), send=False)
    engine.publish(stored([7, 8, 9]))
    gateway.until(resident_blocks=3, gaps_total=1, holes_total=1, cleared_total=1)


def test_a_replay_socket_that_never_answers_costs_the_knowledge_and_no_more(publisher, following):
    engine = publisher()
    gateway = following(engine)
    engine.publish(stored([1, 2]))
    gateway.until(resident_blocks=2)
    engine.running = False
    engine.thread.join()
    engine.publish(stored([3], parent=2), send=False)
    engine.publish(stored([7]))
    gateway.until(resident_blocks=1, replays_failed_total=1, holes_total=1)


@pytest.mark.parametrize("replay", [True, False])
def test_a_restarted_engine_begins_with_an_empty_cache(publisher, following, replay):
    engine = publisher(replay=replay)
    gateway = following(engine)
    engine.publish(stored([1, 2, 3]))
    engine.publish(stored([4], parent=3))
    gateway.until(resident_blocks=4)
    engine.close()
    gateway.until(connected=False)

    again = publisher(port=engine.port, replay_port=engine.replay_port, replay=replay)
    gateway.until(connected=True)
    again.wait_for_subscriber()
    again.publish(stored([1, 2]))
    known = gateway.until(resident_blocks=2, restarts_total=1, cleared_total=1)
    assert known["complete"]


def test_a_restarted_engine_that_has_counted_past_us_is_noticed(publisher, following):
    engine = publisher()
    gateway = following(engine)
    engine.publish(stored([1, 2, 3]))
    gateway.until(resident_blocks=3)
    engine.close()
    gateway.until(connected=False)
    again = publisher(port=engine.port, replay_port=engine.replay_port)
    for block in range(100, 105):
        again.publish(stored([block]), send=False)
    known = gateway.until(connected=True, resident_blocks=5, restarts_total=1)
    assert known["complete"]


def test_garbage_is_counted_and_survived(publisher, following):
    engine = publisher(replay=False)
    gateway = following(engine)
    engine.raw(b"")
    engine.raw(b"", b"short", b"x")
    engine.raw(*[b"many"] * 20)
    known = gateway.until(bad_messages_total=3)
    assert "eight bytes" in known["last_error"]
    rng = random.Random(1)
    for number in range(200):
        engine.raw(b"", number.to_bytes(8, "big"), rng.randbytes(rng.randrange(60)))
    known = wait_until(lambda: (k := gateway.kv())["bad_messages_total"] >= 200 and k)
    assert known["connected"] and known["resident_blocks"] == 0
    engine.number = 200
    engine.publish(stored([1, 2]), {"type": "BlockMoved", "to": "disk"}, ["BlockStored"])
    gateway.until(resident_blocks=0)
    engine.publish(stored([1, 2]), {"type": "BlockMoved", "to": "disk"})
    assert gateway.until(resident_blocks=2)["unknown_events_total"] == 1


def test_a_frame_beyond_the_limit_ends_the_connection_and_not_the_gateway(publisher, following):
    engine = publisher(replay=False)
    gateway = following(engine)
    engine.publish(stored([1]))
    gateway.until(resident_blocks=1)
    engine.raw(b"", (1).to_bytes(8, "big"), bytes((8 << 20) + 1))
    engine.wait_for_subscriber()  # it left
    engine.wait_for_subscriber()  # and came back
    engine.publish(stored([5, 6]))
    gateway.until(resident_blocks=3, holes_total=0)


def test_only_the_topic_that_was_asked_for_is_read(publisher, following):
    engine = publisher(topic="kv@other", replay=False)
    gateway = following(engine, topic="kv@mine")
    engine.publish(stored([1]))
    engine.topic = b"kv@mine@model"
    engine.number = 0
    engine.publish(stored([7, 8]))
    assert gateway.until(resident_blocks=2)["batches_total"] == 1


def test_capacity_is_learned_when_the_engine_evicts(publisher, following):
    engine = publisher()
    gateway = following(engine)
    engine.publish(stored(list(range(1, 101))))
    engine.publish(removed(list(range(100, 90, -1))))
    assert gateway.until(resident_blocks=90)["capacity_tokens"] == 1600
    assert gateway.metric("evener_endpoint_kv_capacity_tokens", endpoint="e0") == 1600
    assert gateway.metric("evener_endpoint_kv_connected", endpoint="e0") == 1


def test_a_publisher_that_is_not_there_disturbs_nobody(gateway, engine):
    started = gateway(pool={"endpoints": [{"name": "e0", "url": engine().url, "kv_events": {"address": "tcp://127.0.0.1:9", "replay": "tcp://127.0.0.1:9"}}]})
    for _ in range(20):
        assert started.call("POST", "/v1/completions", {"model": "m", "prompt": "hello", "max_tokens": 2})[0] == 200
    wait_until(lambda: (k := started.endpoints()["e0"]["kv_events"]) and k["connected"] is False)


def test_a_reload_may_begin_and_end_it(publisher, following):
    engine = publisher()
    gateway = following(engine)
    engine.publish(stored([1, 2]))
    gateway.until(resident_blocks=2)
    file = gateway.program.config_file
    config = json.loads(file.read_text(encoding="utf-8"))
    events = config["pools"][0]["endpoints"][0].pop("kv_events")
    file.write_text(json.dumps(config), encoding="utf-8")
    assert gateway.admin("POST", "/reload")[0] == 200
    wait_until(lambda: gateway.kv() == {})
    config["pools"][0]["endpoints"][0]["kv_events"] = events
    file.write_text(json.dumps(config), encoding="utf-8")
    assert gateway.admin("POST", "/reload")[0] == 200
    gateway.until(connected=True, resident_blocks=2)  # by replay


@pytest.mark.parametrize("given", ["127.0.0.1:5557", "tcp://127.0.0.1", "tcp://host:0", "tcp://host:70000", "udp://127.0.0.1:5557"])
def test_an_address_that_is_none_is_refused(tmp_path, given):
    file = tmp_path / "evener.yaml"
    file.write_text('pools: [{name: p, models: ["*"], endpoints: [{url: "http://127.0.0.1:1", kv_events: {address: "%s"}}]}]' % given, encoding="utf-8")
    check = run("config", "check", file)
    assert check.returncode == 3 and "kv_events.address" in check.stderr


def test_replay_without_events_is_refused(tmp_path):
    file = tmp_path / "evener.yaml"
    file.write_text('pools: [{name: p, models: ["*"], endpoints: [{url: "http://127.0.0.1:1", kv_events: {replay: "tcp://127.0.0.1:5558"}}]}]', encoding="utf-8")
    check = run("config", "check", file)
    assert check.returncode == 3 and "kv_events.replay" in check.stderr


# ---- the emulated engine as the publisher

@pytest.fixture
def emulated(engine, gateway):
    """An emulated engine that publishes, and a gateway that follows it."""
    def start(spec, *arguments):
        started = engine(spec, "--kv-events", "tcp://127.0.0.1:0", "--kv-replay", "tcp://127.0.0.1:0", *arguments)
        addresses = {"address": started.address("kv-events"), "replay": started.address("kv-replay")}
        through = gateway(pool={"endpoints": [{"name": "e0", "url": started.url, "kv_events": addresses}]})
        through.kv = lambda: through.endpoints()["e0"]["kv_events"] or {}
        wait_until(lambda: through.kv().get("connected"))
        return started, through

    return start


def text(seed, words):
    rng = random.Random(seed)
    return " ".join(f"{rng.randrange(10**6):06d}" for _ in range(words))


def test_requests_are_attributed_to_what_the_engine_stored(emulated):
    _, gateway = emulated("fast,kv_blocks=800")
    for seed in range(20):
        assert gateway.call("POST", "/v1/completions", {"model": "m", "prompt": text(seed, 300 + 20 * seed), "max_tokens": 4})[0] == 200
    known = wait_until(lambda: (k := gateway.kv())["requests_attributed_total"] == 20 and k)
    assert known["knowledge"] == "exact" and known["complete"] and known["requests_unattributed_total"] == 0
    assert 0.8 * 800 * 16 < known["capacity_tokens"] <= 800 * 16  # 20 prompts of about 850 tokens do not fit
    assert known["resident_tokens"] <= 800 * 16


def test_requests_at_the_same_time_are_told_apart(emulated, figure):
    _, gateway = emulated("fast,step_ms=5", "--fault", "slow=1")
    def one(seed):
        body = {"model": "m", "prompt": text(seed, 150 + 37 * (seed % 40)), "max_tokens": 4 + seed % 7}
        assert gateway.call("POST", "/v1/completions", body)[0] == 200
    with concurrent.futures.ThreadPoolExecutor(8) as threads:
        list(threads.map(one, range(160)))
    known = wait_until(lambda: (k := gateway.kv())["requests_attributed_total"] + k["requests_unattributed_total"] >= 150 and k)
    figure.text(f"of 160 requests, eight at a time, {known['requests_attributed_total']:.0f} found in the engine's events")
    assert known["requests_attributed_total"] >= 144


def test_dropped_batches_are_fetched_by_replay(emulated):
    engine, gateway = emulated("fast", "--fault", "kv_drop_every=3")
    for seed in range(12):
        assert gateway.call("POST", "/v1/completions", {"model": "m", "prompt": text(seed, 200), "max_tokens": 2})[0] == 200
    full = 12 * ((200 * 7 - 1) // 64)
    known = wait_until(lambda: (k := gateway.kv())["resident_blocks"] >= full - 200 and k["gaps_total"] >= 3 and k)
    assert known["holes_total"] == 0 and known["cleared_total"] == 0 and known["replayed_total"] >= 3


def test_an_engine_that_is_killed_and_started_again(engine, gateway, programs):
    ports = [free_port() for _ in range(3)]
    arguments = ["--port", ports[0], "--kv-events", f"tcp://127.0.0.1:{ports[1]}", "--kv-replay", f"tcp://127.0.0.1:{ports[2]}", "--model", "m", "fast"]
    first = programs("engine", *arguments)
    first.address("engine")
    endpoint = {"name": "e0", "url": f"http://127.0.0.1:{ports[0]}",
                "kv_events": {"address": f"tcp://127.0.0.1:{ports[1]}", "replay": f"tcp://127.0.0.1:{ports[2]}"}}
    started = gateway(pool={"endpoints": [endpoint]})
    def kv():
        return started.endpoints()["e0"]["kv_events"] or {"connected": False}

    wait_until(lambda: kv()["connected"])
    body = {"model": "m", "prompt": text(1, 500), "max_tokens": 2}
    assert started.call("POST", "/v1/completions", body)[0] == 200
    before = wait_until(lambda: (k := kv())["resident_blocks"] > 0 and k)["resident_blocks"]
    first.kill()
    programs("engine", *arguments).address("engine")
    wait_until(lambda: (k := kv())["restarts_total"] == 1 and k["resident_blocks"] == 0 and k["connected"], 15)
    wait_until(lambda: started.endpoints()["e0"]["health"] == "healthy", 10)
    assert started.call("POST", "/v1/completions", body)[0] == 200
    wait_until(lambda: kv()["resident_blocks"] == before)


def test_following_does_not_hold_up_requests(emulated, figure):
    _, gateway = emulated("fast,kv_blocks=100")
    took = []
    for seed in range(60):
        began = time.monotonic()
        assert gateway.call("POST", "/v1/completions", {"model": "m", "prompt": text(seed, 400), "max_tokens": 1})[0] == 200
        took.append(time.monotonic() - began)
    median, _ = figure("a request whose events are followed", took)
    assert median < 0.2
    assert gateway.metric("evener_kv_notes_dropped_total") == 0
