"""Fetching one file from the network, whole and checked or not at all. Only `vidlocal setup` comes here.

What has arrived lies beside the target as `NAME.part`, so that a cut line or Ctrl-C costs nothing. Only a
file whose checksum was seen to be right takes the target's name.
"""

import errno
import hashlib
import os
import re
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from vidlocal.errors import StoreError, ToolError

try:
    import fcntl
except ImportError:  # Windows: two set-ups at once are told apart by the checksum only
    fcntl = None  # type: ignore[assignment]

if TYPE_CHECKING:
    import httpx

CONNECT_TIMEOUT_S = 15.0
READ_TIMEOUT_S = 60.0
MAX_FAILURES = 6
# Where nobody was ever reached there is most likely no network: a minute's wait for each file would help nobody.
MAX_CONNECTION_FAILURES = 3
_MOST_REDIRECTS = 5
_SPACE_KEPT_FREE = 64 << 20

Report = Callable[[int, int | None], None]


@dataclass(frozen=True, slots=True)
class Checksums:
    """SHA-1 and SHA-256 of a file, in hex; None where it is not known."""

    sha1: str | None = None
    sha256: str | None = None


class _Interrupted(Exception):
    """The line was cut or the server is busy: worth another try from where we are."""


class _Unreached(_Interrupted):
    """There was no connection at all."""


@dataclass(slots=True)
class _Fetch:
    """One download on its way. `told` collects what the server says of the file while redirecting."""

    url: str
    target: Path
    expected: Checksums
    report: Report
    client: "httpx.Client"
    told: dict[str, str] = field(default_factory=dict)

    @property
    def part(self) -> Path:
        return self.target.with_name(f"{self.target.name}.part")

    @property
    def name(self) -> str:
        return self.target.name

    @property
    def place(self) -> str:
        return self.url.split("/")[2]


def download_file(
    url: str,
    target: Path,
    *,
    expected: Checksums | None = None,
    report: Report = lambda done, total: None,
    sleep: Callable[[float], None] = time.sleep,
    read_timeout: float = READ_TIMEOUT_S,
) -> Checksums:
    """The checksums of what now lies at `target`, which nothing but the right file ever takes the name of.

    Without `expected` the SHA-256 that the server states for the file (Hugging Face's X-Linked-ETag)
    must fit. Goes on where an earlier try ended. Proxies of the environment are used, for this is the
    network. `report` is told bytes done and bytes in all, None while that is not known; `pause` waits
    between tries.

    Raises ToolError for the network, the server and a wrong checksum, StoreError for a full disk.
    """
    with _client(read_timeout) as client:
        work = _Fetch(url, target, expected or Checksums(), report, client)
        try:
            return _fetch(work, sleep)
        except OSError as error:
            raise _about_disk(work, error) from error


def _fetch(work: _Fetch, pause: Callable[[float], None]) -> Checksums:
    work.target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with _alone_in(work.target.parent):
        resumed = work.part.exists()
        _download(work, pause)
        found = compute_checksums(work.part)
        if not _fits(work, found) and resumed:
            # What lay there may have been of another version of the file.
            work.part.unlink()
            _download(work, pause)
            found = compute_checksums(work.part)
        if not _fits(work, found):
            work.part.unlink()
            raise ToolError(
                f"What {work.place} sent as {work.name} has a wrong checksum and was thrown away. "
                "Run vidlocal setup again; if it stays so, something on the way changes the file."
            )
        _accept(work)
    return found


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """Two set-ups would write into one part: the second is sent away. The lock ends with the process."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        if fcntl is not None:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError as error:
        raise ToolError(f"Another vidlocal setup is fetching into {folder}. Wait until it is done.") from error
    finally:
        os.close(handle)


def compute_checksums(path: Path) -> Checksums:
    """SHA-1 and SHA-256 of the bytes of a file."""
    sha1, sha256 = hashlib.sha1(usedforsecurity=False), hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            sha1.update(chunk)
            sha256.update(chunk)
    return Checksums(sha1.hexdigest(), sha256.hexdigest())


def _fits(work: _Fetch, found: Checksums) -> bool:
    wanted = work.expected
    if wanted.sha1 or wanted.sha256:
        return wanted.sha1 in (None, found.sha1) and wanted.sha256 in (None, found.sha256)
    return work.told.get("sha256") in (None, found.sha256)


@contextmanager
def _client(read_timeout: float) -> Iterator["httpx.Client"]:
    import httpx

    timeout = httpx.Timeout(read_timeout, connect=CONNECT_TIMEOUT_S)
    try:
        client = httpx.Client(timeout=timeout, follow_redirects=False, headers={"Accept-Encoding": "identity"})
    except (ImportError, ValueError) as error:
        raise ToolError(
            f"The proxy that the environment names cannot be used ({error}). Change or unset HTTPS_PROXY and ALL_PROXY."
        ) from error
    with client:
        yield client


def _download(work: _Fetch, pause: Callable[[float], None]) -> None:
    """Bring the rest of the file into the part; tries again while tries bring something or are left."""
    failures = 0
    while True:
        before = _size(work.part)
        try:
            return _receive(work)
        except _Interrupted as error:
            failures = 1 if _size(work.part) > before else failures + 1
            lost = isinstance(error, _Unreached) and not before
            if failures >= (MAX_CONNECTION_FAILURES if lost else MAX_FAILURES):
                raise ToolError(
                    f"{work.name} could not be fetched from {work.place} ({error}). What has arrived is kept; "
                    "run vidlocal setup again to go on."
                ) from error
            pause(min(30.0, 2.0**failures))


def _receive(work: _Fetch) -> None:
    import httpx

    try:
        with _respond(work, work.url, _MOST_REDIRECTS) as response:
            start, total = _span(work, response)
            if start != total:
                _write(work, response, start, total)
    except (httpx.ConnectError, httpx.ConnectTimeout) as error:
        raise _Unreached(str(error) or type(error).__name__) from error
    except httpx.HTTPError as error:
        raise _Interrupted(str(error) or type(error).__name__) from error


@contextmanager
def _respond(work: _Fetch, url: str, redirects: int) -> Iterator["httpx.Response"]:
    """The answer for the missing part of the file, from wherever the server sends us."""
    have = _size(work.part)
    headers = {"Range": f"bytes={have}-"} if have else {}
    with work.client.stream("GET", url, headers=headers) as response:
        _listen(work, response)
        target = response.next_request.url if response.next_request else None
        if target is None:
            yield response
            return
    if not redirects:
        raise ToolError(f"{work.place} sends the request for {work.name} round in circles. Try again later.")
    if url.startswith("https:") and target.scheme != "https":
        raise ToolError(f"{work.place} sends us to an address without encryption for {work.name}; that is refused.")
    with _respond(work, str(target), redirects - 1) as response:
        yield response


def _listen(work: _Fetch, response: "httpx.Response") -> None:
    """Remember what the server says of the stored file itself (Hugging Face, on the redirect to its storage)."""
    tag = response.headers.get("x-linked-etag", "").removeprefix("W/").strip('"').lower()
    if re.fullmatch(r"[0-9a-f]{64}", tag):
        work.told["sha256"] = tag


def _span(work: _Fetch, response: "httpx.Response") -> tuple[int, int | None]:
    """From which byte the answer goes on, and how many there are in all. Raises for what is not the file."""
    have = _size(work.part)
    ranged = re.fullmatch(r"bytes (?:(\d+)-\d+|\*)/(\d+|\*)", response.headers.get("content-range", ""))
    total = int(ranged[2]) if ranged and ranged[2].isdecimal() else None
    if response.status_code == 416:
        if total == have:
            return have, have
        work.part.unlink(missing_ok=True)
        raise _Interrupted("the part that had arrived does not fit the file")
    if response.status_code not in (200, 206):
        _raise_about_status(work, response.status_code)
    if "text/html" in response.headers.get("content-type", ""):
        raise ToolError(
            f"{work.place} answered with a web page instead of {work.name}. Is there a sign-in page in the way? "
            "Open a browser, then run vidlocal setup again."
        )
    if response.status_code == 206:
        if ranged is None or ranged[1] != str(have):
            work.part.unlink(missing_ok=True)
            raise _Interrupted("the server sent another part than asked for")
        return have, total
    length = response.headers.get("content-length", "")
    return 0, int(length) if length.isdecimal() else None


def _raise_about_status(work: _Fetch, status: int) -> None:
    if status in (408, 425, 429) or status >= 500:
        raise _Interrupted(f"HTTP {status}")
    reason = "it is not there" if status in (404, 410) else f"HTTP {status}"
    raise ToolError(f"{work.place} does not give out {work.name}: {reason}. Asked for: {work.url}")


def _write(work: _Fetch, response: "httpx.Response", start: int, total: int | None) -> None:
    """Add the answer to the part, on the disk when this returns."""
    _require_space(work, (total or 0) - start)
    descriptor = os.open(work.part, os.O_CREAT | os.O_WRONLY, 0o600)
    with open(descriptor, "wb") as file:
        file.truncate(start)
        file.seek(start)
        done = start
        for chunk in response.iter_raw():
            file.write(chunk)
            done += len(chunk)
            work.report(done, total)
        file.flush()
        os.fsync(file.fileno())
    if total is not None and done != total:
        raise _Interrupted(f"{done:,} of {total:,} bytes arrived")


def _require_space(work: _Fetch, needed: int) -> None:
    if shutil.disk_usage(work.target.parent).free < needed + _SPACE_KEPT_FREE:
        raise OSError(errno.ENOSPC, "No space left on device")


def _accept(work: _Fetch) -> None:
    """Give the part the name of the target, for good."""
    os.replace(work.part, work.target)
    folder = os.open(work.target.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _about_disk(work: _Fetch, error: OSError) -> StoreError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return StoreError(
            f"The disk of {work.target.parent} is too full for {work.name}. Free some space and run vidlocal setup "
            "again; what has arrived is kept."
        )
    return StoreError(
        f"{work.name} cannot be stored in {work.target.parent} ({error.strerror}). Check its permissions."
    )


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
