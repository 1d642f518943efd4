"""The viewer's server: on loopback, for one browser, and for nothing that a web page elsewhere asks."""

from __future__ import annotations

import errno
import hmac
import os
import secrets
import socketserver
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from wsbench.errors import WsbenchError
from wsbench.reports.web.viewer.answers import NOT_FOUND, TEXT, Answer, Answers

ADDRESS = "127.0.0.1"
"""The only address that is served: no other machine reaches it."""

PATIENCE = 30.0
"""Seconds that a connection may stay silent."""

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",  # films of patients do not stay in the browser's cache
}

WRONG_HOST = Answer(403, TEXT, b"this viewer answers to its own address alone\n")
WRONG_METHOD = Answer(405, TEXT, b"this viewer answers to GET and HEAD alone\n")


class Server(ThreadingHTTPServer):
    """Serves answers on loopback, below a secret part of the address.

    Other users of the machine can connect, too. Without the secret, they are told nothing.

    Attributes:
        answers: what is served.
        secret: the first part of every address.
    """

    daemon_threads = True
    block_on_close = False  # a slow answer does not delay the end
    allow_reuse_address = os.name != "nt"  # on Windows, two servers would share a port

    def __init__(self, port: int, answers: Answers | None = None) -> None:
        """Bind the port. A browser that asks before `answers` is set waits.

        Args:
            port: 0 for any free one.
            answers: what is served; set later where that is not known yet.

        Raises:
            WsbenchError: the port is in use, or may not be used.
        """
        if answers is not None:
            self.answers = answers
        self.secret = secrets.token_urlsafe(16)
        try:
            super().__init__((ADDRESS, port), _Handler)
        except OSError as error:
            advice = "name another with --port, or 0 for any free one"
            if error.errno == errno.EADDRINUSE:
                raise WsbenchError(f"port {port} of {ADDRESS} is in use; {advice}") from None
            if error.errno == errno.EACCES:
                raise WsbenchError(f"port {port} of {ADDRESS} may not be used; {advice}") from None
            raise

    @property
    def address(self) -> str:
        """The address of the page."""
        return f"http://{ADDRESS}:{self.server_port}/{self.secret}/"

    @property
    def hosts(self) -> set[str]:
        """What the header ``Host`` may be. A name of somebody else that leads to this machine is none."""
        names = {f"{name}:{self.server_port}" for name in (ADDRESS, "localhost")}
        return names | ({ADDRESS, "localhost"} if self.server_port == 80 else set())

    def server_bind(self) -> None:
        """Bind the port without asking a name server what this machine is called."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = ADDRESS, self.socket.getsockname()[1]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of a browser that has closed its connection; other errors are shown."""
        if not isinstance(sys.exc_info()[1], ConnectionError | TimeoutError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    server: Server
    timeout = PATIENCE

    def do_GET(self) -> None:
        self._send(self._answer())

    def do_HEAD(self) -> None:
        self._send(self._answer())

    def _refuse_method(self) -> None:
        self._send(WRONG_METHOD)

    do_POST = do_PUT = do_DELETE = do_PATCH = do_OPTIONS = do_TRACE = do_CONNECT = _refuse_method

    def _answer(self) -> Answer:
        hosts = self.headers.get_all("Host") or []
        if len(hosts) != 1 or hosts[0].lower() not in self.server.hosts:
            return WRONG_HOST
        secret, slash, address = self.path.partition("?")[0].removeprefix("/").partition("/")
        if not slash or not hmac.compare_digest(secret.encode(), self.server.secret.encode()):
            return NOT_FOUND
        return self.server.answers.of(address)

    def _send(self, answer: Answer) -> None:
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.kind)
        self.send_header("Content-Length", str(len(answer.content)))
        self.send_header("Content-Security-Policy", self.server.answers.policy)
        if answer is WRONG_METHOD:
            self.send_header("Allow", "GET, HEAD")
        for name, value in HEADERS.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.content)

    def version_string(self) -> str:
        return "wsbench"  # not Python's version

    def log_message(self, *_: object) -> None:
        """Write nothing: addresses stand in the page."""
