"""How the files of a dataset come here: into the cache, whole and checked, or not at all.

What has come of FILE lies in .FILE.part/ beside FILE's place, with the address and the version that the server told;
the next attempt, of this process or a later one, asks for the rest. One process at a time fetches a file, and another
one waits for it (.FILE.lock). The bytes are pinned by their checksum, so that a part of another version costs a second
download and never a wrong file.

$ERAS_MIRROR    serves FILE of dataset NAME as $ERAS_MIRROR/NAME/FILE, in place of the card's address
$ERAS_TIMEOUT   seconds that a server may be silent; default 60
"""

import contextlib
import errno
import http.client
import json
import os
import re
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import urljoin, urlsplit

import filelock
import pooch
import requests
import urllib3
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

from harness.contract import BadData, File
from harness.files import PACKED, Bounded, Missing, cache, locate

RETRIES = 3
PAUSE = 0.5  # seconds before the first retry; doubled before each further one
CONNECT = 10.0  # seconds that a connection may take, where $ERAS_TIMEOUT is not less
REDIRECTS = 10
PIECE = 1 << 16  # bytes read at once
TRICKLE = 1_000  # bytes: a server that gives fewer in $ERAS_TIMEOUT counts as silent
WAY_OUT = "set ERAS_MIRROR to a place that serves it, or put it under $ERAS_DATA/"

Say = Callable[[str], None]


class _Again(Exception):
    """An attempt failed in a way that the next one may not."""


class _Session(requests.Session):
    """Follows no redirect: requests would read the bodies of redirects whole, and go on to any scheme."""

    def get_redirect_target(self, resp: requests.Response) -> None:
        """None that requests would see."""

    def onward(self, response: requests.Response) -> str | None:
        """Where a redirect leads; None where the answer is none."""
        return super().get_redirect_target(response)


def tell(text: str) -> None:
    """One line on stderr."""
    print(text, file=sys.stderr, flush=True)


def get(
    name: str, files: tuple[File, ...], say: Say | None = tell, source: str = "", folder: str = ""
) -> dict[str, Path]:
    """Download what is not here; {file name: path} of all, as `locate` finds them then.

    say      takes the lines that tell what happens; None: quiet
    source   where the data are at home, for files that no address serves
    folder   where the files lie, if not under the dataset's own name
    Raises Missing where an address cannot be read or nothing can be written, BadData where other bytes are served.
    """
    folder, timeout = folder or name, _timeout()
    wanted = [file for file in files if not _here(name, file, folder)]
    transfers = [_Transfer(name, folder, file, _address(name, folder, file, source), timeout, say) for file in wanted]
    for transfer in transfers:
        transfer.run()
    return locate(name, files, folder)


def _here(name: str, file: File, folder: str) -> bool:
    """The right file is here. A wrong one is told, except in the cache: there it is fetched anew."""
    try:
        locate(name, (file,), folder)
    except Missing:
        return False
    except BadData:
        if not any((cache(folder) / f"{file.name}{suffix}").is_file() for suffix in ("", *PACKED)):
            raise
        return False
    return True


def _address(name: str, folder: str, file: File, source: str) -> str:
    mirror = os.environ.get("ERAS_MIRROR")
    if mirror:
        return f"{mirror.rstrip('/')}/{folder}/{file.name}"
    if not file.url:
        home = f"; the data are at home at {source}" if source else ""
        raise Missing(
            f"{name}: no public address serves these bytes: put {file.name} ({file.bytes:,} bytes, sha256 "
            f"{file.sha256}) under $ERAS_DATA/{folder.replace('_', '-')}/{home}"
        )
    return file.url


def _timeout() -> float:
    text = os.environ.get("ERAS_TIMEOUT") or "60"
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds <= 86_400:
        raise BadData(f"ERAS_TIMEOUT={text} is no number of seconds between 0 and 86,400")
    return seconds


@dataclass
class _Transfer:
    """One file on its way here.

    suffix   how the address packs the file, "" where it serves the file itself
    resumed  some of the bytes came in an earlier answer than the last
    """

    name: str
    folder: str
    file: File
    url: str
    timeout: float
    say: Say | None
    resumed: bool = False

    def __post_init__(self) -> None:
        packed = re.search(r"(\.gz|\.xz)($|[?#])", self.url)
        self.suffix = packed[1] if packed and not self.file.name.endswith(packed[1]) else ""
        self.whole = None if self.suffix else self.file.bytes  # bytes that are to come, where known beforehand
        self.most = self.file.bytes + (self.file.bytes // 50 + 10_000 if self.suffix else 0)
        self.target = cache(self.folder) / self.file.name
        self.work = self.target.with_name(f".{self.target.name}.part")
        self.part, self.origin = self.work / f"bytes{self.suffix}", self.work / "origin.json"

    def run(self) -> None:
        """Bring the file to its place, or wait until another process has done so."""
        try:
            self.target.parent.mkdir(parents=True, exist_ok=True)
            with self._alone():
                if not _here(self.name, self.file, self.folder):
                    self._bring()
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise Missing(self._full(self._kept()[0])) from error
            raise Missing(
                f"{self.name}: {self.target} cannot be written ({error.strerror or error}): set ERAS_CACHE to a folder "
                "that can"
            ) from error

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        lock = filelock.FileLock(self.target.with_name(f".{self.target.name}.lock"))
        try:
            lock.acquire(blocking=False)
        except filelock.Timeout:
            self._tell(f"{self.name}: another process is downloading {self.file.name}: waiting for it")
            lock.acquire()
        try:
            yield
        finally:
            lock.release()

    def _bring(self) -> None:
        """All of it and checked, or what came is thrown away: once more from the start if it came in pieces."""
        pooch.get_logger().setLevel("WARNING")  # what it would say on stderr is said here
        have, size = self._kept()[0], f"{self.file.bytes:,} bytes"
        if self.say and not sys.stderr.isatty():
            here = f", {have:,} bytes are here already" if have else ""
            self._tell(f"{self.name}: {self.file.name}, {size} from {self.url}{here}")
        try:
            self._retrieve()
        except ValueError as error:
            shutil.rmtree(self.work)
            if not self.resumed:
                raise self._wrong(error) from error
            self._tell(f"{self.name}: the pieces of {self.file.name} do not fit together: again from the start")
            try:
                self._retrieve()
            except ValueError as again:
                shutil.rmtree(self.work)
                raise self._wrong(again) from again
        os.replace(self.work / self.target.name, self.target)
        shutil.rmtree(self.work)

    def _retrieve(self) -> None:
        """Raises ValueError where the bytes are not the right ones."""
        pooch.retrieve(
            self.url, f"sha256:{self.file.sha256}", fname=self.target.name, path=self.work, downloader=self._download
        )

    def _wrong(self, error: ValueError) -> BadData:
        what = str(error).partition(". Deleted")[0]  # pooch's sentence holds both sums
        return BadData(f"{self.name}: {self.url}: {what}: {WAY_OUT}")

    def _download(self, url: str, output: str, _: Any) -> None:
        """What pooch calls before it takes the checksum: the file at `output`, in as many attempts as it takes."""
        for attempt in range(1, RETRIES + 2):
            try:
                self._attempt()
                break
            except _Again as error:
                if attempt > RETRIES:
                    have = self._kept()[0]
                    kept = f"{have:,} bytes are kept, and the same command goes on from there" if have else "try later"
                    raise Missing(f"{self.name}: {url} cannot be read: {error}; {kept}; or {WAY_OUT}") from error
                self._tell(f"{self.name}: {url}: {error}; retry {attempt} of {RETRIES}")
                time.sleep(PAUSE * 2 ** (attempt - 1))
        if self.suffix:
            self._unpack(output)
        else:
            os.replace(self.part, output)
        with open(output, "rb+") as stream:
            os.fsync(stream.fileno())

    def _unpack(self, output: str) -> None:
        try:
            with Bounded(self.part, self.file.bytes) as packed, open(output, "wb") as plain:
                shutil.copyfileobj(packed, plain, PIECE)
        except BadData as error:
            raise ValueError(f"what it serves as {self.target.name}{self.suffix}: {error}") from error

    def _attempt(self) -> None:
        """Ask for what is missing, once. Raises _Again where a retry may help."""
        have, origin = self._kept()
        self.resumed = have > 0
        if have and have == origin["total"]:
            return
        if shutil.disk_usage(self.work).free < self._needed(have):
            raise Missing(self._full(have))
        headers = {"Accept-Encoding": "identity"}  # the card's size and checksum are those of the bytes as they lie
        if have:
            headers["Range"] = f"bytes={have}-"
            if origin["version"]:
                headers["If-Range"] = origin["version"]
        try:
            with _Session() as session, self._open(session, headers) as response:
                status, fits = response.status_code, _fits(response, have, origin)
                if have and (status == 416 or (status == 206 and not fits)):
                    self.part.unlink()
                elif status == 200 or (status == 206 and fits):
                    self._write(response, have if status == 206 else 0, origin)
                    return
                else:
                    self._refuse(response)
        except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
            if isinstance(error, ValueError):
                raise Missing(f"{self.name}: {self.url} is no address that can be read ({error}): {WAY_OUT}") from error
            raise _Again(_why(error, self.timeout)) from error
        self._attempt()

    def _open(self, session: _Session, headers: dict[str, str]) -> requests.Response:
        """The answer, after redirects."""
        url, timeout = self.url, (min(CONNECT, self.timeout), self.timeout)
        for _ in range(REDIRECTS + 1):
            response = session.get(url, headers=headers, stream=True, timeout=timeout)
            onward = session.onward(response)
            if onward is None:
                return response
            response.close()
            before, url = url, urljoin(url, onward)
            scheme = urlsplit(url).scheme
            if scheme not in ("http", "https") or (scheme == "http" and before.startswith("https:")):
                raise Missing(
                    f"{self.name}: {before} redirects to {url}, and only https, or http from http, is followed: "
                    f"{WAY_OUT}"
                )
        raise Missing(f"{self.name}: {self.url} redirects more than {REDIRECTS} times: {WAY_OUT}")

    def _refuse(self, response: requests.Response) -> NoReturn:
        answer = f"the server answers {response.status_code} {response.reason or ''}".rstrip()
        if response.status_code in (408, 429) or response.status_code >= 500:
            raise _Again(answer)
        raise Missing(f"{self.name}: {self.url} cannot be read: {answer}: {WAY_OUT}")

    def _write(self, response: requests.Response, start: int, origin: dict[str, Any]) -> None:
        """The body behind the first `start` bytes. Raises ValueError where it is not as long as it must be."""
        self.resumed = start > 0
        declared, whole = _declared(response), origin["total"] if start else self.whole
        if declared is not None and (start + declared > self.most or (not start and whole not in (None, declared))):
            raise ValueError(f"it declares {start + declared:,} bytes for {self.file.name}, {self._right()}")
        if not start:
            self.part.write_bytes(b"")  # before the origin is told anew: old bytes never lie under a new version
            whole = declared if whole is None else whole
            self._remember(_version(response), whole)
        done = self._append(response.raw, start, whole)
        if whole is None:
            self._remember(_version(response), done)
        elif done < whole:
            raise _Again(f"the connection was closed after {done:,} of {whole:,} bytes")

    def _append(self, body: Any, done: int, whole: int | None) -> int:
        """Pieces as they come, never more than there may be. Returns the bytes that are here then."""
        mark, due = done, time.monotonic() + self.timeout
        with self._progress(done, whole) as show, self.part.open("ab") as stream:
            while piece := body.read1(PIECE, decode_content=False):
                done += len(piece)
                if done > self.most:
                    raise ValueError(f"it gives more than {self.most:,} bytes for {self.file.name}, {self._right()}")
                stream.write(piece)
                show(done)
                if time.monotonic() > due:
                    if done - mark < TRICKLE:
                        raise _Again(f"{done - mark:,} bytes came in {self.timeout:g} s")
                    mark, due = done, time.monotonic() + self.timeout
        return done

    def _kept(self) -> tuple[int, dict[str, Any]]:
        """How many bytes of this address are here, and what it told of them: {"url", "version", "total"}."""
        try:
            have, origin = self.part.stat().st_size, json.loads(self.origin.read_bytes())
            if origin["url"] == self.url and 0 < have <= self.most and {"version", "total"} <= origin.keys():
                return have, origin
        except (FileNotFoundError, ValueError, TypeError, KeyError, AttributeError):
            pass  # nothing yet, or half written when the machine stopped: from the start
        return 0, {}

    def _remember(self, version: str, total: int | None) -> None:
        self.origin.write_text(json.dumps({"url": self.url, "version": version, "total": total}))

    def _needed(self, have: int) -> int:
        return self.most - have + (self.file.bytes if self.suffix else 0)

    def _full(self, have: int) -> str:
        free = shutil.disk_usage(self.target.parent).free
        return (
            f"{self.name}: {self.file.name} needs {self._needed(have):,} bytes in {self.target.parent}, where {free:,} "
            "are free: make room, or set ERAS_CACHE to a folder on another disk"
        )

    def _right(self) -> str:
        return f"{'at most ' if self.suffix else ''}{self.most:,} are right"

    def _tell(self, text: str) -> None:
        if self.say:
            self.say(text)

    @contextlib.contextmanager
    def _progress(self, have: int, whole: int | None) -> Iterator[Callable[[int], None]]:
        """A bar on a terminal; what it yields takes the bytes that are here."""
        if self.say is None or not sys.stderr.isatty():
            yield lambda done: None
            return
        title = TextColumn("{task.description}", markup=False)
        columns = (title, BarColumn(24), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
        with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
            task = bar.add_task(f"{self.name}: {self.file.name}", total=whole, completed=have)
            yield lambda done: bar.update(task, completed=done)


def _fits(response: requests.Response, have: int, origin: dict[str, Any]) -> bool:
    """The answer is the part that begins behind the first `have` bytes."""
    told = re.fullmatch(r"bytes (\d{1,18})-\d{1,18}/(\d{1,18}|\*)", response.headers.get("Content-Range", ""))
    return bool(told and have and int(told[1]) == have and (told[2] == "*" or int(told[2]) == origin["total"]))


def _declared(response: requests.Response) -> int | None:
    """Bytes of the body by its header; None where it holds no number or the body comes in chunks."""
    length = response.headers.get("Content-Length", "")
    chunked = "chunked" in response.headers.get("Transfer-Encoding", "").lower()
    return int(length) if re.fullmatch(r"[0-9]{1,18}", length) and not chunked else None


def _version(response: requests.Response) -> str:
    """What If-Range may hold: a strong ETag, else the date of the last change, else "" (the checksum decides)."""
    tag, date = response.headers.get("ETag", ""), response.headers.get("Last-Modified", "")
    if re.fullmatch(r'"[\x21\x23-\x7e]*"', tag):
        return tag
    return date if re.fullmatch(r"[A-Za-z0-9 ,:+-]{1,40}", date) else ""


def _why(error: Exception, timeout: float) -> str:
    """What happened, in a few words: requests and urllib3 wrap it up to four times."""
    if isinstance(error, requests.ConnectTimeout):
        return f"no connection within {min(CONNECT, timeout):g} s"
    if isinstance(error, requests.Timeout | urllib3.exceptions.TimeoutError):
        return f"the server was silent for {timeout:g} s"
    root: BaseException = error
    while inner := root.__cause__ or root.__context__:
        root = inner
    if isinstance(root, http.client.IncompleteRead):
        return "the connection was closed too early"
    return getattr(root, "strerror", None) or str(root) or type(root).__name__
