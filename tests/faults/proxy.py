"""A TCP proxy on loopback that passes everything on, until it is told to cut, stall or refuse."""

import contextlib
import socket
import threading
import time

REFUSAL = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


class Proxy:
    """Stands in front of one port. `mode` may be changed at any time, and holds for open connections too.

    It is pass, cut, stall or 503.
    """

    def __init__(self, target: int) -> None:
        self._target, self.mode = target, "pass"
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._server.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self.mode = "cut"
        self._server.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._server.accept()
            except OSError:
                return  # closed
            if self.mode == "cut":
                client.close()
                continue
            try:
                upstream = socket.create_connection(("127.0.0.1", self._target), timeout=5)
            except OSError:
                client.close()
                continue
            upstream.settimeout(None)
            for source, sink, asks in ((client, upstream, True), (upstream, client, False)):
                threading.Thread(target=self._pump, args=(source, sink, asks), daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket, asks: bool) -> None:
        """Move bytes one way; `asks` is the way from the client."""
        with contextlib.suppress(OSError), source, sink:
            source.settimeout(0.2)
            while self.mode != "cut":
                try:
                    data = source.recv(65536)
                except TimeoutError:
                    continue
                if not data:
                    break
                while self.mode == "stall":
                    time.sleep(0.1)
                if self.mode == "cut":
                    break
                if self.mode == "503":
                    if asks:
                        source.sendall(REFUSAL)
                    break
                sink.sendall(data)
            for end in (source, sink):
                end.shutdown(socket.SHUT_RDWR)
