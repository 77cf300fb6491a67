"""Ambiguous HTTP/1: whatever two parsers could read differently must be refused, and never reach an engine (RFC 9112, request smuggling).
The backend here believes everything, so that one bad request let through shows as a request recorded."""

import re

import pytest

from client import RawClient, chat_body
from raw_engine import CHAT, answer
from test_http import recorded  # a fixture

assert recorded
BODY = chat_body()
SIZE = str(len(BODY)).encode()
CHUNKED = b"%x\r\n%s\r\n0\r\n\r\n" % (len(BODY), BODY)
LINE = b"POST /v1/chat/completions HTTP/1.1\r\n"


def request(*headers, line=LINE, host=b"Host: g\r\n", body=BODY):
    return line + host + b"".join(header + b"\r\n" for header in headers) + b"\r\n" + body


def length(value, body=BODY):
    return request(b"Content-Length: " + value, body=body)


def coding(value, body=CHUNKED, **parts):
    return request(b"Transfer-Encoding: " + value, body=body, **parts)


def chunks(data):
    return coding(b"chunked", body=data)


def plain(**parts):
    return request(b"Content-Length: " + SIZE, **parts)


def header(line):
    return request(line, b"Content-Length: " + SIZE)


def line(text):
    return plain(line=text + b"\r\n")


# What must be refused, and with which status; () stands for: an error status or a bare close.
REFUSED = {
    # Where does the message end?
    "Content-Length and Transfer-Encoding": (request(b"Content-Length: " + SIZE, b"Transfer-Encoding: chunked", body=CHUNKED), (400,)),
    "Transfer-Encoding and Content-Length": (request(b"Transfer-Encoding: chunked", b"Content-Length: 4", body=CHUNKED), (400,)),
    "two different Content-Lengths": (request(b"Content-Length: " + SIZE, b"Content-Length: 4"), (400,)),
    "two equal Content-Lengths": (request(b"Content-Length: " + SIZE, b"Content-Length: " + SIZE), (400,)),
    "a list in Content-Length": (length(SIZE + b", " + SIZE), (400,)),
    "a plus sign in Content-Length": (length(b"+" + SIZE), (400,)),
    "a negative Content-Length": (length(b"-1"), (400,)),
    "an empty Content-Length": (length(b""), (400,)),
    "a hexadecimal Content-Length": (length(b"0x40"), (400,)),
    "a blank inside Content-Length": (length(b"1 2"), (400,)),
    "letters after Content-Length": (length(SIZE + b"a"), (400,)),
    "a Content-Length beyond 64 bits": (length(b"18446744073709551621"), (400, 413)),
    "an unknown transfer coding": (coding(b"xchunked"), (400, 501)),
    "chunked with another coding after it": (coding(b"chunked, identity"), (400, 501)),
    "another coding before chunked": (coding(b"gzip, chunked"), (400, 501)),
    "the coding identity": (coding(b"identity", body=BODY), (400, 501)),
    "chunked twice": (coding(b"chunked, chunked"), (400, 501)),
    "two Transfer-Encoding headers": (request(b"Transfer-Encoding: chunked", b"Transfer-Encoding: identity", body=CHUNKED), (400, 501)),
    "a vertical tab before chunked": (coding(b"\x0bchunked"), (400, 501)),
    "quotes around chunked": (coding(b'"chunked"'), (400, 501)),
    "an empty Transfer-Encoding": (coding(b"", body=BODY), (400, 501)),
    "a parameter on chunked": (coding(b"chunked;a=b"), (400, 501)),
    "Transfer-Encoding in HTTP/1.0": (coding(b"chunked", line=b"POST /v1/chat/completions HTTP/1.0\r\n"), (400,)),
    # Chunks.
    "a chunk size with 0x": (chunks(b"0x%x\r\n%s\r\n0\r\n\r\n" % (len(BODY), BODY)), (400,)),
    "a chunk size with a sign": (chunks(b"+%x\r\n%s\r\n0\r\n\r\n" % (len(BODY), BODY)), (400,)),
    "a negative chunk size": (chunks(b"-1\r\n\r\n0\r\n\r\n"), (400,)),
    "an empty chunk size": (chunks(b"\r\n" + CHUNKED), (400,)),
    "a blank before a chunk size": (chunks(b" " + CHUNKED), (400,)),
    "a chunk size beyond 64 bits": (chunks(b"1000000000000000a\r\n%s\r\n0\r\n\r\n" % BODY), (400, 413)),
    "a chunk line that ends in a bare LF": (chunks(b"%x\n%s\r\n0\r\n\r\n" % (len(BODY), BODY)), (400,)),
    "a chunk longer than its size": (chunks(b"%x\r\n%s\r\n0\r\n\r\n" % (len(BODY) - 1, BODY)), (400,)),
    "chunk data that ends in a bare LF": (chunks(b"%x\r\n%s\n0\r\n\r\n" % (len(BODY), BODY)), (400,)),
    "a control byte in a chunk extension": (chunks(b"%x;a=\x00\r\n%s\r\n0\r\n\r\n" % (len(BODY), BODY)), (400,)),
    "a bare CR in a chunk extension": (chunks(b"%x;a\rb\r\n%s\r\n0\r\n\r\n" % (len(BODY), BODY)), (400,)),
    "a trailer that is no header": (chunks(b"%x\r\n%s\r\n0\r\nno colon\r\n\r\n" % (len(BODY), BODY)), (400,)),
    # Lines and names.
    "a blank before the colon": (header(b"X-A : 1"), (400,)),
    "a blank before the colon of Transfer-Encoding": (request(b"Transfer-Encoding : chunked", body=CHUNKED), (400,)),
    "a folded header": (header(b"X-A: 1\r\n 2"), (400,)),
    "a folded Content-Length": (request(b"Content-Length:\r\n " + SIZE), (400,)),
    "a first header that starts with a blank": (plain(host=b" Host: g\r\n"), (400,)),
    "a header without a colon": (header(b"no colon here"), (400,)),
    "an empty header name": (header(b": 1"), (400,)),
    "a header name with a slash": (header(b"X/A: 1"), (400,)),
    "a header name beyond ASCII": (header(b"X-\xc3\xa9: 1"), (400,)),
    "NUL in a header": (header(b"X-A: a\x00b"), (400,)),
    "a bare CR in a header": (header(b"X-A: a\rb"), (400,)),
    "an escape byte in a header": (header(b"X-A: \x1b[31m"), (400,)),
    "a header line that ends in a bare LF": (plain(host=b"Host: g\n"), (400,)),
    "a request line that ends in a bare LF": (plain(line=LINE[:-2] + b"\n"), (400,)),
    "an end of head in bare LFs": (LINE + b"Host: g\r\nContent-Length: " + SIZE + b"\n\n" + BODY, (400,)),
    "two blanks in the request line": (line(b"POST  /v1/chat/completions HTTP/1.1"), (400,)),
    "a tab in the request line": (line(b"POST\t/v1/chat/completions HTTP/1.1"), (400,)),
    "a blank inside the target": (line(b"POST /v1/chat/ completions HTTP/1.1"), (400,)),
    "a blank after the version": (line(b"POST /v1/chat/completions HTTP/1.1 "), (400,)),
    "a request line without version": (line(b"POST /v1/chat/completions"), (400,)),
    "a version in small letters": (line(b"POST /v1/chat/completions http/1.1"), (400, 505)),
    "a version of one digit": (line(b"POST /v1/chat/completions HTTP/1"), (400, 505)),
    "HTTP/2.0 in a line": (line(b"POST /v1/chat/completions HTTP/2.0"), (400, 505)),
    "HTTP/1.10": (line(b"POST /v1/chat/completions HTTP/1.10"), (400, 505)),
    "a method in small letters": (line(b"post /v1/chat/completions HTTP/1.1"), (400, 405, 501)),
    "a method that is no token": (line(b"PO@T /v1/chat/completions HTTP/1.1"), (400, 501)),
    "a fragment in the target": (line(b"POST /v1/chat/completions#x HTTP/1.1"), (400,)),
    "bytes beyond ASCII in the target": (line(b"POST /v1/chat/\xc3\xa9 HTTP/1.1"), (400,)),
    "a control byte in the target": (line(b"POST /v1/chat/\x01 HTTP/1.1"), (400,)),
    "a target that starts with no slash": (line(b"POST v1/chat/completions HTTP/1.1"), (400,)),
    "an empty line before the request": (b"\r\n" + plain(), (400,)),
    "CONNECT": (b"CONNECT example.org:443 HTTP/1.1\r\nHost: example.org:443\r\n\r\n", (400, 405, 501)),
    "the preface of HTTP/2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", (400, 505)),
    "a TLS hello": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 60 + b"\r\n\r\n", (400, ())),
    # Who is it for?
    "no Host": (plain(host=b""), (400,)),
    "two Hosts": (plain(host=b"Host: g\r\nHost: g\r\n"), (400,)),
    "a list in Host": (plain(host=b"Host: g, h\r\n"), (400,)),
    "a path in Host": (plain(host=b"Host: g/x\r\n"), (400,)),
    "a user in Host": (plain(host=b"Host: u@g\r\n"), (400,)),
    "a port in Host that is no number": (plain(host=b"Host: g:8o\r\n"), (400,)),
    "an absolute target that disagrees with Host": (line(b"POST http://other/v1/chat/completions HTTP/1.1"), (400,)),
    # Limits.
    "101 headers": (request(*[b"X-%d: 1" % number for number in range(101)], b"Content-Length: " + SIZE), (400, 431)),
    "a head over its limit": (header(b"X-A: " + b"a" * 40_000), (400, 431)),
    "a target over its limit": (line(b"POST /" + b"a" * 40_000 + b" HTTP/1.1"), (400, 414, 431)),
    "an expectation that nobody knows": (header(b"Expect: 200-ok"), (417,)),
}


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """One gateway and one recording backend for the whole table: what a refused request leaves behind would show in the next one."""
    import json
    from conftest import Gateway, configuration
    from programs import Program, wait_until
    from raw_engine import RawEngine
    backend = RawEngine()
    folder = tmp_path_factory.mktemp("conformance")
    file = folder / "gateway.yaml"
    file.write_text(json.dumps(configuration(folder, [backend.url])), encoding="utf-8")
    started = Gateway(Program("serve", "--config", file))
    wait_until(lambda: started.admin("GET", "/readyz")[0] == 200)
    yield started, backend
    started.program.stop()
    backend.close()


@pytest.mark.parametrize("name", REFUSED)
def test_refused(shared, name):
    started, backend = shared
    data, statuses = REFUSED[name]
    before = len(backend.requests)
    with RawClient(started.port, timeout=3) as client:
        try:
            client.send(data)
        except OSError:
            pass  # it may close before it has read all of it
        said = client.read_to_end()
    if said or () not in statuses:
        assert said.startswith(b"HTTP/1.1 ") and int(said[9:12]) in statuses, said[:200]
        assert b"connection: close" in said.lower().split(b"\r\n\r\n")[0], said[:300]
        assert len(re.findall(rb"HTTP/1\.1 \d{3} ", said)) == 1, f"more than one answer: {said!r}"
    assert len(backend.requests) == before, backend.requests[-1].head


ACCEPTED = {
    "a plain request": plain(),
    "names in small letters": request(b"content-length: " + SIZE, host=b"host: g\r\n"),
    "no blank after the colon, and several": request(b"Content-Length:" + SIZE, b"X-A:    1   "),
    "chunks": coding(b"chunked"),
    "Chunked in capitals": coding(b"Chunked"),
    "chunks with an extension": chunks(b'%x;name="a\\"b"\r\n%s\r\n0;last\r\n\r\n' % (len(BODY), BODY)),
    "chunk sizes with leading zeros": chunks(b"000%x\r\n%s\r\n0\r\n\r\n" % (len(BODY), BODY)),
    "a trailer": chunks(b"%x\r\n%s\r\n0\r\nX-Sum: 1\r\n\r\n" % (len(BODY), BODY)),
    "an absolute target that agrees with Host": line(b"POST http://g/v1/chat/completions HTTP/1.1"),
    "an IPv6 Host with a port": plain(host=b"Host: [::1]:80\r\n"),
    "a query": line(b"POST /v1/chat/completions?a=b HTTP/1.1"),
    "an empty header value": request(b"X-A:", b"Content-Length: " + SIZE),
    "obs-text in a header": request(b"X-A: caf\xe9", b"Content-Length: " + SIZE),
}


@pytest.mark.parametrize("name", ACCEPTED)
def test_accepted_and_forwarded_as_exactly_one_request(shared, name):
    started, backend = shared
    before = len(backend.requests)
    with RawClient(started.port) as client:
        status, _, body = client.send(ACCEPTED[name]).read()
    assert (status, body) == (200, CHAT)
    assert len(backend.requests) == before + 1
    sent = backend.requests[-1]
    assert sent.complete and sent.body == BODY
    assert sent.line.endswith(" HTTP/1.1") and sent.line.startswith("POST /v1/chat/completions")
    assert len(sent.header("host")) == 1
    assert len(sent.header("content-length")) + len(sent.header("transfer-encoding")) == 1


# What an engine may say wrongly. The client must never see a clean end of something that was not.
BAD_ANSWERS = {
    "no HTTP at all": b"hello\r\n\r\n",
    "Content-Length and Transfer-Encoding": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
    "two Content-Lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nhi!",
    "a folded header": b"HTTP/1.1 200 OK\r\nX-A: 1\r\n 2\r\nContent-Length: 2\r\n\r\nhi",
    "a bare LF": b"HTTP/1.1 200 OK\nContent-Length: 2\n\nhi",
    "a status of two digits": b"HTTP/1.1 20 OK\r\nContent-Length: 2\r\n\r\nhi",
    "a protocol nobody asked for": b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
    "an unknown coding": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, x\r\n\r\nhi",
    "an endless head": b"HTTP/1.1 200 OK\r\n" + b"X-A: " + b"a" * 200_000,
}


@pytest.mark.parametrize("name", BAD_ANSWERS)
def test_a_bad_answer_becomes_502(gateway, raw_engine, name):
    def behave(connection, request):
        connection.send(BAD_ANSWERS[name])
        connection.wait_for_end(1)
        return False

    status, _, value = gateway(raw_engine(behave).url).call("POST", "/v1/chat/completions", BODY)
    assert status == 502 and value["error"]["code"]


@pytest.mark.parametrize("name, said", {
    "short of its Content-Length": b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf",
    "inside a chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n10\r\nhalf",
    "before the last chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
    "at a broken chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\nzz\r\n",
}.items())
def test_an_answer_that_breaks_off_does_not_end_cleanly(gateway, raw_engine, name, said):
    def behave(connection, request):
        connection.send(said)
        return False

    started = gateway(raw_engine(behave).url)
    with RawClient(started.port) as client:
        client.send(plain())
        with pytest.raises((EOFError, ConnectionError)):
            client.read()


def test_bytes_after_a_complete_answer_reach_nobody(recorded):
    started, backend = recorded
    poison = answer(b"poison", "200 OK")
    backend.behave = lambda connection, request: connection.send(answer(CHAT) + poison)
    for _ in range(3):
        with RawClient(started.port) as client:
            assert client.send(plain()).read()[2] == CHAT
            assert client.send(plain()).read()[2] == CHAT


def test_interim_answers_are_not_mistaken_for_the_final_one(recorded):
    started, backend = recorded
    backend.behave = lambda connection, request: connection.send(b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + answer(CHAT))
    with RawClient(started.port) as client:
        assert client.send(plain()).read()[2] == CHAT


def test_an_answer_that_ends_with_its_connection_is_whole(recorded):
    started, backend = recorded

    def behave(connection, request):
        connection.send(b"HTTP/1.0 200 OK\r\nContent-Type: application/json\r\n\r\n" + CHAT)
        return False

    backend.behave = behave
    with RawClient(started.port) as client:
        assert client.send(plain()).read()[2] == CHAT
