"""Ports on loopback, found and not fixed, so that two checkouts do not disturb each other."""

import random
import socket

# below what the kernel gives to outgoing connections
LOWEST, HIGHEST = 15_000, 32_000


def find_ports(names: list[str]) -> dict[str, int]:
    """A free port for each name."""
    found: dict[str, int] = {}
    chance = random.SystemRandom()
    for name in names:
        for _ in range(500):
            port = chance.randint(LOWEST, HIGHEST)
            if port not in found.values() and is_free(port):
                found[name] = port
                break
        else:
            raise OSError(f"no free port between {LOWEST} and {HIGHEST}")
    return found


def is_free(port: int) -> bool:
    """Whether a server could listen on it now."""
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
