"""Frames as a vendor might send them after it has changed its form."""

import base64
import json
from typing import Any


def reframed(frame: bytes, *fields: bytes, **envelope: Any) -> bytes:
    """The frame with more fields, as protobuf writes them, in its message, and with more of its envelope."""
    content = json.loads(frame)
    message = base64.b64decode(content["message"]) + b"".join(fields)
    return json.dumps(content | {"message": base64.b64encode(message).decode()} | envelope).encode()
