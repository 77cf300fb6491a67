"""What doubles of APIs have in common: a server on loopback, with TLS or without, that keeps what it was asked and can be told to misbehave."""

import dataclasses
import json
import ssl
import subprocess
import threading
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclasses.dataclass
class Request:
    method: str
    path: str
    query: dict
    headers: dict  # names in lower case
    body: bytes

    def json(self):
        return json.loads(self.body)

    def form(self):
        return dict(urllib.parse.parse_qsl(self.body.decode("ascii"), strict_parsing=True))


class Refused(Exception):
    """What the API answers instead of a success."""

    def __init__(self, status, body=b"", headers=()):
        super().__init__(status, body)
        self.status, self.body, self.headers = status, body if isinstance(body, bytes) else json.dumps(body).encode(), dict(headers)


class Double:
    """A server on loopback. Subclasses answer(request) with bytes, text, or what is to become JSON, or raise Refused."""

    def __init__(self, certificate=None):
        self.seen = []
        self.complaints = []  # what was wrong with requests, as the test should be told
        self.faults = []  # taken one per request: Refused(...), "reset", "garbage", or "silence"
        self.released = threading.Event()
        double = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_one(self):
                double._handle(self)

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = handle_one

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate.file, certificate.key)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.url = f"{'https' if certificate else 'http'}://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self):
        self.released.set()
        self.server.shutdown()
        self.server.server_close()

    def answer(self, request):
        raise NotImplementedError

    def _handle(self, handler):
        target = urllib.parse.urlsplit(handler.path)
        body = handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
        request = Request(handler.command, target.path, dict(urllib.parse.parse_qsl(target.query, keep_blank_values=True)),
                          {name.lower(): value for name, value in handler.headers.items()}, body)
        self.seen.append(request)
        try:
            fault = self.faults.pop(0) if self.faults else None
            if fault == "reset":
                handler.close_connection = True
                return
            if fault == "silence":
                self.released.wait(30)
                handler.close_connection = True
                return
            if isinstance(fault, Refused):
                raise fault
            answer = b"\x00\xff<]}" if fault == "garbage" else self.answer(request)
            status, headers = 200, {}
        except (AssertionError, KeyError, ValueError, subprocess.CalledProcessError) as wrong:
            self.complaints.append(f"{request}: {wrong!r}")
            status, headers, answer = 400, {}, repr(wrong)
        except Refused as refused:
            status, headers, answer = refused.status, refused.headers, refused.body
        if not isinstance(answer, (bytes, str)):
            answer = json.dumps(answer)
        if isinstance(answer, str):
            answer = answer.encode()
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(answer)))
        handler.end_headers()
        handler.wfile.write(answer)


class Certificate:
    """A certificate for 127.0.0.1, which is its own authority."""

    def __init__(self, folder):
        self.file, self.key = str(folder / "server.crt"), str(folder / "server.key")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "1", "-subj", "/CN=double",
                        "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", self.key, "-out", self.file], check=True, capture_output=True)
