"""Reasons for an unusable scheduler, in place of the timeouts of Dask."""

import socket
import ssl
from pathlib import Path

from vidlocal.cluster.addresses import SchedulerAddress
from vidlocal.cluster.certificates import AUTHORITY, CERTIFICATE, KEY, has_certificate
from vidlocal.errors import EngineUnreachable, ToolError

_TIMEOUT_S = 5.0


def require_reachable(folder: Path, address: SchedulerAddress) -> None:
    """Raise EngineUnreachable without a scheduler, ToolError for the scheduler of another cluster."""
    try:
        with socket.create_connection((address.host, address.port), _TIMEOUT_S) as plain:
            if address.protocol == "tls" and has_certificate(folder):
                context = ssl.create_default_context(ssl.Purpose.SERVER_AUTH, cafile=folder / AUTHORITY)
                context.check_hostname = False
                context.load_cert_chain(folder / CERTIFICATE, folder / KEY)
                context.wrap_socket(plain).close()
    except ssl.SSLError as error:
        raise ToolError(
            f"{address} has another certificate than when this machine joined. "
            f"Run: vidlocal cluster join {address.host}:{address.port} --token TOKEN"
        ) from error
    except OSError as error:
        reason = error.strerror or str(error) or type(error).__name__
        raise EngineUnreachable(f"No scheduler on {address} ({reason}). Run there: vidlocal cluster start") from error
