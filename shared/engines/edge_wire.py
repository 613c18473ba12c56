"""The wire between `EdgeIndex` and its sidecar: framed messages on a Unix socket.

A frame is two lengths, a JSON object and raw float32 vectors. No pickle: nothing received is ever executed.
Why not `multiprocessing`: docs/decisions/0002-edge-sidecar.md.
"""

import hashlib
import hmac
import json
import secrets
import socket
import struct
import time
from typing import Any

import numpy as np
from numpy.typing import NDArray

NO_VECTORS: NDArray[np.float32] = np.empty((0, 0), dtype="<f4")
MAX_SOCKET_PATH = 107  # bytes; sun_path holds 108 with its final NUL (unix(7))

_LENGTHS = struct.Struct("!III")  # bytes of JSON, rows, columns
_MAX_FRAME_BYTES = 256 * 1024 * 1024
_MAX_GREETING_BYTES = 1024  # what a stranger may make us hold
_SHUT_OUT = "the auth key does not fit"


class WireError(Exception):
    """The other side does not speak this protocol, or may not."""


class Channel:
    """One connected socket; every call takes the moment (`time.monotonic()`) by which it must be done.

    Raises `TimeoutError` past the deadline, `EOFError` when the other side has gone, `OSError`, `WireError`.
    """

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock

    def close(self) -> None:
        """Close this process's end."""
        self._sock.close()

    def wait(self) -> None:
        """Return once there is something to receive, however long that takes."""
        self._sock.settimeout(None)
        self._sock.recv(1, socket.MSG_PEEK)

    def send(
        self, message: dict[str, Any], vectors: NDArray[np.float32] = NO_VECTORS, *, deadline: float
    ) -> None:
        """Send one frame; `vectors` is a contiguous (n, size) array of little-endian float32."""
        text = json.dumps(message, separators=(",", ":")).encode()
        self._bound(deadline)
        self._sock.sendall(_LENGTHS.pack(len(text), *vectors.shape) + text)
        if vectors.size:
            self._bound(deadline)
            self._sock.sendall(vectors.data.cast("B"))

    def receive(
        self, *, deadline: float, max_bytes: int = _MAX_FRAME_BYTES
    ) -> tuple[dict[str, Any], NDArray[np.float32]]:
        """The next frame's message and vectors."""
        length, rows, columns = _LENGTHS.unpack(self._read(_LENGTHS.size, deadline))
        if length + rows * columns * 4 > max_bytes:
            raise WireError("the frame is too long")
        try:
            message = json.loads(self._read(length, deadline))
        except (ValueError, RecursionError) as error:
            raise WireError("the frame holds no JSON") from error
        if not isinstance(message, dict):
            raise WireError("the frame holds no JSON object")
        vectors = np.frombuffer(self._read(rows * columns * 4, deadline), dtype="<f4")
        return message, vectors.reshape(rows, columns)

    def _read(self, size: int, deadline: float) -> bytearray:
        data = bytearray(size)
        view, filled = memoryview(data), 0
        while filled < size:
            self._bound(deadline)
            got = self._sock.recv_into(view[filled:])
            if got == 0:
                raise EOFError
            filled += got
        return data

    def _bound(self, deadline: float) -> None:
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._sock.settimeout(left)


def admit(channel: Channel, key: bytes, *, deadline: float) -> None:
    """The sidecar's half of the greeting: both sides prove that they hold the key (HMAC-SHA256, RFC 2104).

    Raises `WireError` for a caller with another key, whom it tells so.
    """
    nonce = secrets.token_hex(32)
    channel.send({"nonce": nonce}, deadline=deadline)
    answer, _ = channel.receive(deadline=deadline, max_bytes=_MAX_GREETING_BYTES)
    theirs = str(answer.get("nonce"))
    if not hmac.compare_digest(str(answer.get("proof")).encode(), _proof(key, "client", nonce, theirs)):
        channel.send({"refused": _SHUT_OUT}, deadline=deadline)
        raise WireError(_SHUT_OUT)
    channel.send({"proof": _proof(key, "sidecar", nonce, theirs).decode()}, deadline=deadline)


def enter(channel: Channel, key: bytes, *, deadline: float) -> None:
    """The client's half of the greeting; raises `WireError` when either side's key is another."""
    greeting, _ = channel.receive(deadline=deadline, max_bytes=_MAX_GREETING_BYTES)
    theirs, nonce = str(greeting.get("nonce")), secrets.token_hex(32)
    proof = _proof(key, "client", theirs, nonce).decode()
    channel.send({"nonce": nonce, "proof": proof}, deadline=deadline)
    answer, _ = channel.receive(deadline=deadline, max_bytes=_MAX_GREETING_BYTES)
    expected = _proof(key, "sidecar", theirs, nonce)
    if not hmac.compare_digest(str(answer.get("proof")).encode(), expected):
        raise WireError(_SHUT_OUT)


def _proof(key: bytes, role: str, sidecar_nonce: str, client_nonce: str) -> bytes:
    text = f"{role}:{sidecar_nonce}:{client_nonce}".encode()
    return hmac.new(key, text, hashlib.sha256).hexdigest().encode()
