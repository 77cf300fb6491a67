"""Between the gateway and an engine: passes everything, and resets the connection after a given number of bytes of a streamed answer."""

import socket
import struct
import threading


class CuttingProxy:
    """Cuts answers to a POST that comes while `cut_after` is a number, once their head and so many bytes behind it have passed."""

    def __init__(self, engine_url):
        host, _, port = engine_url.removeprefix("http://").rpartition(":")
        self.engine = (host, int(port))
        self.cut_after = None
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, client):
        with client, socket.create_connection(self.engine) as engine:
            answer = {"said": b"", "cut": None}  # of the latest request
            threading.Thread(target=self._forward, args=(client, engine, answer), daemon=True).start()
            while piece := self._receive(engine):
                answer["said"] += piece
                _, blank, body = answer["said"].partition(b"\r\n\r\n")
                cut = answer["cut"]
                try:
                    if cut is not None and blank and len(body) >= cut:
                        client.sendall(piece[:len(piece) - (len(body) - cut)])
                        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                        client.shutdown(socket.SHUT_RD)  # wakes the other thread, which else holds the connection open
                        return
                    client.sendall(piece)
                except OSError:
                    return

    def _forward(self, client, engine, answer):
        while piece := self._receive(client):
            if b"POST" in piece:
                answer.update(said=b"", cut=self.cut_after)
            try:
                engine.sendall(piece)
            except OSError:
                break
        # The other direction ends with the engine's answer, or now.
        try:
            engine.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass

    @staticmethod
    def _receive(sock):
        try:
            return sock.recv(65536)
        except OSError:
            return b""

    def close(self):
        try:
            self.listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.listener.close()
