"""What each behaviour of `core/tests/data/behaviours.tsv` asks of a door."""

from __future__ import annotations

import gzip
import json
import socket
import zlib
from collections.abc import Callable

from players.server import JSON, Player, answer, request
from support import Client, Reply

from wardline import Guard
from wardline.types import Approval

MAIL = "rosa.lind@example.com"
SHORT = "a@b.co"
TEXT = [("content-type", "text/plain")]

ASKED: dict[str, Callable[[Player], None]] = {}


def asks(number: str) -> Callable[[Callable[[Player], None]], Callable[[Player], None]]:
    def named(check: Callable[[Player], None]) -> Callable[[Player], None]:
        ASKED[number] = check
        return check

    return named


def good(reply: Reply, body: str) -> None:
    assert (reply.status, reply.body.decode(), reply.aborted) == (200, body, False), reply


def kept(reply: Reply, *secrets: str) -> None:
    """Nothing of it left in clear, whatever else became of it."""
    assert not [secret for secret in secrets if secret.encode() in reply.body], reply


# Lengths


@asks("C1")
def lengths_are_of_what_is_sent(player: Player) -> None:
    for clear, body in (MAIL, "[EMAIL]"), (SHORT, "[EMAIL]"), ("same len", "same len"):
        reply = player.answers(f'{{"a": "{clear}"}}', length=True)
        good(reply, f'{{"a": "{body}"}}')
        assert int(reply.headers.get("content-length", len(reply.body))) == len(reply.body)


@asks("C2")
def a_length_that_the_service_writes_is_mended(player: Player) -> None:
    body = f'{{"a": "{MAIL}"}}'
    reply = player.answers(body, [*JSON, ("Content-Length", str(len(body)))])
    good(reply, '{"a": "[EMAIL]"}')


@asks("C3")
def chunks_stay_chunks(player: Player) -> None:
    reply = player.answers([f'{{"a": "{MAIL}",', '"b": 1}'])
    good(reply, '{"a": "[EMAIL]","b": 1}')
    assert reply.headers.get("transfer-encoding") == "chunked"


@asks("C4")
def never_two_lengths(player: Player) -> None:
    # `answer` looks at each; here are the kinds that tempt.
    player.answers(f'{{"a": "{MAIL}"}}', length=True)
    player.answers([f'{{"a": "{MAIL}"}}'])
    player.answers([], status=204)
    player.exchange("DELETE", "/masked/a")


@asks("C5")
def a_request_s_length_is_of_what_the_service_gets(player: Player) -> None:
    player.exchange("POST", "/masked/a", f'{{"a": "{MAIL}"}}'.encode(), JSON)
    saw = player.saw()
    assert saw["body"] == '{"a": "[EMAIL]"}'
    assert saw["headers"].get("content-length", "16") == "16", saw["headers"]


@asks("C6")
def a_request_that_grew_is_read_whole(player: Player) -> None:
    body = f'["{SHORT}", "{SHORT}"]'
    chunks = f"{len(body):x}\r\n{body}\r\n0\r\n\r\n".encode()
    for sent, fields in (body.encode(), JSON), (chunks, [*JSON, ("transfer-encoding", "chunked")]):
        player.fresh()
        player.exchange("POST", "/masked/a", sent, fields)
        assert player.saw()["body"] == '["[EMAIL]", "[EMAIL]"]'


@asks("C7")
def nothing_is_a_body_too(player: Player) -> None:
    reply = player.exchange("POST", "/masked/a", b"", JSON, pieces=[], length=True)
    good(reply, "")
    assert player.saw()["body"] == ""


@asks("C8")
def what_is_not_changed_is_the_same(player: Player) -> None:
    body = '{ "a":1.50,\t"b" : "\\u00e9" , "c":[ ] }'
    for path in "/plain/a", "/masked/a":
        reply = player.answers(body, path=path, length=True)
        good(reply, body)
        assert int(reply.headers.get("content-length", len(body))) == len(body)


@asks("C9")
def answers_in_a_row_do_not_bleed(player: Player) -> None:
    client = player.connect()
    for number in range(3):
        client.send(request("GET", "/masked/a", headers=JSON, pieces=[f'{{"n": {number}, "a": "{SHORT}"}}'], length=True))
    for number in range(3):
        good(answer(client), f'{{"n": {number}, "a": "[EMAIL]"}}')
    client.close()


@asks("C10")
def a_denial_leaves_the_connection_in_step(player: Player) -> None:
    client = player.connect()
    client.send(request("DELETE", "/masked/a", b"GET /masked/b HTTP/1.1\r\nhost: a\r\n\r\n"))
    denied = answer(client)
    assert denied.status == 403 and denied.problem["code"]
    try:
        client.send(request("GET", "/plain/a", headers=TEXT, pieces=["next"], length=True))
        after = answer(client)
    except (ConnectionError, OSError):
        after = Reply()
    # The next answer is of the next request, or there is none.
    assert after.status == 0 or after.body == b"next", after
    client.close()


# Methods and status


@asks("C11")
def head_has_a_head_only(player: Player) -> None:
    client = player.connect()
    client.send(request("HEAD", "/masked/a", headers=[*JSON, ("etag", '"v1"')], pieces=[f'{{"a": "{MAIL}"}}'], length=True))
    reply = answer(client, "HEAD")
    length = len(f'{{"a": "{MAIL}"}}')
    assert reply.status == 200 and reply.headers.get("content-length") != str(length) and "etag" not in reply.headers
    client.send(request("GET", "/plain/a", headers=TEXT, pieces=["next"], length=True))
    good(answer(client), "next")
    client.close()


@asks("C12")
def no_content_stays_without(player: Player) -> None:
    reply = player.answers([], [], status=204)
    assert (reply.status, reply.aborted) == (204, False) and "content-type" not in reply.headers


@asks("C13")
def not_modified_passes(player: Player) -> None:
    reply = player.answers([], [("etag", '"v1"'), ("cache-control", "max-age=3")], path="/plain/a", status=304)
    assert (reply.status, reply.headers.get("etag"), reply.aborted) == (304, '"v1"', False)


@asks("C14")
def reset_content_passes(player: Player) -> None:
    reply = player.answers([], [], status=205)
    assert (reply.status, reply.body) == (205, b"")


@asks("C15")
def a_range_is_not_asked_for_where_the_answer_may_change(player: Player) -> None:
    accept = [*JSON, ("accept-ranges", "bytes")]
    reply = player.exchange("GET", "/masked/a", None, [("range", "bytes=0-9")], headers=accept, pieces=['{"a": 1}'])
    assert "range" not in player.saw()["headers"] and "accept-ranges" not in reply.headers
    player.fresh()
    reply = player.exchange("GET", "/plain/a", None, [("range", "bytes=0-9")], headers=accept, pieces=['{"a": 1}'])
    assert player.saw()["headers"]["range"] == "bytes=0-9" and reply.headers["accept-ranges"] == "bytes"


@asks("C16")
def a_part_of_what_would_be_masked_is_refused(player: Player) -> None:
    for kind in "application/json", "multipart/byteranges; boundary=x":
        reply = player.answers(f'"{MAIL}"', [("content-type", kind), ("content-range", "bytes 0-19/75")], status=206)
        assert reply.status != 206 and reply.status >= 400, reply
        kept(reply, MAIL)


@asks("C17")
def an_upgrade_is_refused(player: Player) -> None:
    fields = [("connection", "upgrade"), ("upgrade", "other/1")]
    reply = player.exchange("GET", "/masked/a", None, fields, headers=TEXT, pieces=["opened"])
    # A server may take the offer out before anybody sees it; then it is an ordinary request.
    assert reply.status in (400, 403, 501) or "upgrade" not in player.saw()["headers"], reply
    client = player.connect()
    client.send("CONNECT db.internal:5432 HTTP/1.1\r\nhost: db.internal:5432\r\nx-user: ana\r\n\r\n")
    reply = client.head()
    assert reply.status == 0 or reply.status >= 400, reply
    client.close()


@asks("C18")
def a_preflight_passes(player: Player) -> None:
    fields = [("origin", "https://a.example"), ("access-control-request-method", "POST")]
    reply = player.exchange("OPTIONS", "/masked/a", None, fields, status=204, headers=[("access-control-allow-origin", "*")])
    assert reply.status == 204 and reply.headers["access-control-allow-origin"] == "*", reply


# Validators and caching


@asks("C19")
def a_tag_of_clear_bytes_does_not_leave(player: Player) -> None:
    for tag in '"v1"', 'W/"14-abc"':
        reply = player.answers(f'{{"a": "{MAIL}"}}', [*JSON, ("etag", tag)], length=True)
        assert reply.headers.get("etag") != tag
        assert player.answers('{"a": 1}', [*JSON, ("etag", tag)], path="/plain/a").headers["etag"] == tag


@asks("C20")
def no_hash_of_clear_bytes_leaves(player: Player) -> None:
    hashes = [("content-md5", "q"), ("digest", "sha-256=q"), ("repr-digest", "sha-256=:cQ==:"), ("content-digest", "sha-256=:cQ==:")]
    when = ("last-modified", "Sat, 28 Nov 2026 10:00:00 GMT")
    reply = player.answers(f'{{"a": "{MAIL}"}}', [*JSON, *hashes, when])
    assert not {name for name, _ in hashes} & set(reply.headers) and reply.headers["last-modified"] == when[1]


@asks("C21")
def no_revalidation_of_clear_bytes(player: Player) -> None:
    asked = [("if-none-match", '"v1"'), ("if-modified-since", "Sat, 28 Nov 2026 10:00:00 GMT")]
    player.exchange("GET", "/masked/a", None, asked, headers=JSON, pieces=["1"])
    assert not {"if-none-match", "if-modified-since"} & set(player.saw()["headers"])
    player.fresh()
    player.exchange("GET", "/plain/a", None, asked, headers=JSON, pieces=["1"])
    assert player.saw()["headers"]["if-none-match"] == '"v1"'


@asks("C22")
def a_write_s_condition_stays(player: Player) -> None:
    player.exchange("PUT", "/masked/a", b'{"a": 1}', [*JSON, ("if-match", '"v1"')])
    assert player.saw()["headers"]["if-match"] == '"v1"'


@asks("C24")
def nobody_switches_masking_off(player: Player) -> None:
    off = ("cache-control", "no-transform")
    reply = player.exchange("GET", "/masked/a", None, [off], headers=[*JSON, off], pieces=[f'"{MAIL}"'])
    good(reply, '"[EMAIL]"')


# Codings


def coded(coding: str, data: bytes) -> bytes:
    return gzip.compress(data) if coding == "gzip" else zlib.compress(data)


@asks("C25")
def a_coded_answer_is_masked(player: Player) -> None:
    for coding in "gzip", "deflate":
        reply = player.answers(coded(coding, f'{{"a": "{MAIL}"}}'.encode()), [*JSON, ("content-encoding", coding)], length=True)
        good(reply, '{"a": "[EMAIL]"}')
        assert "content-encoding" not in reply.headers


@asks("C26")
def codings_over_each_other(player: Player) -> None:
    body = coded("gzip", coded("deflate", f'{{"a": "{MAIL}"}}'.encode()))
    reply = player.answers(body, [*JSON, ("content-encoding", "deflate, gzip")])
    assert reply.status >= 400 or reply.body == b'{"a": "[EMAIL]"}', reply


@asks("C27")
def an_unknown_coding_is_refused(player: Player) -> None:
    reply = player.answers(f'"{MAIL}"', [*JSON, ("content-encoding", "rot13")])
    assert reply.status >= 400
    kept(reply, MAIL)


@asks("C29")
def a_coded_answer_that_breaks_off_is_none(player: Player) -> None:
    whole = coded("gzip", f'{{"a": "{MAIL}"}}'.encode() * 50)
    for broken in whole[: len(whole) // 2], whole[:-12] + b"\0" * 12:
        reply = player.answers(broken, [*JSON, ("content-encoding", "gzip")])
        assert reply.status >= 400 or reply.aborted, reply
        kept(reply, MAIL)


@asks("C30")
def a_coded_request_arrives_plain_and_masked(player: Player) -> None:
    body = coded("gzip", f'{{"a": "{MAIL}"}}'.encode())
    player.exchange("POST", "/masked/a", body, [*JSON, ("content-encoding", "gzip")])
    saw = player.saw()
    assert saw["body"] == '{"a": "[EMAIL]"}' and "content-encoding" not in saw["headers"]


@asks("C31")
def a_compression_outside_and_inside_of_the_guard(player: Player) -> None:
    clear = f'{{"a": "{MAIL}", "b": "{"word " * 60}"}}'
    # Below Fastify there is no outside: a compression of its own is always within.
    for place in ["inside"] if player.door == "fastify" else ["inside", "outside", "both"]:
        for length in True, False:
            asked = [("accept-encoding", "gzip"), ("x-compress", place)]
            reply = player.exchange("GET", "/masked/a", None, asked, headers=JSON, pieces=[clear], length=length)
            packed = reply.headers.get("content-encoding") == "gzip"
            body = gzip.decompress(reply.body) if packed else reply.body
            assert (reply.status, body.decode(), reply.aborted) == (200, clear.replace(MAIL, "[EMAIL]"), False), (place, reply)
            assert packed == (place != "inside"), (place, reply)
        # Where nothing changes the service may pack what it likes.
        asked = [("accept-encoding", "gzip"), ("x-compress", place)]
        reply = player.exchange("GET", "/plain/a", None, asked, headers=JSON, pieces=[clear])
        assert reply.headers.get("content-encoding") == "gzip" and gzip.decompress(reply.body).decode() == clear, (place, reply)


@asks("C32")
def letters_of_other_kinds(player: Player) -> None:
    marked = b"\xef\xbb\xbf" + f'{{"a": "{MAIL}"}}'.encode()
    kept(player.answers(marked), MAIL)
    wide = f"write to {MAIL}".encode("utf-16")
    reply = player.answers(wide, [("content-type", "text/plain; charset=utf-16")])
    assert reply.status >= 400 and MAIL.encode("utf-16-le") not in reply.body, reply


# Streaming


def streamed(player: Player, fields: list[tuple[str, str]], pieces: list[str], heard: list[str]) -> None:
    """Each piece arrives before the next one is let out."""
    client = player.connect()
    client.send(request("GET", "/masked/a", headers=fields, pieces=pieces, gated=True))
    if player.door in ("wsgi", "django", "fastify"):
        # There a head leaves with the first piece, with or without a guard.
        player.open(0)
    head = client.head()
    assert head.status == 200 and head.headers.get("transfer-encoding") == "chunked"
    body = b""
    for number, text in enumerate(heard):
        player.open(number)
        while text.encode() not in body:
            chunk = client.chunk()
            assert chunk, f"ended before {text!r}: {body!r}"
            body += chunk
    client.close()


@asks("C33")
def events_leave_as_they_come(player: Player) -> None:
    events = [f'data: {{"n": {n}, "a": "{MAIL}"}}\n\n' for n in range(3)]
    streamed(player, [("content-type", "text/event-stream")], events, [f'{{"n": {n}, "a": "[EMAIL]"}}' for n in range(3)])


@asks("C34")
def a_value_is_found_however_it_is_cut(player: Player) -> None:
    text = f"write to {MAIL} now"
    good(player.answers(list(text), TEXT), "write to [EMAIL] now")
    for cut in range(10, 30, 3):
        good(player.answers([text[:cut], text[cut:]], TEXT), "write to [EMAIL] now")


@asks("C35")
def lines_leave_as_they_come(player: Player) -> None:
    lines = [f'{{"n": {n}, "a": "{MAIL}"}}\n' for n in range(3)]
    streamed(player, [("content-type", "application/x-ndjson")], lines, [f'{{"n": {n}, "a": "[EMAIL]"}}\n' for n in range(3)])


def endless(player: Player) -> Client:
    """A connection on which an answer without end has begun. Nothing of it is looked for, or what fills the sockets takes a while to be read."""
    client = player.connect()
    client.send(request("GET", "/plain/a", headers=[("content-type", "application/x-ndjson")], pieces=['{"n": 1}\n'], endless=8192))
    assert client.head().status == 200
    return client


@asks("C36")
def a_service_stands_still_while_nobody_reads(player: Player) -> None:
    client = endless(player)
    assert player.stands_still() < AHEAD
    client.close()


@asks("C37")
def an_endless_answer_is_not_kept(player: Player) -> None:
    client = endless(player)
    read = 0
    for _ in range(2):
        ahead = player.stands_still() - read
        # What was read makes room, and no more than that is made anew.
        assert ahead < AHEAD
        for _ in range(100):
            chunk = client.chunk()
            assert chunk
            read += len(chunk)
    client.close()


# What two sockets and those between keep of it.
AHEAD = 24 << 20


@asks("C38")
def what_holds_nothing_is_not_held_back(player: Player) -> None:
    streamed(player, TEXT, ["first line.\n", "second line.\n", "third line.\n"], ["first", "second", "third"])


@asks("C39")
def pieces_of_nothing_are_nothing(player: Player) -> None:
    good(player.answers(["", '{"a": ', "", f'"{MAIL}"', "", "}", ""]), '{"a": "[EMAIL]"}')


@asks("C40")
def trailers_are_kept(player: Player) -> None:
    fields = [*TEXT, ("trailer", "x-sum")]
    reply = player.exchange("GET", "/masked/a", None, [("te", "trailers")], headers=fields, pieces=["a", ""], trailers=[["x-sum", "7"]])
    assert (reply.body, reply.trailers.get("x-sum"), reply.aborted) == (b"a", "7", False)


@asks("C41")
def an_answer_that_is_a_head_only(player: Player) -> None:
    fields = [("content-type", "application/grpc"), ("grpc-status", "5"), ("grpc-message", "no such point")]
    for path in "/masked/a", "/plain/a":
        reply = player.exchange("GET", path, None, [("te", "trailers")], headers=fields, pieces=[])
        assert (reply.status, reply.body, reply.aborted) == (200, b"", False), reply
        assert (reply.headers.get("grpc-status"), reply.headers.get("grpc-message")) == ("5", "no such point")


# Disconnects and errors


@asks("C43")
def a_caller_that_goes_away_ends_the_service(player: Player) -> None:
    client = player.connect()
    player.open(0)
    client.send(request("GET", "/masked/a", headers=TEXT, pieces=["first line.\n"] + ["line\n"] * 100, gated=True))
    assert client.head().status == 200 and client.chunk()
    client.close()
    if player.door not in ("tower", "asgi"):
        # There it shows at a next piece only: WSGI's iterables and generators of JavaScript are not ended while they wait.
        numbers = iter(range(1, 101))
        player.awaited(lambda: player.is_closed() or player.open(next(numbers, 100)), "the service's answer is let go")
    player.closed()


@asks("C44")
def and_it_is_recorded(player: Player) -> None:
    before = player.records()
    a_caller_that_goes_away_ends_the_service(player)
    record = player.recorded(before, "the record of a caller that went away")
    assert record["outcome"]["result"] == "disconnected", record["outcome"]


@asks("C45")
def a_caller_that_goes_away_in_its_upload(player: Player) -> None:
    before = player.records()
    client = player.connect()
    head = request("POST", "/masked/a", None, [*JSON, ("content-length", "5000")])
    client.send(head + b'{"a": "')
    client.close()
    player.recorded(before, "the record of half an upload")
    assert not player.was_asked() or len(player.saw()["body"]) < 5000


@asks("C46")
def a_caller_that_goes_away_while_it_waits_for_people(player: Player) -> None:
    client = player.connect()
    client.send(request("GET", "/masked/long/a", headers=TEXT, pieces=["late"]))
    player.awaited(lambda: pending(player) or None, "the request is held")
    before = player.records()
    client.close()
    record = player.recorded(before, "the wait ends")
    assert record["outcome"]["result"] == "disconnected" and not player.was_asked(), record["outcome"]


def pending(player: Player) -> list[Approval]:
    return [approval for approval in Guard(player.policy).approvals("pending") if approval["acts"][0]["operation"] == "data.export"]


@asks("C47")
def an_error_before_the_head_is_the_host_s(player: Player) -> None:
    reply = player.answers("x", TEXT, fails="before")
    assert reply.status == 500 and b"urn:wardline:problem" not in reply.body


@asks("C48")
def an_error_after_the_head_breaks_the_connection(player: Player) -> None:
    for path in "/masked/a", "/plain/a":
        reply = player.answers(["first line.\n" * 40], TEXT, path=path, fails="after")
        assert reply.aborted or reply.status >= 500, reply


@asks("C50")
def what_goes_on_behind_an_answer_does_not_delay_it(player: Player) -> None:
    good(player.answers(f'{{"a": "{MAIL}"}}', task=True), '{"a": "[EMAIL]"}')
    assert not player.has_worked()
    player.open("task")
    player.awaited(player.has_worked, "the task ends")


@asks("C51")
def variables_of_a_context_reach_the_service(player: Player) -> None:
    for told in "one", "two":
        player.exchange("POST", "/masked/a", b"{}", [*JSON, ("x-variable", told)])
        assert player.saw()["variable"] == told
        player.fresh()


@asks("C52")
def a_wait_ends_by_itself(player: Player) -> None:
    reply = player.exchange("GET", "/masked/brief/a", headers=TEXT, pieces=["late"])
    assert reply.status == 403 and reply.problem["code"] == "approval_required" and reply.headers.get("retry-after")
    assert not player.was_asked()


# Bodies as they are read


@asks("C53")
def a_service_reads_what_came(player: Player) -> None:
    form = [("content-type", "application/x-www-form-urlencoded")]
    player.exchange("POST", "/masked/a", f"name=ana&mail={MAIL.replace('@', '%40')}".encode(), form)
    body = player.saw()["body"]
    assert body.startswith("name=ana&mail=") and "EMAIL" in body and "rosa" not in body, body


@asks("C54")
def a_second_reading_ends(player: Player) -> None:
    reply = player.exchange("POST", "/masked/a", f'"{MAIL}"'.encode(), JSON, headers=TEXT, pieces=["ok"], reads="twice")
    assert MAIL not in player.saw()["body"] and player.saw()["body"].startswith('"[EMAIL]"')
    good(reply, "ok")


@asks("C55")
def a_service_that_does_not_read(player: Player) -> None:
    body = json.dumps(["x" * 1000] * 100).encode()
    for path in "/masked/a", "/plain/a":
        reply = player.exchange("POST", path, body, JSON, headers=TEXT, pieces=["ok"], length=True, reads="none")
        good(reply, "ok")


@asks("C56")
def a_body_over_the_limit_is_masked_as_it_passes(player: Player) -> None:
    body = json.dumps(["word " * 200] * 100 + [MAIL]).encode()
    reply = player.exchange("POST", "/masked/a", body, JSON, headers=TEXT, pieces=["ok"])
    good(reply, "ok")
    assert player.saw()["body"].encode() == body.replace(MAIL.encode(), b"[EMAIL]")


@asks("C57")
def an_upload_of_parts(player: Player) -> None:
    file = "name,mail\r\nana," + "x" * 500
    parts = (
        f'--b\r\ncontent-disposition: form-data; name="note"\r\n\r\nask {MAIL}\r\n'
        f'--b\r\ncontent-disposition: form-data; name="file"; filename="a.txt"\r\ncontent-type: text/plain\r\n\r\n{file}\r\n--b--\r\n'
    )
    player.exchange("POST", "/masked/a", parts.encode(), [("content-type", "multipart/form-data; boundary=b")])
    assert player.saw()["body"] == parts.replace(MAIL, "[EMAIL]")


@asks("C58")
def a_denial_comes_before_the_upload(player: Player) -> None:
    expects = [*JSON, ("expect", "100-continue"), ("content-length", "9")]
    client = player.connect()
    client.send(request("DELETE", "/masked/a", None, expects))
    assert client.head().status == 403
    client.close()
    client = player.connect()
    client.send(request("POST", "/masked/a", None, expects, headers=TEXT, pieces=["ok"]))
    assert client.head().status == 100
    client.send(b'{"a": 12}')
    good(answer(client), "ok")
    client.close()


# Ways past


@asks("C63")
def frames_are_refused(player: Player) -> None:
    key = [("connection", "Upgrade"), ("upgrade", "websocket"), ("sec-websocket-version", "13"), ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")]
    reply = player.exchange("GET", "/masked/a", None, key)
    assert reply.status >= 400 and not player.was_asked(), reply


@asks("C64")
def two_readings_of_a_request_are_none(player: Player) -> None:
    inner = "GET /plain/inner HTTP/1.1\r\nhost: localhost\r\nx-user: ana\r\n\r\n"
    head = "POST /plain/a HTTP/1.1\r\nhost: localhost\r\nx-user: ana\r\n"
    for rest in (
        f"content-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n{inner}",
        f"content-length: 0\r\ncontent-length: {len(inner)}\r\n\r\n{inner}",
        f"content-length: {len(inner)}\r\ncontent-length: 0\r\n\r\n{inner}",
        f"content-length: +0\r\n\r\n{inner}",
        f"transfer-encoding: xchunked\r\ncontent-length: {len(inner)}\r\n\r\n{inner}",
        f"transfer-encoding: chunked, identity\r\n\r\n0\r\n\r\n{inner}",
        "x-user: eve\r\ncontent-length: 0\r\n\r\n",
        "a: b\r\n c: d\r\ncontent-length: 0\r\n\r\n",
        "a: b\0c\r\ncontent-length: 0\r\n\r\n",
    ):
        player.fresh()
        client = player.connect()
        client.send(head + rest)
        reply = answer(client)
        # Refused, or the connection ends behind it: nothing that stands in its body is a request of its own.
        asked = player.was_asked() and player.saw()["target"]
        assert reply.status == 0 or reply.status >= 400 or asked == "/plain/a", (rest, reply)
        try:
            # What it still has to say, up to the end.
            client.socket.shutdown(socket.SHUT_WR)
            more = client.file.read()
        except ConnectionError:
            more = b""
        second = more.startswith(b"HTTP/1.1 2") or (player.was_asked() and player.saw()["target"] == "/plain/inner")
        assert not second, (rest, more)
