"""Certificates of a cluster: an authority of its own, and a certificate per machine (ECDSA P-256, X.509).

All files lie in a folder with mode 0700. The private key of a machine never leaves it.
"""

import hashlib
import os
import re
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from vidlocal.errors import ToolError, UsageError

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ec

AUTHORITY, AUTHORITY_KEY = "authority.pem", "authority-key.pem"
CERTIFICATE, KEY = "certificate.pem", "key.pem"
_SECRET = "join-secret"

_VALID = timedelta(days=3650)
# Clocks of two machines may differ.
_TOLERANCE = timedelta(days=1)
_SECRET_BYTES = 16
_TOKEN = re.compile(r"vidlocal-([0-9a-f]{64})-([0-9a-f]{32})")


@dataclass(frozen=True, slots=True)
class JoinToken:
    """Fingerprint (SHA-256, hex) of the scheduler's certificate, and the secret for joining."""

    fingerprint: str
    secret: str

    def __str__(self) -> str:
        return f"vidlocal-{self.fingerprint}-{self.secret}"


def parse_token(text: str) -> JoinToken:
    """Parse a join token. Raises UsageError."""
    match = _TOKEN.fullmatch(text.strip())
    if match is None:
        raise UsageError("--token: not a join token. Copy it from: vidlocal cluster start")
    return JoinToken(match[1], match[2])


def create_authority(folder: Path) -> None:
    """Create the authority, the certificate of this machine and the join secret."""
    key = _new_key()
    name = _name("vidlocal cluster")
    certificate = _sign(name, name, key.public_key(), key, is_authority=True)
    request = create_request(folder, "scheduler")
    write_private(folder / AUTHORITY_KEY, _key_pem(key))
    write_private(folder / AUTHORITY, _pem(certificate))
    write_private(folder / CERTIFICATE, issue(folder, request))
    write_private(folder / _SECRET, secrets.token_hex(_SECRET_BYTES).encode())


def has_authority(folder: Path) -> bool:
    """True on the machine with the authority of the cluster."""
    return all((folder / name).exists() for name in (AUTHORITY_KEY, _SECRET, CERTIFICATE, KEY))


def has_certificate(folder: Path) -> bool:
    """True on a member of a cluster."""
    return all((folder / name).exists() for name in (AUTHORITY, CERTIFICATE, KEY))


def join_token(folder: Path) -> JoinToken:
    """Return the token for other machines."""
    return JoinToken(fingerprint(folder), (folder / _SECRET).read_text("ascii"))


def fingerprint(folder: Path) -> str:
    """Return the SHA-256 of the certificate of this machine, in hex."""
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding

    certificate = x509.load_pem_x509_certificate((folder / CERTIFICATE).read_bytes())
    return hashlib.sha256(certificate.public_bytes(Encoding.DER)).hexdigest()


def create_request(folder: Path, machine: str) -> bytes:
    """Create a new private key in `folder`, and return the request for its certificate (PEM)."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.serialization import Encoding

    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    key = _new_key()
    write_private(folder / KEY, _key_pem(key))
    request = x509.CertificateSigningRequestBuilder().subject_name(_name(machine)).sign(key, hashes.SHA256())
    return request.public_bytes(Encoding.PEM)


def issue(folder: Path, request_pem: bytes) -> bytes:
    """Sign a certificate request by the authority in `folder`. Returns PEM. Raises ToolError for an invalid request."""
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    authority = x509.load_pem_x509_certificate((folder / AUTHORITY).read_bytes())
    key = load_pem_private_key((folder / AUTHORITY_KEY).read_bytes(), None)
    try:
        request = x509.load_pem_x509_csr(request_pem)
        public_key = request.public_key()
        is_valid = request.is_signature_valid and isinstance(public_key, ec.EllipticCurvePublicKey)
    except ValueError:
        is_valid = False
    if not is_valid or not isinstance(key, ec.EllipticCurvePrivateKey):
        raise ToolError("The request for a certificate is invalid.")
    assert isinstance(public_key, ec.EllipticCurvePublicKey)
    return _pem(_sign(request.subject, authority.subject, public_key, key, is_authority=False))


def write_private(path: Path, data: bytes) -> None:
    """Replace a file with mode 0600."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(descriptor, "wb") as file:
        file.write(data)
    os.replace(temporary, path)


def _new_key() -> "ec.EllipticCurvePrivateKey":
    from cryptography.hazmat.primitives.asymmetric import ec

    return ec.generate_private_key(ec.SECP256R1())


def _name(common_name: str) -> "x509.Name":
    from cryptography import x509
    from cryptography.x509.oid import NameOID

    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name[:64])])


def _sign(
    subject: "x509.Name",
    issuer: "x509.Name",
    public_key: "ec.EllipticCurvePublicKey",
    key: "ec.EllipticCurvePrivateKey",
    *,
    is_authority: bool,
) -> "x509.Certificate":
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes

    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _TOLERANCE)
        .not_valid_after(now + _VALID)
        .add_extension(x509.BasicConstraints(ca=is_authority, path_length=0 if is_authority else None), critical=True)
    )
    return builder.sign(key, hashes.SHA256())


def _pem(certificate: "x509.Certificate") -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding

    return certificate.public_bytes(Encoding.PEM)


def _key_pem(key: "ec.EllipticCurvePrivateKey") -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
