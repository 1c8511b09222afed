"""Between the connector and the stand-in: what goes wrong on the wire to Snowflake."""

import gzip
import http.client
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

LOGIN, QUERY, UPLOAD, RENEWAL = "login-request", "query-request", "fs_bucket", "token-request"
# what a fault can be beside the status of an answer: the code of one, or that it never comes though all was done
LOST = "lost"
MESSAGES = {
    "390100": "Incorrect username or password was specified.",
    "390112": "Session token has expired",
    "390114": "Authentication token has expired.  The user must authenticate again.",
    "390144": "JWT token is invalid.",
    "390189": "Role 'TAPEHOUSE_LOADER' specified in the connect string does not exist or not authorized.",
    "003001": "SQL access control error: Insufficient privileges to operate on schema 'GOLD'",
}


class Fault(NamedTuple):
    """`kind` of a request, and what its statement holds; `answer` is a status, a code, or LOST. For ever, or once."""

    kind: str
    answer: int | str
    sql: str = ""
    for_ever: bool = False


class Proxy:
    """Up for the length of a block. `met` counts the faults that came to pass, `tokens` are what it saw of secrets,
    `tags` each statement with its QUERY_TAG.
    """

    def __init__(self, upstream: int) -> None:
        self.faults: list[Fault] = []
        self.met = 0
        self.tokens: set[str] = set()
        self.tags: list[tuple[str, str | None]] = []
        self._token = ""
        self._server = _Server(self, upstream)
        self.port = int(self._server.server_address[1])

    def __enter__(self) -> "Proxy":
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def due(self, path: str, sql: str) -> int | str | None:
        """What is to go wrong with a request."""
        for fault in self.faults:
            if fault.kind in path and fault.sql in sql:
                self.met += 1
                if not fault.for_ever:
                    self.faults.remove(fault)
                return fault.answer
        return None

    def remember(self, request: bytes, answer: bytes) -> None:
        """The token that the client signed, and the one that it got for it."""
        self._token = str((json.loads(answer).get("data") or {}).get("token", ""))
        self.tokens |= {self._token, str(json.loads(request)["data"].get("TOKEN", ""))} - {""}

    def renewed(self) -> bytes:
        """The session goes on under the token that it has."""
        data = {
            "sessionToken": self._token,
            "masterToken": "master",
            "validityInSecondsST": 3600,
            "validityInSecondsMT": 14400,
        }
        return json.dumps({"data": data, "success": True}).encode()


class _Server(ThreadingHTTPServer):
    def __init__(self, proxy: Proxy, upstream: int) -> None:
        self.proxy, self.upstream = proxy, upstream
        super().__init__(("127.0.0.1", 0), _Handler)


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"

    def __getattr__(self, name: str) -> Any:
        if name.startswith("do_"):
            return self.pass_on
        raise AttributeError(name)

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def pass_on(self) -> None:
        proxy = self.server.proxy
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        text = gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body
        sql = _sql(text)
        if sql:
            proxy.tags.append((sql, (json.loads(text).get("parameters") or {}).get("QUERY_TAG")))
        fault = proxy.due(self.path, sql)
        if isinstance(fault, int):
            self.answer(fault, b"{}")
        elif fault and fault != LOST:
            message = {"data": None, "code": fault, "message": MESSAGES[fault], "success": False}
            self.answer(200, json.dumps(message).encode())
        elif RENEWAL in self.path:
            self.answer(200, proxy.renewed())
        else:
            status, answer = self.ask(body)
            if LOGIN in self.path:
                proxy.remember(text, answer)
            if fault == LOST:
                self.close_connection = True
                self.connection.close()
            else:
                self.answer(status, answer)

    def ask(self, body: bytes) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.server.upstream, timeout=60)
        headers = {name: value for name, value in self.headers.items() if name.lower() != "host"}
        connection.request(self.command, self.path, body, headers | {"Host": self.headers["Host"]})
        response = connection.getresponse()
        answer = response.read()
        connection.close()
        return response.status, answer

    def answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(body)


def _sql(body: bytes) -> str:
    """The statement of a request, empty where it is none."""
    return str(json.loads(body).get("sqlText", "")) if b'"sqlText"' in body else ""
