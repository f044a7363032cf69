"""Enrollment: exchange of a join token for a certificate of the cluster.

machine                                   scheduler, port + 1
TLS, certificate pinned by the token  ->
{"secret": ..., "request": PEM}       ->  compares the secret, signs
                                      <-  {"authority": PEM, "certificate": PEM} or {"error": sentence}
"""

import asyncio
import hashlib
import json
import secrets
import socket
import ssl
from contextlib import suppress
from pathlib import Path

from vidlocal.cluster import certificates
from vidlocal.cluster.certificates import AUTHORITY, CERTIFICATE, KEY, JoinToken
from vidlocal.errors import EngineUnreachable, ToolError

_MAX_BYTES = 16_384
_TIMEOUT_S = 10.0
_WRONG_TOKEN = "The token is not that of this cluster. Copy it again from: vidlocal cluster status"


async def serve_enrollment(folder: Path, host: str, port: int) -> asyncio.Server:
    """Start the enrollment server for the cluster of `folder`."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.load_cert_chain(folder / CERTIFICATE, folder / KEY)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.TimeoutError, asyncio.LimitOverrunError, asyncio.IncompleteReadError):
            line = await asyncio.wait_for(reader.readline(), _TIMEOUT_S)
            writer.write(json.dumps(_answer(folder, line)).encode() + b"\n")
            await asyncio.wait_for(writer.drain(), _TIMEOUT_S)
        writer.close()

    return await asyncio.start_server(answer, host, port, ssl=context, limit=_MAX_BYTES)


def enroll(folder: Path, host: str, port: int, token: JoinToken, machine: str) -> None:
    """Get a certificate for this machine, with a new private key, into `folder`.

    Raises EngineUnreachable, or ToolError for a wrong token or another server than that of the token.
    """
    request = certificates.create_request(folder, machine)
    with _connect(host, port, token) as connection:
        message = {"secret": token.secret, "request": request.decode()}
        connection.sendall(json.dumps(message).encode() + b"\n")
        reply = _read_line(connection)
    if "error" in reply:
        raise ToolError(str(reply["error"]))
    try:
        certificates.write_private(folder / AUTHORITY, str(reply["authority"]).encode())
        certificates.write_private(folder / CERTIFICATE, str(reply["certificate"]).encode())
    except KeyError:
        raise ToolError(f"{host}:{port} is not a scheduler of vidlocal.") from None


def _answer(folder: Path, line: bytes) -> dict[str, str]:
    try:
        message = json.loads(line)
        secret, request = str(message["secret"]), str(message["request"])
    except (ValueError, TypeError, KeyError):
        return {"error": "The message is invalid."}
    if not secrets.compare_digest(secret.encode(), certificates.join_token(folder).secret.encode()):
        return {"error": _WRONG_TOKEN}
    try:
        certificate = certificates.issue(folder, request.encode())
    except ToolError as error:
        return {"error": str(error)}
    return {"authority": (folder / AUTHORITY).read_text("ascii"), "certificate": certificate.decode()}


def _connect(host: str, port: int, token: JoinToken) -> ssl.SSLSocket:
    """Connect to the server with the certificate named by the token."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # pinned below, before anything is sent
    try:
        connection = context.wrap_socket(socket.create_connection((host, port), _TIMEOUT_S), server_hostname=host)
    except OSError as error:
        raise EngineUnreachable(
            f"No scheduler on {host}, port {port} ({error.strerror or error}). Run there: vidlocal cluster start"
        ) from error
    seen = hashlib.sha256(connection.getpeercert(binary_form=True) or b"").hexdigest()
    if not secrets.compare_digest(seen, token.fingerprint):
        connection.close()
        raise ToolError(_WRONG_TOKEN)
    return connection


def _read_line(connection: ssl.SSLSocket) -> dict[str, object]:
    data = b""
    try:
        while not data.endswith(b"\n") and len(data) <= _MAX_BYTES and (more := connection.recv(4096)):
            data += more
        reply = json.loads(data)
    except (OSError, ValueError) as error:
        raise ToolError(f"The scheduler does not answer: {error}") from error
    return reply if isinstance(reply, dict) else {}
