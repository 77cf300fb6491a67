"""A publisher of KV-cache events as vLLM's is one: numbered msgpack batches on a PUB socket, and a ROUTER socket that sends the kept ones again."""

import threading

import msgpack
import zmq

END = (-1).to_bytes(8, "big", signed=True)


def stored(blocks, parent=None, tokens=None, block_size=16, form="maps"):
    tokens = list(range(len(blocks) * block_size)) if tokens is None else tokens
    if form == "arrays":
        return ["BlockStored", blocks, parent, tokens, block_size, None]
    return {"type": "BlockStored", "block_hashes": blocks, "parent_block_hash": parent, "token_ids": tokens, "block_size": block_size,
            "lora_id": None, "medium": "GPU", "lora_name": None}


def removed(blocks, form="maps"):
    return ["BlockRemoved", blocks] if form == "arrays" else {"type": "BlockRemoved", "block_hashes": blocks, "medium": "GPU"}


def cleared(form="maps"):
    return ["AllBlocksCleared"] if form == "arrays" else {"type": "AllBlocksCleared"}


class Publisher:
    """One engine's publisher. A new one on the same ports is the engine after a restart: it counts from 0 again and keeps nothing."""

    def __init__(self, port=0, replay_port=0, replay=True, topic="", form="maps"):
        self.form, self.topic = form, topic.encode()
        self.context = zmq.Context()
        self.socket = self.context.socket(zmq.XPUB)  # a PUB socket that tells who subscribes
        self.socket.linger = 0
        self.address = self._bind(self.socket, port)
        self.port = int(self.address.rpartition(":")[2])
        self.kept, self.number, self.asked = [], 0, []
        self.lock = threading.Lock()
        self.replay_address, self.replay_port, self.running = "", 0, True
        if replay:
            self.replay = self.context.socket(zmq.ROUTER)
            self.replay.linger = 0
            self.replay_address = self._bind(self.replay, replay_port)
            self.replay_port = int(self.replay_address.rpartition(":")[2])
            self.thread = threading.Thread(target=self._answer, daemon=True)
            self.thread.start()

    @staticmethod
    def _bind(socket, port):
        socket.bind(f"tcp://127.0.0.1:{port or '*'}")
        return socket.getsockopt_string(zmq.LAST_ENDPOINT)

    def wait_for_subscriber(self):
        assert self.socket.poll(10_000), "nobody has subscribed"
        return self.socket.recv()

    def publish(self, *events, send=True, keep=True, rank=0):
        """`send` False: nobody hears of it, as when a buffer ran over. `keep` False: replay has forgotten it."""
        batch = [1.5, list(events), rank] if self.form == "arrays" else {"ts": 1.5, "events": list(events), "data_parallel_rank": rank}
        payload = msgpack.packb(batch)
        with self.lock:
            if keep:
                self.kept.append((self.number, payload))
            if send:
                self.raw(self.topic, self.number.to_bytes(8, "big"), payload)
            self.number += 1

    def raw(self, *frames):
        self.socket.send_multipart(frames)

    def _answer(self):
        while self.running:
            if not self.replay.poll(20):
                continue
            client, empty, start = self.replay.recv_multipart()
            start = int.from_bytes(start, "big")
            with self.lock:
                self.asked.append(start)
                for number, payload in self.kept:
                    if number >= start:
                        self.replay.send_multipart((client, empty, number.to_bytes(8, "big"), payload))
                self.replay.send_multipart((client, empty, END, b""))

    def close(self):
        self.running = False
        if self.replay_address:
            self.thread.join(2)
            self.replay.close()
        self.socket.close()
        self.context.term()
