"""Parse addresses of Ollama servers in the same way as Ollama."""

import re


def ollama_address(text: str, *, lenient: bool = False) -> str:
    """URL of the server with the address `text`, without a trailing slash.

    Without a scheme the port defaults to 11434, with a scheme to 80 or 443. The wildcard address ("listen on all
    interfaces") becomes loopback. An invalid port raises ValueError or, if `lenient`, becomes the default, as in Ollama
    (envconfig.Host and ConnectableHost).
    """
    text = text.strip().strip("\"'").strip()
    scheme, separator, rest = text.partition("://")
    if not separator:
        scheme, rest = ("https", "ollama.com:443") if text == "ollama.com" else ("http", text)
    scheme = scheme.lower()
    # The client would drop a user name and password before an @, so they are rejected.
    if scheme not in ("http", "https") or re.search(r"[\s@?#\\\x00-\x1f\x7f]", rest):
        raise ValueError
    default_port = {"http": 80, "https": 443}[scheme] if separator else 11434
    netloc, _, path = rest.partition("/")
    host, port = _host_and_port(netloc, default_port, lenient=lenient)
    host = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    host = f"[{host}]" if ":" in host else host
    return f"{scheme}://{host}:{port}/{path}".rstrip("/")


def _host_and_port(netloc: str, default_port: int, *, lenient: bool) -> tuple[str, int]:
    match = re.fullmatch(r"\[([^\[\]]+)\](?::(.*))?|([^:\[\]]*)(?::([^:]*))?", netloc)
    if match is None:
        return _bare_ipv6(netloc), default_port
    host, port = match[1] or match[3] or "", match[2] if match[1] else match[4]
    if match[1]:
        host = _bare_ipv6(host)
    if port is None:
        return host, default_port
    if port.isascii() and port.isdecimal() and int(port) <= 65535:
        return host, int(port)
    if not lenient:
        raise ValueError
    return host, default_port


def _bare_ipv6(text: str) -> str:
    from ipaddress import ip_address

    return str(ip_address(text.partition("%")[0])) + "".join(text.partition("%")[1:])
