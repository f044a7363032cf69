"""A child process for the tests of process, with any behaviour on demand."""

import ctypes
import os
import signal
import sys
import time

from vidlocal.errors import MediaError
from vidlocal.process import serve


def _handle(request: dict[str, object], payload: bytes) -> tuple[dict[str, object], bytes]:
    match request["do"]:
        case "echo":
            return {"said": request.get("text"), "pid": os.getpid()}, payload
        case "refuse":
            raise MediaError("this file is no good")
        case "bug":
            raise KeyError("nobody foresaw this")
        case "crash":
            print("last words", file=sys.stderr, flush=True)
            ctypes.string_at(0)
        case "hang":
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            time.sleep(600)
        case "chatter":
            os.write(1, b"noise on stdout\n" * 10_000)
            os.write(2, b"noise on stderr\n" * 10_000)
        case "eat":
            return {"eaten": len(bytearray(1 << 30))}, b""
        case "fork":
            return {"child": os.posix_spawn("/bin/sleep", ["sleep", "600"], {})}, b""
    return {}, b""


if __name__ == "__main__":
    serve(_handle)
