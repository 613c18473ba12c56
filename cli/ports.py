"""TCP ports of the loopback interface."""

import socket

from cli.errors import PortBusy

HOST = "127.0.0.1"
DEFAULT_PORT = 8000


def is_free(port: int) -> bool:
    """Whether a server could listen on the port now; connections that linger (TIME_WAIT) do not count."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
            probe.listen(1)  # Linux lets two sockets with SO_REUSEADDR bind, but only one listen
        except OSError:
            return False
    return True


def free_port() -> int:
    """A port that nobody uses now."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
    return port


def choose_port(wanted: int | None, default: int = DEFAULT_PORT) -> int:
    """The port to serve on: `wanted` exactly, any for 0, and for None `default` or the next free one.

    Raises:
        PortBusy: `wanted` is taken, or a hundred ports from `default` on are.
    """
    if wanted == 0:
        return free_port()
    if wanted is not None:
        if is_free(wanted):
            return wanted
        raise PortBusy(f"Port {wanted} is in use. Choose another with --port, or leave --port out.")
    for port in range(default, min(default + 100, 65536)):
        if is_free(port):
            return port
    raise PortBusy(f"Ports {default} to {default + 99} are all in use. Choose one with --port.")
