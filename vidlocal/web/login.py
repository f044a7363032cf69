"""Pass phrase and sessions of a server open to other machines."""

import hashlib
import hmac
import json
import os
import secrets
from pathlib import Path

from vidlocal.errors import SettingsError, UsageError
from vidlocal.media.atomic_write import write_text

COOKIE = "vidlocal-session"
FILE_NAME = "passphrase.json"
MIN_PHRASE_CHARACTERS = 12

# OWASP Password Storage Cheat Sheet: scrypt with N = 2^17, r = 8, p = 1, 128 MB.
_COST, _BLOCK_SIZE, _PARALLELISM = 1 << 17, 8, 1
_MEMORY_BYTES = 160 << 20
_MAX_SESSIONS = 100


class Login:
    """Checks the pass phrase, and keeps the sessions until the server ends."""

    def __init__(self, salt: bytes, digest: bytes) -> None:
        self._salt = salt
        self._digest = digest
        self._sessions: dict[str, None] = {}

    def open_session(self, phrase: str) -> str | None:
        """Return the value of a session cookie for the right phrase, else None. Takes about half a second."""
        if not hmac.compare_digest(_digest(phrase, self._salt), self._digest):
            return None
        session = secrets.token_urlsafe(32)
        while len(self._sessions) >= _MAX_SESSIONS:
            del self._sessions[next(iter(self._sessions))]
        self._sessions[session] = None
        return session

    def has_session(self, session: str) -> bool:
        """True for the cookie of an open session."""
        return session in self._sessions


def load_login(home: Path) -> Login | None:
    """Load the stored pass phrase; None if there is none. Raises SettingsError for a damaged file."""
    path = home / FILE_NAME
    try:
        stored = json.loads(path.read_text(encoding="ascii"))
        return Login(bytes.fromhex(stored["salt"]), bytes.fromhex(stored["scrypt"]))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SettingsError(f"{path}: cannot be read. Run: vidlocal serve --new-pass-phrase") from error


def store_phrase(home: Path, phrase: str) -> Login:
    """Store the scrypt of a new pass phrase, readable by the owner only. Raises UsageError for a short phrase."""
    if len(phrase.strip()) < MIN_PHRASE_CHARACTERS:
        raise UsageError(f"The pass phrase has fewer than {MIN_PHRASE_CHARACTERS} characters. Use four or more words.")
    salt = os.urandom(16)
    digest = _digest(phrase, salt)
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = home / FILE_NAME
    write_text(path, [json.dumps({"salt": salt.hex(), "scrypt": digest.hex()})], overwrite=True)
    path.chmod(0o600)
    return Login(salt, digest)


def _digest(phrase: str, salt: bytes) -> bytes:
    text = phrase.strip().encode("utf-8", "surrogatepass")
    return hashlib.scrypt(text, salt=salt, n=_COST, r=_BLOCK_SIZE, p=_PARALLELISM, maxmem=_MEMORY_BYTES)
