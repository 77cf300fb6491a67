"""Clients that hide nothing: bytes over a socket, small JSON calls, and a load that counts what failed."""

import http.client
import json
import socket
import threading
import time


def chat_body(content="hello", **fields):
    return json.dumps({"model": "m", "messages": [{"role": "user", "content": content}], **fields}).encode()


def post(path, body, *headers, host="gateway"):
    """The bytes of a well-formed POST."""
    lines = [f"POST {path} HTTP/1.1", f"Host: {host}", "Content-Type: application/json", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


class RawClient:
    """Sends exact bytes and reads HTTP/1 answers strictly enough to notice a wrong one."""

    def __init__(self, port, timeout=5.0, receive_buffer=None):
        self.socket = socket.socket()
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(timeout)
        self.socket.connect(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.pending = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)
        return self

    def _more(self):
        piece = self.socket.recv(65536)
        if not piece:
            raise EOFError(f"closed after {self.pending[-200:]!r}")
        self.pending += piece

    def _take(self, count):
        while len(self.pending) < count:
            self._more()
        taken, self.pending = self.pending[:count], self.pending[count:]
        return taken

    def _line(self):
        while b"\r\n" not in self.pending:
            self._more()
        line, _, self.pending = self.pending.partition(b"\r\n")
        return line

    def read_head(self):
        """(status, headers with lower-case names) of the next answer, interim ones included."""
        status = int(self._line().split(b" ")[1])
        headers = {}
        while line := self._line():
            name, _, value = line.decode("latin-1").partition(":")
            headers[name.lower()] = value.strip()
        return status, headers

    def read_chunk(self):
        size = int(self._line(), 16)
        data = self._take(size)
        if size:
            assert self._line() == b""
        else:
            while self._line():
                pass
        return data

    def read(self, method="POST"):
        """(status, headers, body) of the next final answer. EOFError when it is cut off."""
        status, headers = self.read_head()
        while status < 200:
            status, headers = self.read_head()
        body = b""
        if method == "HEAD" or status in (204, 304):
            pass
        elif headers.get("transfer-encoding") == "chunked":
            while chunk := self.read_chunk():
                body += chunk
        elif "content-length" in headers:
            body = self._take(int(headers["content-length"]))
        else:
            body = self.read_to_end()
        return status, headers, body

    def read_to_end(self):
        """Everything until the other side closes; a reset ends it too."""
        try:
            while True:
                self._more()
        except (EOFError, ConnectionError):
            pass
        taken, self.pending = self.pending, b""
        return taken

    def closed(self):
        """Whether the other side closes, with nothing more to read."""
        try:
            return self.socket.recv(1) == b""
        except TimeoutError:
            return False
        except OSError:
            return True


def call(port, method, path, body=None, headers=None, timeout=10):
    """(status, headers, value) of one request over a connection of its own; the value is the JSON, or the text if it is none."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    try:
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
        connection.request(method, path, body, {"Content-Type": "application/json", **(headers or {})})
        response = connection.getresponse()
        text = response.read().decode()
        try:
            value = json.loads(text)
        except ValueError:
            value = text
        return response.status, {name.lower(): value for name, value in response.getheaders()}, value
    finally:
        connection.close()


class Load:
    """A few clients that send chat requests one after another until stop(); every answer but a 200 counts as failed.
    Half of them keep their connection. A kept connection that ends before any byte of an answer is opened anew, as every HTTP client does
    (RFC 9112, section 9.3.1): the server may close an idle connection at any time."""

    def __init__(self, port, clients=6, body=None):
        self.port, self.body = port, body or chat_body(max_tokens=4)
        self.ok, self.failures, self.reopened = 0, [], 0
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._run, args=(index % 2 == 0,), daemon=True) for index in range(clients)]
        for thread in self._threads:
            thread.start()

    def _run(self, keep):
        connection, reused = None, False
        while not self._stop.is_set():
            if connection is None:
                connection, reused = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20), False
            failure = None
            try:
                connection.request("POST", "/v1/chat/completions", self.body, {"Content-Type": "application/json"})
                response = connection.getresponse()
                text = response.read()
                if response.status != 200:
                    failure = f"{response.status} {text[:300]!r}"
                close = response.will_close or not keep
            except (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError) as error:
                close = True
                if reused:
                    with self._lock:
                        self.reopened += 1
                    connection.close()
                    connection = None
                    continue
                failure = repr(error)
            except (OSError, http.client.HTTPException) as error:
                close, failure = True, repr(error)
            with self._lock:
                if failure:
                    self.failures.append(failure)
                else:
                    self.ok += 1
            reused = True
            if close:
                connection.close()
                connection = None
            if failure:
                time.sleep(0.01)  # a refused connection must not turn into a busy loop

    def stop(self):
        self._stop.set()
        for thread in self._threads:
            thread.join(25)
        return self


class StreamLoad:
    """Clients that stream one answer after another; what became of each is counted by whether it had begun."""

    def __init__(self, port, clients):
        self.port, self.whole, self.cut, self.wrong = port, 0, 0, []
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._run, daemon=True) for _ in range(clients)]
        for thread in self._threads:
            thread.start()

    def _run(self):
        while not self._stop.is_set():
            seen = b""
            outcome = "whole"
            try:
                with RawClient(self.port, timeout=20) as client:
                    status, _ = client.send(post("/v1/chat/completions", chat_body(max_tokens=30, stream=True))).read_head()
                    while chunk := client.read_chunk():
                        seen += chunk
                if status != 200 or b"data: [DONE]" not in seen:
                    outcome = f"{status}, a clean end of {seen[-200:]!r}"
            except (OSError, EOFError) as error:
                # A stream that had begun may break, if it says so.
                outcome = "cut" if b'"content"' in seen and b'"code":"endpoint_aborted"' in seen else f"{error!r} after {seen[-200:]!r}"
            with self._lock:
                self.whole += outcome == "whole"
                self.cut += outcome == "cut"
                if outcome not in ("whole", "cut"):
                    self.wrong.append(outcome)

    def stop(self):
        self._stop.set()
        for thread in self._threads:
            thread.join(25)
        return self
