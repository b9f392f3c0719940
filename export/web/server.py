"""An HTTP server for the page, reachable from this machine only."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from functools import partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import unquote, urlsplit

LOOPBACK = "127.0.0.1"
OWN_NAMES = {"127.0.0.1", "localhost"}
CONTENT_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".wasm": "application/wasm",
}
SILENCE = 60  # Seconds without traffic after which a connection is closed.


def server(files: Mapping[str, Path], port: int) -> ThreadingHTTPServer:
    """Create a server that listens on the loopback interface; `serve_forever` runs it.

    Args:
        files: The files that it serves, by name; see `site_files`.
        port: Port on 127.0.0.1; 0 for any free one, which `server_port` then holds.

    Raises:
        OSError: The port is taken.
    """
    try:
        return ThreadingHTTPServer((LOOPBACK, port), partial(_Handler, files))
    except OSError as error:
        raise OSError(
            f"port {port} can't be opened ({error.strerror}); name another with --port, or 0 for "
            "any that is free"
        ) from error


class _Handler(BaseHTTPRequestHandler):
    """Serves the files of a page."""

    timeout = SILENCE
    protocol_version = "HTTP/1.1"

    def __init__(self, files: Mapping[str, Path], *connection: Any) -> None:
        self.files = files
        super().__init__(*connection)  # It handles all requests of the connection.

    def do_GET(self) -> None:
        """Answer with a file."""
        self._answer(with_content=True)

    def do_HEAD(self) -> None:
        """Answer with the headers of a file."""
        self._answer(with_content=False)

    def _answer(self, with_content: bool) -> None:
        try:
            host = urlsplit(f"//{self.headers.get('Host', '')}").hostname
            name = unquote(urlsplit(self.path).path).removeprefix("/") or "index.html"
        except ValueError:
            self.send_error(HTTPStatus.BAD_REQUEST)
            return
        if host not in OWN_NAMES:  # The name of another site, resolved to this machine.
            self.send_error(HTTPStatus.FORBIDDEN)
            return
        try:
            file = self.files[name].open("rb")
        except (KeyError, OSError):
            self.send_error(HTTPStatus.NOT_FOUND)
            return
        with file:
            self._send(file, Path(name).suffix, with_content)

    def _send(self, file: BinaryIO, suffix: str, with_content: bool) -> None:
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", CONTENT_TYPES.get(suffix, "application/octet-stream"))
        self.send_header("Content-Length", str(os.fstat(file.fileno()).st_size))
        self.send_header("Cache-Control", "no-cache")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.end_headers()
        if with_content:
            shutil.copyfileobj(file, self.wfile)  # In blocks: `timeout` applies to each of them.

    def handle(self) -> None:
        """Answer requests; a client that disconnects is not an error."""
        try:
            super().handle()
        except ConnectionError:
            self.close_connection = True

    def log_message(self, format: str, *args: Any) -> None:
        """Log nothing: the terminal shows the address."""
