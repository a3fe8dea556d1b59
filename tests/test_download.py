"""Downloads from a server on this machine that is honest, cut, silent, forgetful or lying, one behaviour a test."""

import gzip
import hashlib
import http.server
import io
import lzma
import os
import random
import re
import shutil
import signal
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import requests

from harness import cli, commands, download, files
from harness.contract import BadData, File
from tests.waiting import until

ROOT = Path(__file__).resolve().parent.parent
CONTENT = random.Random(0).randbytes(300_000)
OTHER = random.Random(1).randbytes(300_000)
HALF = 150_000


def card(url, content=CONTENT, name="rows.bin"):
    return (File(name, url, len(content), hashlib.sha256(content).hexdigest()),)


# ----------------------------------------------------------------------------------------------------------- the server


class Server(http.server.ThreadingHTTPServer):
    """Answers request i as script[i] tells, later ones honestly; keeps what was asked for and how much was sent."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.content, self.tag, self.script, self.requests, self.sent = CONTENT, '"one"', [], [], []
        self.over = threading.Event()
        self.address = f"http://127.0.0.1:{self.server_port}"
        self.url = f"{self.address}/rows.bin"

    def ranges(self):
        return [headers.get("Range") for _, headers in self.requests]


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.place = len(self.server.requests)
        self.server.requests.append((self.path, self.headers))
        self.server.sent.append(0)
        self.close_connection = True
        script = self.server.script
        (script[self.place] if self.place < len(script) else honest)(self)

    def start(self, status, **headers):
        self.send_response(status)
        for key, value in headers.items():
            self.send_header(key.replace("_", "-"), str(value))
        self.send_header("Connection", "close")
        self.end_headers()

    def send(self, content):
        """Whether the client still listens."""
        self.server.sent[self.place] += len(content)  # first: the client may have it all before this goes on
        try:
            self.wfile.write(content)
            self.wfile.flush()
        except OSError:
            self.server.sent[self.place] -= len(content)
            return False
        return True

    def asked(self):
        """The part of the content that is asked for, by Range and If-Range."""
        told = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        unchanged = self.headers.get("If-Range", self.server.tag) == self.server.tag
        return int(told[1]) if told and unchanged else 0

    def log_message(self, *_):
        """Quiet."""


def opening(to, length=None):
    """Status and headers of an honest answer; the bytes that belong behind them."""
    start, whole = to.asked(), to.server.content
    tag = {"ETag": to.server.tag} if to.server.tag else {}
    length = len(whole) - start if length is None else length
    if start:
        to.start(206, Content_Range=f"bytes {start}-{len(whole) - 1}/{len(whole)}", Content_Length=length, **tag)
    else:
        to.start(200, Content_Length=length, **tag)
    return whole[start:]


def honest(to):
    to.send(opening(to))


def cut(to):
    rest = opening(to)
    to.send(rest[: len(rest) // 2])


def stalled(to):
    cut(to)
    to.server.over.wait(20)


def silent(to):
    to.server.over.wait(20)


def trickling(to):
    opening(to)
    for _ in range(1000):
        to.send(b"1")
        to.server.over.wait(0.02)


def forgetful(to):
    to.start(200, Content_Length=len(to.server.content))
    to.send(to.server.content)


def endless(to):
    to.start(200)
    pour(to)


def pour(to):
    """100 MB, where nobody hangs up before."""
    while to.server.sent[to.place] < 100_000_000 and to.send(bytes(100_000)):
        pass


def chunked(to):
    to.start(200, Transfer_Encoding="chunked")
    for at in range(0, len(to.server.content), 70_000):
        piece = to.server.content[at : at + 70_000]
        to.send(b"%x\r\n%s\r\n" % (len(piece), piece))
    to.send(b"0\r\n\r\n")


def serving(content, then):
    """From this request on the server holds other bytes under another tag."""

    def answer(to):
        to.server.content, to.server.tag = content, to.server.tag and f'"{hash(content)}"'
        then(to)

    return answer


def declaring(length):
    return lambda to: to.send(opening(to, length))


def status(code, **headers):
    def answer(to):
        to.start(code, Content_Length=5, **headers)
        to.send(b"sorry")

    return answer


@pytest.fixture
def server():
    with Server() as running:
        threading.Thread(target=running.serve_forever, args=(0.01,), daemon=True).start()
        yield running
        running.over.set()
        running.shutdown()


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    """Folders of the test's own, no proxy of the user's, and no long pauses."""
    monkeypatch.setenv("ERAS_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("ERAS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("ERAS_TIMEOUT", "10")
    for name in ("ERAS_MIRROR", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(download, "PAUSE", 0.01)


@pytest.fixture
def told():
    return []


def get(made, told, **more):
    return download.get("my_set", made, say=told.append, **more)


def kept(tmp_path):
    """What lies in the cache of the dataset, locks aside."""
    folder = tmp_path / "cache" / "data" / "my_set"
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file() and p.suffix != ".lock")


# --------------------------------------------------------------------------------------------------- right, and resumed


def test_a_download_is_checked_and_then_found(tmp_path, server, told):
    paths = get(card(server.url), told)
    assert paths == files.locate("my_set", card(server.url)) == {"rows.bin": files.cache("my_set") / "rows.bin"}
    assert paths["rows.bin"].read_bytes() == CONTENT and kept(tmp_path) == ["rows.bin"]
    assert told == [f"my_set: rows.bin, 300,000 bytes from {server.url}"]
    assert stat.S_IMODE(paths["rows.bin"].stat().st_mode) == 0o666 & ~_umask()  # whoever shares the cache reads it


def _umask():
    mask = os.umask(0)
    os.umask(mask)
    return mask


def test_a_download_that_is_cut_goes_on_by_itself(tmp_path, server, told):
    server.script = [cut]
    assert get(card(server.url), told)["rows.bin"].read_bytes() == CONTENT
    assert server.ranges() == [None, "bytes=150000-"] and server.sent == [HALF, HALF]
    assert server.requests[1][1]["If-Range"] == '"one"'
    assert told[1] == f"my_set: {server.url}: the connection was closed too early; retry 1 of 3"
    assert kept(tmp_path) == ["rows.bin"]


def test_a_download_that_is_cut_each_time_is_told_and_goes_on_with_the_next_command(tmp_path, server, told):
    server.script = [cut] * 4
    with pytest.raises(files.Missing, match="closed too early; 281,250 bytes are kept, and the same command goes on"):
        get(card(server.url), told)
    assert len(server.requests) == 4 and "rows.bin" not in kept(tmp_path)
    with pytest.raises(files.Missing, match="is not here"):
        files.locate("my_set", card(server.url))
    assert get(card(server.url), told)["rows.bin"].read_bytes() == CONTENT
    assert server.ranges()[4] == "bytes=281250-" and server.sent[4] == 300_000 - 281_250
    assert "281,250 bytes are here already" in told[-1] and kept(tmp_path) == ["rows.bin"]


def test_a_server_that_knows_no_ranges_starts_over(server, told):
    server.script = [cut, forgetful]
    assert get(card(server.url), told)["rows.bin"].read_bytes() == CONTENT
    assert server.ranges() == [None, "bytes=150000-"] and server.sent == [HALF, 300_000]


def test_a_file_that_changed_in_between_comes_whole(server, told):
    server.script = [serving(OTHER, cut), serving(CONTENT, honest)]
    assert get(card(server.url), told)["rows.bin"].read_bytes() == CONTENT
    assert server.sent == [HALF, 300_000] and server.ranges()[1] == "bytes=150000-"  # If-Range said no


@pytest.mark.parametrize("tag", ["", 'W/"weak"'])
def test_without_a_version_the_checksum_finds_out_that_the_file_changed(tmp_path, server, told, tag):
    def changing(to):
        to.start(200, Content_Length=300_000, ETag=tag)
        to.send(OTHER[:HALF])

    server.script = [changing]
    assert get(card(server.url), told)["rows.bin"].read_bytes() == CONTENT
    assert server.ranges() == [None, "bytes=150000-", None] and server.sent == [HALF, HALF, 300_000]
    assert "If-Range" not in server.requests[1][1]
    assert told[-1] == "my_set: the pieces of rows.bin do not fit together: again from the start"
    assert kept(tmp_path) == ["rows.bin"]


def test_the_date_of_the_last_change_is_a_version(server, told):
    date = "Wed, 21 Oct 2015 07:28:00 GMT"

    def dated(to):
        to.start(200, Content_Length=300_000, Last_Modified=date)
        to.send(CONTENT[:HALF])

    server.script, server.tag = [dated], date
    assert get(card(server.url), told)["rows.bin"].read_bytes() == CONTENT
    assert server.requests[1][1]["If-Range"] == date and server.sent == [HALF, HALF]


@pytest.mark.parametrize(
    "answer",
    [
        status(416, Content_Range="bytes */300000"),
        lambda to: (to.start(206, Content_Length=HALF, Content_Range="bytes 0-149999/300000"), to.send(CONTENT[:HALF])),
        lambda to: (to.start(206, Content_Length=HALF, Content_Range="bytes 150000-299999/9"), to.send(CONTENT[HALF:])),
        lambda to: (to.start(206, Content_Length=HALF), to.send(CONTENT[HALF:])),
    ],
    ids=["416", "another start", "another length", "no Content-Range"],
)
def test_an_answer_that_is_not_the_rest_starts_over(server, told, answer):
    server.script = [cut, answer]
    assert get(card(server.url), told)["rows.bin"].read_bytes() == CONTENT
    assert server.ranges() == [None, "bytes=150000-", None]
    assert len(told) == 2  # seen from the answer, not from the checksum


def test_a_part_of_another_address_is_not_gone_on_with(server, told):
    server.script = [cut] * 4
    with pytest.raises(files.Missing):
        get(card(server.url), told)
    assert get(card(f"{server.address}/elsewhere"), told)
    assert server.ranges()[4] is None and server.sent[4] == 300_000


@pytest.mark.parametrize("damage", [b"", b"{", b"[]", b"\xff", b'{"url": 1}'])
def test_a_damaged_note_beside_the_part_costs_the_part(server, told, damage):
    server.script = [cut] * 4
    with pytest.raises(files.Missing):
        get(card(server.url), told)
    (files.cache("my_set") / ".rows.bin.part" / "origin.json").write_bytes(damage)
    assert get(card(server.url), told)["rows.bin"].read_bytes() == CONTENT
    assert server.ranges()[4] is None


@pytest.mark.parametrize("part, requests", [(CONTENT, 4), (OTHER, 5)])
def test_a_part_that_is_whole_is_only_checked(tmp_path, server, told, part, requests):
    server.script = [cut] * 4
    with pytest.raises(files.Missing):
        get(card(server.url), told)
    (files.cache("my_set") / ".rows.bin.part" / "bytes").write_bytes(part)
    assert get(card(server.url), told)["rows.bin"].read_bytes() == CONTENT
    assert len(server.requests) == requests and kept(tmp_path) == ["rows.bin"]


# --------------------------------------------------------------------------------------------------------------- silent


def test_a_stall_is_told_and_the_rest_comes_at_the_next_try(server, told, monkeypatch):
    monkeypatch.setenv("ERAS_TIMEOUT", "2")
    server.script = [stalled]
    began = time.monotonic()
    assert get(card(server.url), told)["rows.bin"].read_bytes() == CONTENT
    assert 2 <= time.monotonic() - began < 18  # the server would wait for 20
    assert "the server was silent for 2 s; retry 1 of 3" in told[1]
    assert server.ranges() == [None, "bytes=150000-"] and server.sent == [HALF, HALF]


def test_a_server_that_never_answers_is_told(tmp_path, server, told, monkeypatch):
    monkeypatch.setenv("ERAS_TIMEOUT", "1")
    server.script = [silent] * 9
    began = time.monotonic()
    with pytest.raises(files.Missing, match="the server was silent for 1 s; try later; or set ERAS_MIRROR"):
        get(card(server.url), told)
    assert time.monotonic() - began < 18 and len(server.requests) == 4 and kept(tmp_path) == []


def test_a_byte_now_and_then_is_silence(server, told, monkeypatch):
    monkeypatch.setenv("ERAS_TIMEOUT", "2")
    server.script = [trickling]
    assert get(card(server.url), told)["rows.bin"].read_bytes() == CONTENT
    assert re.search(r": \d+ bytes came in 2 s; retry 1 of 3", told[1])


@pytest.mark.parametrize("text", ["soon", "0", "-1", "nan", "inf", "1e9"])
def test_a_timeout_that_is_no_number_of_seconds_is_told(monkeypatch, text):
    monkeypatch.setenv("ERAS_TIMEOUT", text)
    with pytest.raises(BadData, match=f"ERAS_TIMEOUT={text} is no number of seconds"):
        download.get("my_set", card("http://127.0.0.1:9/rows.bin"))


# ------------------------------------------------------------------------------------------------------ the wrong bytes


@pytest.mark.parametrize("length", [300_001, 299_999, 10**15, 0])
def test_another_length_is_refused_at_once(tmp_path, server, told, length):
    server.script = [declaring(length)]
    with pytest.raises(BadData, match=f"rows.bin: it declares {length:,} bytes for rows.bin, 300,000 are right: set"):
        get(card(server.url), told)
    assert len(server.requests) == 1 and kept(tmp_path) == []


def test_no_more_is_written_than_there_should_be(tmp_path, server, told, monkeypatch):
    written = []
    monkeypatch.setattr(download.shutil, "rmtree", lambda path: written.append((path / "bytes").stat().st_size))
    server.script = [endless]
    with pytest.raises(BadData, match="it gives more than 300,000 bytes for rows.bin, 300,000 are right"):
        get(card(server.url), told)
    assert written[0] <= 300_000 and len(server.requests) == 1 and server.sent[0] < 50_000_000


def test_a_body_in_chunks_is_taken(server, told):
    server.script = [chunked]
    assert get(card(server.url), told)["rows.bin"].read_bytes() == CONTENT


def test_a_body_without_a_length_that_ends_early_goes_on(server, told):
    server.script = [lambda to: (to.start(200, ETag='"one"'), to.send(CONTENT[:HALF]))]
    assert get(card(server.url), told)["rows.bin"].read_bytes() == CONTENT
    assert "the connection was closed after 150,000 of 300,000 bytes" in told[1] and server.sent == [HALF, HALF]


def test_bytes_are_taken_as_they_lie(server, told):
    """A .gz that the server marks as an encoding of something else stays the .gz of the card."""
    packed = gzip.compress(CONTENT)
    server.content = packed
    server.script = [lambda to: (to.start(200, Content_Length=len(packed), Content_Encoding="gzip"), to.send(packed))]
    assert get(card(server.url, packed, "rows.gz"), told)["rows.gz"].read_bytes() == packed
    assert [headers["Accept-Encoding"] for _, headers in server.requests] == ["identity"]


def test_a_wrong_checksum_is_told_and_nothing_is_kept(tmp_path, server, told):
    server.content = OTHER
    with pytest.raises(BadData) as error:
        get(card(server.url), told)
    sums = [hashlib.sha256(content).hexdigest() for content in (CONTENT, OTHER)]
    assert not isinstance(error.value, files.Missing)
    assert all(text in str(error.value) for text in (server.url, *sums, "set ERAS_MIRROR", "$ERAS_DATA"))
    assert len(server.requests) == 1 and kept(tmp_path) == []


def test_pieces_that_do_not_fit_are_fetched_from_the_start_once(tmp_path, server, told):
    server.tag, server.script = "", [cut, serving(OTHER, honest)]
    with pytest.raises(BadData, match="expected sha256:.* but got "):
        get(card(server.url), told)
    assert server.ranges() == [None, "bytes=150000-", None] and kept(tmp_path) == []


def test_a_wrong_file_that_came_in_one_piece_is_fetched_once(server, told):
    server.script = [cut, serving(OTHER, honest)]
    with pytest.raises(BadData, match="expected sha256:"):
        get(card(server.url), told)
    assert server.ranges() == [None, "bytes=150000-"]  # answered from the start, since If-Range said no


# ------------------------------------------------------------------------------------------------------------ redirects


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
def test_a_redirect_is_followed(server, told, code):
    server.script = [status(code, Location="/there"), cut, status(code, Location=f"{server.address}/there")]
    assert get(card(server.url), told)["rows.bin"].read_bytes() == CONTENT
    assert [path for path, _ in server.requests] == ["/rows.bin", "/there"] * 2
    assert server.ranges() == [None, None, "bytes=150000-", "bytes=150000-"] and server.sent[3] == HALF


def test_a_redirect_in_a_circle_is_told(server, told):
    server.script = [status(302, Location="/rows.bin")] * 50
    with pytest.raises(files.Missing, match="redirects more than 10 times"):
        get(card(server.url), told)
    assert len(server.requests) == 11


@pytest.mark.parametrize("place", ["file:///etc/passwd", "ftp://127.0.0.1/rows.bin", "gopher://x/", "data:,1"])
def test_a_redirect_to_another_scheme_is_refused(server, told, place):
    server.script = [status(302, Location=place)]
    with pytest.raises(files.Missing, match=f"redirects to {place}, and only https, or http from http, is followed"):
        get(card(server.url), told)
    assert len(server.requests) == 1


def test_a_redirect_from_https_to_http_is_refused(told, monkeypatch):
    asked = []

    def send(adapter, request, **_):
        asked.append(request.url)
        response = requests.Response()
        response.request, response.url, response.status_code = request, request.url, 302
        response.raw = io.BytesIO()
        response.headers["Location"] = request.url.replace("https:", "http:")
        return response

    monkeypatch.setattr(requests.adapters.HTTPAdapter, "send", send)
    with pytest.raises(files.Missing, match="https://x.org/rows.bin redirects to http://x.org/rows.bin, and only"):
        get(card("https://x.org/rows.bin"), told)
    assert asked == ["https://x.org/rows.bin"]


@pytest.mark.parametrize("place", ["http://[::1/rows", "http://127.0.0.1:port/"])
def test_a_redirect_to_nonsense_is_told(tmp_path, server, told, place):
    server.script = [status(302, Location=place)]
    with pytest.raises(BadData, match="my_set: "):
        get(card(server.url), told)
    assert len(server.requests) == 1 and kept(tmp_path) == []


def test_the_body_of_a_redirect_is_not_read(server, told):
    def endlessly_elsewhere(to):
        to.start(302, Location="/there")
        pour(to)

    server.script = [endlessly_elsewhere]
    assert get(card(server.url), told)["rows.bin"].read_bytes() == CONTENT
    assert server.sent[0] < 50_000_000


# ---------------------------------------------------------------------------------------------- nothing to be had there


@pytest.mark.parametrize("code, reason", [(404, "Not Found"), (403, "Forbidden"), (204, "No Content")])
def test_an_answer_that_will_not_change_is_told_at_once(tmp_path, server, told, code, reason):
    server.script = [status(code)]
    with pytest.raises(files.Missing, match=f"rows.bin cannot be read: the server answers {code} {reason}: set ERAS_"):
        get(card(server.url), told)
    assert len(server.requests) == 1 and kept(tmp_path) == []


@pytest.mark.parametrize("code", [500, 503, 429])
def test_an_answer_that_may_change_is_tried_again(server, told, code):
    server.script = [status(code)] * 5
    with pytest.raises(files.Missing, match=f"the server answers {code} .*; try later"):
        get(card(server.url), told)
    assert len(server.requests) == 4
    assert get(card(server.url), told)["rows.bin"].read_bytes() == CONTENT  # one more of them, then the file


def test_a_refused_connection_is_told(told):
    with pytest.raises(files.Missing, match="http://127.0.0.1:9/rows.bin cannot be read: .*refused; try later"):
        get(card("http://127.0.0.1:9/rows.bin"), told)
    assert len(told) == 4


@pytest.mark.parametrize("url", ["file:///etc/passwd", "rows.bin", "http://", "ftp://127.0.0.1/rows.bin"])
def test_a_card_without_a_web_address_is_told(told, url):
    with pytest.raises(files.Missing, match="is no address that can be read"):
        get(card(url), told)


def test_bytes_that_no_address_serves_are_told_before_anything_is_fetched(server, told):
    made = (*card(server.url), File("hand.csv", "", 7, "a" * 64))
    with pytest.raises(files.Missing) as error:
        get(made, told, source="Somebody, 1999")
    assert str(error.value) == (
        f"my_set: no public address serves these bytes: put hand.csv (7 bytes, sha256 {'a' * 64}) under "
        "$ERAS_DATA/my-set/; the data are at home at Somebody, 1999"
    )
    assert server.requests == []


# -------------------------------------------------------------------------------------------------------- two processes

CHILD = "import sys; from harness import download; from harness.contract import File; download.get('my_set', {card!r})"


def child(made):
    command = [sys.executable, "-c", CHILD.format(card=made)]
    return subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True)


def test_two_processes_make_one_download(tmp_path, server):
    go = threading.Event()

    def waiting(to):
        rest = opening(to)
        to.send(rest[:HALF])
        go.wait(20)
        to.send(rest[HALF:])

    server.script = [waiting]
    first = child(card(server.url))
    until(lambda: server.requests, 20)
    second = child(card(server.url))
    assert second.stderr.readline() == "my_set: another process is downloading rows.bin: waiting for it\n"
    go.set()
    assert [process.communicate(timeout=120)[1].count("\n") for process in (first, second)] == [1, 0]
    assert first.returncode == second.returncode == 0
    assert len(server.requests) == 1 and kept(tmp_path) == ["rows.bin"]


def test_a_killed_download_leaves_no_lock_and_the_next_one_goes_on(tmp_path, server, told):
    server.script = [stalled]
    process = child(card(server.url))
    part = files.cache("my_set") / ".rows.bin.part" / "bytes"
    until(lambda: part.exists() and part.stat().st_size > 100_000, 20)
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=60)
    have = part.stat().st_size
    assert have > 100_000
    assert get(card(server.url), told)["rows.bin"].read_bytes() == CONTENT
    assert server.ranges() == [None, f"bytes={have}-"] and server.sent[1] == 300_000 - have
    assert kept(tmp_path) == ["rows.bin"]


# ------------------------------------------------------------------------------------------------------------- the disk


def test_a_folder_that_cannot_be_written_is_told(tmp_path, server, told, monkeypatch):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("ERAS_CACHE", str(tmp_path / "file"))
    with pytest.raises(files.Missing, match=r"rows.bin cannot be written \(Not a directory\): set ERAS_CACHE"):
        get(card(server.url), told)
    assert server.requests == []


def test_a_folder_in_the_place_of_the_file_is_told(server, told):
    (files.cache("my_set") / "rows.bin").mkdir(parents=True)
    with pytest.raises(files.Missing, match=r"rows.bin cannot be written \(Is a directory\)"):
        get(card(server.url), told)


def test_a_full_disk_is_told_before_the_first_byte(tmp_path, server, told, monkeypatch):
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(download.shutil, "disk_usage", lambda _: usage._replace(free=299_999))
    with pytest.raises(files.Missing, match="rows.bin needs 300,000 bytes in .*my_set, where 299,999 are free: make"):
        get(card(server.url), told)
    assert server.requests == [] and kept(tmp_path) == []


def test_a_disk_with_room_for_the_rest_is_enough(server, told, monkeypatch, tmp_path):
    server.script = [cut] * 4
    with pytest.raises(files.Missing):
        get(card(server.url), told)
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(download.shutil, "disk_usage", lambda _: usage._replace(free=300_000 - 281_250))
    assert get(card(server.url), told)["rows.bin"].read_bytes() == CONTENT


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
def test_a_disk_that_fills_up_on_the_way_is_told(server, told):
    work = files.cache("my_set") / ".rows.bin.part"
    work.mkdir(parents=True)
    (work / "bytes").symlink_to("/dev/full")
    with pytest.raises(files.Missing, match="rows.bin needs 300,000 bytes in .*my_set, where .* are free: make room"):
        get(card(server.url), told)
    assert len(server.requests) == 1


# ------------------------------------------------------------------------------------------------------- packed, mirror


@pytest.mark.parametrize("suffix, pack", [(".gz", gzip.compress), (".xz", lzma.compress)])
@pytest.mark.parametrize("script", [[], [cut]])
def test_a_packed_address_is_unpacked(tmp_path, server, told, suffix, pack, script):
    server.content, server.script = pack(CONTENT), script
    made = card(f"{server.address}/rows.bin{suffix}?raw=1")
    assert get(made, told)["rows.bin"].read_bytes() == CONTENT
    assert sum(server.sent) == len(server.content) and kept(tmp_path) == ["rows.bin"]


@pytest.mark.parametrize(
    "packed, sentence",
    [
        (gzip.compress(bytes(50_000_000)), "holds more than the 300,000 bytes there should be"),
        (gzip.compress(CONTENT)[:-20], "is cut or damaged"),
        (b"<html>sorry</html>", "is cut or damaged"),
        (gzip.compress(OTHER), "expected sha256:"),
        (gzip.compress(random.Random(2).randbytes(400_000)), "it declares 400,.* bytes for rows.bin, at most 316,000"),
    ],
    ids=["bomb", "cut", "no gzip", "other bytes", "too long"],
)
def test_a_packed_address_with_other_bytes_is_told(tmp_path, server, told, packed, sentence):
    server.content = packed
    with pytest.raises(BadData, match=sentence):
        get(card(f"{server.address}/rows.bin.gz"), told)
    assert len(server.requests) == 1 and kept(tmp_path) == []


def test_a_mirror_serves_in_place_of_the_address(server, told, monkeypatch):
    monkeypatch.setenv("ERAS_MIRROR", f"{server.address}/sets/")
    get(card("http://127.0.0.1:9/rows.bin.gz"), told)
    download.get("other_set", card(""), folder="my_folder")
    assert [path for path, _ in server.requests] == ["/sets/my_set/rows.bin", "/sets/my_folder/rows.bin"]
    assert files.locate("other_set", card(""), "my_folder")["rows.bin"] == files.cache("my_folder") / "rows.bin"


def test_a_proxy_and_a_netrc_of_the_user_are_heeded(tmp_path, server, told, monkeypatch):
    (tmp_path / "netrc").write_text("machine x.invalid login me password secret\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.setenv("HTTP_PROXY", server.address)
    monkeypatch.setenv("http_proxy", server.address)
    assert get(card("http://x.invalid/rows.bin"), told)["rows.bin"].read_bytes() == CONTENT
    path, headers = server.requests[0]
    assert path == "http://x.invalid/rows.bin" and headers["Authorization"] == "Basic bWU6c2VjcmV0"


# ------------------------------------------------------------------------------------------------- what is here already


def test_what_is_here_is_not_downloaded_again(tmp_path, told):
    folder = tmp_path / "data" / "my-set"
    folder.mkdir(parents=True)
    (folder / "rows.bin").write_bytes(CONTENT)
    assert get(card("http://127.0.0.1:9/rows.bin"), told)["rows.bin"] == folder / "rows.bin" and told == []


def test_a_wrong_file_of_the_users_is_told_and_left_alone(tmp_path, server, told):
    folder = tmp_path / "data" / "my_set"
    folder.mkdir(parents=True)
    (folder / "rows.bin").write_bytes(b"mine")
    with pytest.raises(BadData, match="holds 4 bytes, 300,000 are right"):
        get(card(server.url), told)
    assert (folder / "rows.bin").read_bytes() == b"mine" and server.requests == []


@pytest.mark.parametrize("name", ["rows.bin", "rows.bin.gz"])
def test_a_damaged_file_in_the_cache_is_downloaded_anew(server, told, name):
    folder = files.cache("my_set")
    folder.mkdir(parents=True)
    (folder / name).write_bytes(b"half")
    assert get(card(server.url), told)["rows.bin"].read_bytes() == CONTENT


def test_looking_for_a_file_downloads_nothing(tmp_path, server):
    with pytest.raises(files.Missing):
        files.locate("my_set", card(server.url))
    assert not files.here("my_set", card(server.url)) and server.requests == [] and kept(tmp_path) == []


# --------------------------------------------------------------------------------------------------------- what is told


def test_one_plain_line_a_file_where_there_is_no_terminal(server, capsys):
    download.get("my_set", card(server.url))
    out, err = capsys.readouterr()
    assert out == "" and err == f"my_set: rows.bin, 300,000 bytes from {server.url}\n"


def test_nothing_is_told_when_quiet(server, capfd):
    server.script = [cut]
    download.get("my_set", card(server.url), say=None)
    assert capfd.readouterr() == ("", "")


def test_a_terminal_gets_a_bar(server, monkeypatch):
    screen = io.StringIO()
    monkeypatch.setattr(screen, "isatty", lambda: True, raising=False)
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "120")
    server.script = [cut]
    download.get("my_set", card(server.url))
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", screen.getvalue())
    assert "my_set: rows.bin" in text and "300.0/300.0 kB" in text and "300,000 bytes from" not in text
    assert "retry 1 of 3" in text


def test_the_parent_does_not_import_what_only_a_download_needs():
    code = "import sys, harness.cli, harness.commands, harness.files; print({'requests', 'pooch'} & set(sys.modules))"
    out = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert out == "set()\n"


def test_a_plan_gets_what_can_be_downloaded(tmp_path, monkeypatch):
    """Without --download a plan is made of what is here; with it also of what has an address."""
    monkeypatch.setenv("ERAS_CACHE", str(tmp_path / "empty"))
    monkeypatch.delenv("ERAS_DATA", raising=False)
    (tmp_path / "all.py").write_text(
        "from harness.contract import Block, Plan\n"
        "def plan(machine):\n"
        "    return Plan(blocks=(Block(('knn',), tuple(sorted(machine['here'])), (32,), {32: 1}),))\n"
    )
    wanted = []
    for more in ([], ["--download"]):
        args = cli.parser().parse_args(["run", str(tmp_path / "all.py"), *more])
        wanted.append({cell.dataset for cell in commands.cells_of(args).cells})
    assert {"digits", "teacher"} <= wanted[0] and not wanted[0] & {"adult", "letter", "usps"}
    assert wanted[1] > wanted[0] and {"adult", "letter"} <= wanted[1], "these have an address"
    assert "usps" not in wanted[1], "this one has none"
