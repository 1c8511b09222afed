"""What holds for every answer: its headers, GET and HEAD alone, no stack traces, and requests of a bounded size."""

from collections.abc import Callable, MutableMapping
from typing import TYPE_CHECKING, Any

import structlog
from starlette.responses import PlainTextResponse

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}
LONGEST_ADDRESS = 2_000  # bytes
# what costs a place or a process: no other site's page may ask for it in a visitor's browser
DEAR = ("/events", "/explained/")
log = structlog.get_logger()


class Guard:
    """The outermost layer: what passes it has these headers, whatever happens within."""

    def __init__(self, app: "ASGIApp", failed: Callable[[], None]) -> None:
        self._app, self._failed = app, failed

    async def __call__(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        has_begun = False

        async def with_headers(message: "Message") -> None:
            nonlocal has_begun
            if message["type"] == "http.response.start":
                has_begun = True
                _add_headers(message)
            await send(message)

        refusal = _refusal(scope)
        if refusal:
            await refusal(scope, receive, with_headers)
            return
        try:
            await self._app(scope, receive, with_headers)
        except Exception as error:
            log.exception("request_failed", path=scope["path"][:200])
            self._failed()
            if has_begun:
                raise
            answer = PlainTextResponse(f"the page failed here: {type(error).__name__}; see its log\n", 500)
            await answer(scope, receive, with_headers)


def _add_headers(message: MutableMapping[str, Any]) -> None:
    there = {name.lower() for name, _ in message["headers"]}
    added = HEADERS if b"cache-control" in there else HEADERS | {"cache-control": "no-store"}
    message["headers"] = [*message["headers"], *((n.encode(), v.encode()) for n, v in added.items())]


def _refusal(scope: "Scope") -> PlainTextResponse | None:
    if scope["method"] not in {"GET", "HEAD"}:
        return PlainTextResponse("only GET is answered here\n", 405, headers={"allow": "GET, HEAD"})
    if len(scope["raw_path"] or b"") + len(scope["query_string"]) > LONGEST_ADDRESS:
        return PlainTextResponse("the address is too long\n", 414)
    if scope["path"].startswith(DEAR) and (b"sec-fetch-site", b"cross-site") in scope["headers"]:
        return PlainTextResponse("pages of other sites are not answered here\n", 403)
    return None
