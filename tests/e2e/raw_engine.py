"""An endpoint under full control of a test: it records every byte it receives, believes everything (a permissive parser, as some engines
have one), and answers with exactly the bytes the test gives it."""

import socket
import struct
import threading
import time


def answer(body=b"{}", status="200 OK", headers=(), content_type="application/json"):
    lines = [f"HTTP/1.1 {status}", f"Content-Type: {content_type}", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def chunked(*pieces, trailers=b"", content_type="text/event-stream"):
    head = f"HTTP/1.1 200 OK\r\nContent-Type: {content_type}\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
    return head + b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n" + trailers + b"\r\n"


CHAT = b'{"id":"x","object":"chat.completion","model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"hi"},' \
       b'"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":1,"total_tokens":4}}'


class Request:
    def __init__(self, head, body, complete):
        self.head, self.body, self.complete = head, body, complete
        self.line, *lines = head.decode("latin-1").split("\r\n")
        self.headers = [(name.strip().lower(), value.strip()) for name, _, value in (line.partition(":") for line in lines)]

    def header(self, name):
        return [value for other, value in self.headers if other == name]


class Connection:
    """One accepted connection: read() a request, send() what you like, and learn when the other side has gone."""

    def __init__(self, sock):
        self.socket = sock
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.pending = b""
        self.received = b""

    def _more(self):
        piece = self.socket.recv(65536)
        self.pending += piece
        self.received += piece
        return bool(piece)

    def _take(self, count):
        while len(self.pending) < count:
            if not self._more():
                return None
        taken, self.pending = self.pending[:count], self.pending[count:]
        return taken

    def _line(self):
        while b"\n" not in self.pending:
            if not self._more():
                return None
        line, _, self.pending = self.pending.partition(b"\n")
        return line.rstrip(b"\r")

    def read(self, bodies=True):
        """The next request, or None at the end. Lenient on purpose: what the gateway lets through must be harmless even here."""
        while b"\r\n\r\n" not in self.pending:
            if not self._more():
                return None
        head, _, self.pending = self.pending.partition(b"\r\n\r\n")
        request = Request(head, b"", complete=bodies)
        if not bodies:
            return request
        if any("chunked" in value.lower() for value in request.header("transfer-encoding")):
            body = []
            while True:
                size = self._line()
                try:
                    length = int(size.split(b";")[0], 16) if size is not None else None
                except ValueError:
                    length = None
                piece = self._take(length) if length else b""
                if length is None or piece is None:
                    request.complete = False
                    break
                if length == 0:
                    while self._line():
                        pass
                    break
                body.append(piece)
                self._line()
            request.body = b"".join(body)
        elif request.header("content-length"):
            body = self._take(int(request.header("content-length")[0]))
            request.body, request.complete = body or b"", body is not None
        return request

    def send(self, data):
        self.socket.sendall(data)

    def wait_for_end(self, seconds=5.0):
        """Blocks until the other side closes or resets; returns the moment, or None when it stayed."""
        self.socket.settimeout(seconds)
        try:
            while self.socket.recv(65536):
                pass
        except TimeoutError:
            return None
        except OSError:
            pass
        return time.monotonic()

    def reset(self):
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()


class RawEngine:
    """Listens on a free port and calls behave(connection, request) for each request; returning False ends the connection.
    Requests for a health check are answered by itself and not recorded; those for a load report go to report_load(connection, request) and into
    load_requests. With read_bodies=False it is called as soon as the head is there."""

    HEALTH = ("GET /health ", "GET /v1/models ", "GET /v2/health/")

    def __init__(self, behave=lambda connection, request: connection.send(answer(CHAT)), read_bodies=True):
        self.behave = behave
        self.read_bodies = read_bodies
        self.healthy = True
        self.checks = 0
        self.report_load = lambda connection, request: connection.send(answer(b"{}", "404 Not Found"))
        self.requests = []
        self.load_requests = []
        self.connections = []
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            connection = Connection(sock)
            self.connections.append(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        try:
            while (request := connection.read(self.read_bodies)) is not None:
                if request.line.startswith(self.HEALTH):
                    self.checks += 1
                    connection.send(answer(b'{"object":"list","data":[]}', "200 OK" if self.healthy else "503 Service Unavailable"))
                    continue
                if request.header("user-agent") == ["evener-load-report"]:
                    self.load_requests.append(request)
                    if self.report_load(connection, request) is False:
                        break
                    continue
                self.requests.append(request)
                if self.behave(connection, request) is False:
                    break
        except (OSError, ValueError):
            pass
        finally:
            try:
                connection.socket.close()
            except OSError:
                pass

    def complete_requests(self):
        return [request for request in self.requests if request.complete]

    def close(self):
        # shutdown() first: it wakes the thread that waits in accept().
        try:
            self.listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.listener.close()
        for connection in self.connections:
            try:
                connection.socket.close()
            except OSError:
                pass
