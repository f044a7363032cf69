"""Resumable, verified downloads. Only `vidlocal setup` uses this module.

Incomplete data is kept beside the target as `NAME.part`. Only a file with the right checksum gets the name of the
target.
"""

import errno
import os
import re
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from vidlocal.engines.model_files.checksum_cache import hash_file, make_private_folder
from vidlocal.errors import StoreError, ToolError

try:
    import fcntl
except ImportError:  # Windows: only the checksum detects two simultaneous setups
    fcntl = None  # type: ignore[assignment]

if TYPE_CHECKING:
    import httpx

CONNECT_TIMEOUT_S = 15.0
READ_TIMEOUT_S = 60.0
# Failures in a row before giving up; fewer without any connection so far, because there is probably no network.
MAX_FAILURES = 6
MAX_CONNECTION_FAILURES = 3
_MAX_PAUSE_S = 30.0
_MAX_REDIRECTS = 5
_MIN_FREE_BYTES = 64 << 20

OnProgress = Callable[[int, int | None], None]


@dataclass(frozen=True, slots=True)
class Checksums:
    """SHA-1 and SHA-256 of a file, in hex; None if unknown."""

    sha1: str | None = None
    sha256: str | None = None


class _Interrupted(Exception):
    """The connection broke or the server is busy: retry."""


class _NotConnected(_Interrupted):
    """The connection could not be opened."""


@dataclass(slots=True)
class _Download:
    """State of a download. `stated`: checksums stated by the server during redirects."""

    url: str
    target: Path
    expected: Checksums
    on_progress: OnProgress
    client: "httpx.Client"
    stated: dict[str, str] = field(default_factory=dict)

    @property
    def part(self) -> Path:
        return self.target.with_name(f"{self.target.name}.part")

    @property
    def name(self) -> str:
        return self.target.name

    @property
    def host(self) -> str:
        return self.url.split("/")[2]


def download_file(
    url: str,
    target: Path,
    *,
    expected: Checksums | None = None,
    on_progress: OnProgress = lambda done, total: None,
    sleep: Callable[[float], None] = time.sleep,
    read_timeout: float = READ_TIMEOUT_S,
) -> Checksums:
    """Download and verify a file. Returns the checksums.

    Resumes an earlier download. Without `expected` the file must match the SHA-256 stated by the server, if any
    (X-Linked-ETag of Hugging Face). Uses the proxies of the environment. `on_progress` gets the finished and
    total bytes, None while unknown.

    Raises ToolError for network, server and checksum errors, StoreError for a full disk.
    """
    with open_client(read_timeout) as client:
        download = _Download(url, target, expected or Checksums(), on_progress, client)
        try:
            return _download_verified(download, sleep)
        except OSError as error:
            raise _disk_error(download, error) from error


def _download_verified(download: _Download, sleep: Callable[[float], None]) -> Checksums:
    make_private_folder(download.target.parent)
    with _locked(download.target.parent):
        is_resumed = download.part.exists()
        _download_part(download, sleep)
        checksums = compute_checksums(download.part)
        if is_resumed and not _is_valid(download, checksums):
            # The old part may be of another version of the file.
            download.part.unlink()
            _download_part(download, sleep)
            checksums = compute_checksums(download.part)
        if not _is_valid(download, checksums):
            download.part.unlink()
            raise ToolError(
                f"{download.name}: wrong checksum; the file from {download.host} was deleted. Run: vidlocal setup. "
                "If this repeats, a proxy or the network changes the file."
            )
        _accept(download)
    return checksums


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Lock the folder against a second setup. The lock ends with the process."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        if fcntl is not None:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError as error:
        raise ToolError(f"{folder}: another vidlocal setup is downloading. Wait until it is finished.") from error
    finally:
        os.close(handle)


def compute_checksums(path: Path) -> Checksums:
    """Compute SHA-1 and SHA-256 of a file."""
    return Checksums(*hash_file(path))


def _is_valid(download: _Download, actual: Checksums) -> bool:
    expected = download.expected
    if expected.sha1 or expected.sha256:
        return expected.sha1 in (None, actual.sha1) and expected.sha256 in (None, actual.sha256)
    return download.stated.get("sha256") in (None, actual.sha256)


@contextmanager
def open_client(read_timeout: float) -> Iterator["httpx.Client"]:
    """Open a client with the proxies of the environment. Raises ToolError for an unusable proxy."""
    import httpx

    timeout = httpx.Timeout(read_timeout, connect=CONNECT_TIMEOUT_S)
    try:
        client = httpx.Client(timeout=timeout, follow_redirects=False, headers={"Accept-Encoding": "identity"})
    except (ImportError, ValueError) as error:
        raise ToolError(
            f"The proxy of the environment cannot be used ({error}). Change or unset HTTPS_PROXY and ALL_PROXY."
        ) from error
    with client:
        yield client


def _download_part(download: _Download, sleep: Callable[[float], None]) -> None:
    """Download the rest of the part, with retries. Progress resets the count of failures."""
    failures = 0
    while True:
        before = _size(download.part)
        try:
            return _receive(download)
        except _Interrupted as error:
            failures = 1 if _size(download.part) > before else failures + 1
            is_offline = isinstance(error, _NotConnected) and not before
            if failures >= (MAX_CONNECTION_FAILURES if is_offline else MAX_FAILURES):
                raise ToolError(
                    f"{download.name}: download from {download.host} failed ({error}). "
                    "To resume it, run: vidlocal setup"
                ) from error
            sleep(min(_MAX_PAUSE_S, 2.0**failures))


def _receive(download: _Download) -> None:
    """Request the missing bytes once and append them to the part."""
    import httpx

    try:
        with _open_response(download, download.url, _MAX_REDIRECTS) as response:
            start, total = _content_range(download, response)
            if start != total:
                _append(download, response, start, total)
    except (httpx.ConnectError, httpx.ConnectTimeout) as error:
        raise _NotConnected(str(error) or type(error).__name__) from error
    except httpx.HTTPError as error:
        raise _Interrupted(str(error) or type(error).__name__) from error


@contextmanager
def _open_response(download: _Download, url: str, redirects: int) -> Iterator["httpx.Response"]:
    """Request the missing bytes and follow redirects."""
    done = _size(download.part)
    headers = {"Range": f"bytes={done}-"} if done else {}
    with download.client.stream("GET", url, headers=headers) as response:
        _remember_stated_checksum(download, response)
        target = response.next_request.url if response.next_request else None
        if target is None:
            yield response
            return
    if not redirects:
        raise ToolError(f"{download.name}: too many redirects from {download.host}. Try again later.")
    if url.startswith("https:") and target.scheme != "https":
        raise ToolError(f"{download.name}: refused a redirect from {download.host} to an unencrypted address.")
    with _open_response(download, str(target), redirects - 1) as response:
        yield response


def _remember_stated_checksum(download: _Download, response: "httpx.Response") -> None:
    """Read the SHA-256 of the stored file from a response (Hugging Face, on the redirect to the storage)."""
    tag = response.headers.get("x-linked-etag", "").removeprefix("W/").strip('"').lower()
    if re.fullmatch(r"[0-9a-f]{64}", tag):
        download.stated["sha256"] = tag


def _content_range(download: _Download, response: "httpx.Response") -> tuple[int, int | None]:
    """Return position of the first byte, and total size if known. Raises ToolError for anything but the file."""
    done = _size(download.part)
    content_range = re.fullmatch(r"bytes (?:(\d+)-\d+|\*)/(\d+|\*)", response.headers.get("content-range", ""))
    total = int(content_range[2]) if content_range and content_range[2].isdecimal() else None
    if response.status_code == 416:
        if total == done:
            return done, done
        download.part.unlink(missing_ok=True)
        raise _Interrupted("the partial download does not match the file")
    if response.status_code not in (200, 206):
        _raise_for_status(download, response.status_code)
    if "text/html" in response.headers.get("content-type", ""):
        raise ToolError(
            f"{download.name}: {download.host} sent a web page instead of the file. If the network has a sign-in page, "
            "sign in with a browser. Run: vidlocal setup"
        )
    if response.status_code == 206:
        if content_range is None or content_range[1] != str(done):
            download.part.unlink(missing_ok=True)
            raise _Interrupted("the server sent another range than requested")
        return done, total
    length = response.headers.get("content-length", "")
    return 0, int(length) if length.isdecimal() else None


def _raise_for_status(download: _Download, status: int) -> None:
    if status in (408, 425, 429) or status >= 500:
        raise _Interrupted(f"HTTP {status}")
    reason = "not found" if status in (404, 410) else f"HTTP {status}"
    raise ToolError(f"{download.name}: {reason} on {download.host} ({download.url}).")


def _append(download: _Download, response: "httpx.Response", start: int, total: int | None) -> None:
    """Write a response into the part, from byte `start` on, and fsync."""
    _require_space(download, (total or 0) - start)
    descriptor = os.open(download.part, os.O_CREAT | os.O_WRONLY, 0o600)
    with open(descriptor, "wb") as file:
        file.truncate(start)
        file.seek(start)
        done = start
        for chunk in response.iter_raw():
            file.write(chunk)
            done += len(chunk)
            download.on_progress(done, total)
        file.flush()
        os.fsync(file.fileno())
    if total is not None and done != total:
        raise _Interrupted(f"received {done:,} of {total:,} bytes")


def _require_space(download: _Download, needed: int) -> None:
    if shutil.disk_usage(download.target.parent).free < needed + _MIN_FREE_BYTES:
        raise OSError(errno.ENOSPC, "No space left on device")


def _accept(download: _Download) -> None:
    """Rename the part to the target, durably."""
    os.replace(download.part, download.target)
    folder = os.open(download.target.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _disk_error(download: _Download, error: OSError) -> StoreError:
    folder = download.target.parent
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return StoreError(
            f"{folder}: not enough disk space for {download.name}. Free some space. "
            "To resume the download, run: vidlocal setup"
        )
    return StoreError(f"{folder}: cannot store {download.name} ({error.strerror}). Check the permissions.")


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
