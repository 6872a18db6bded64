"""Who fuzzes: two companies' owners and an operator. A keeper hands out their tokens, and makes what was broken new."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx2
from pyotp import TOTP

PEERS = ("ada", "bob")
STAFF = "staff"

# Well below the 300 s in which a proof of oneself counts, so that sensitive operations are reached too.
TOKEN_SECONDS = 120.0
PASSWORD = "a passphrase for fuzzing"  # noqa: S105 - of accounts that live for one run


@dataclass(frozen=True, slots=True)
class Operator:
    """The member of staff."""

    email: str = "staff@fuzz.example"
    name: str = "Staff"
    password: str = PASSWORD


@dataclass(slots=True)
class _Peer:
    """One company's owner; `generation` counts the accounts that were used up."""

    name: str
    generation: int = 0
    token: str | None = None
    taken_at: float = 0.0
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def email(self) -> str:
        return f"{self.name}-{self.generation}@fuzz.example"


class Keeper:
    """Hands out tokens that work.

    Fuzzing signs out, suspends, demands second factors and deletes. Operations are not left out for that: whoever lost a session signs in
    again, and whoever broke their workspace gets a new one.
    """

    def __init__(self, address: str) -> None:
        self.operator = Operator()
        self.accounts_made = 0
        self._staff_secret = ""
        self._client = httpx2.Client(base_url=address, timeout=30.0)
        self._peers = {name: _Peer(name) for name in (*PEERS, STAFF)}

    def token(self, name: str) -> str:
        """A token that is not older than two minutes."""
        peer = self._peers[name]
        with peer.lock:
            if peer.token is None or time.monotonic() - peer.taken_at > TOKEN_SECONDS:
                peer.token = self._sign_in_operator() if name == STAFF else self._sign_in(peer)
                peer.taken_at = time.monotonic()
            return peer.token

    def drop(self, name: str, token: str, *, is_wrecked: bool) -> None:
        """Forgets a token that does not work, with its account where that is of no more use."""
        peer = self._peers[name]
        with peer.lock:
            # Nothing ends an operator's token before its time, and a code of the app works once.
            if peer.token != token or name == STAFF:
                return
            peer.token = None
            peer.generation += is_wrecked

    def _sign_in(self, peer: _Peer) -> str:
        answer = self._client.post("/v1/auth/sign-in", json={"email": peer.email, "password": PASSWORD})
        token = answer.json().get("access_token") if answer.status_code == 200 else None
        if token is None:
            peer.generation += 1
            wanted = {"email": peer.email, "password": PASSWORD, "name": peer.name, "workspace_name": f"{peer.name} {peer.generation}"}
            answer = self._client.post("/v1/auth/sign-up", json=wanted)
            answer.raise_for_status()
            self.accounts_made += 1
            token = answer.json()["access_token"]
        return str(token)

    def _sign_in_operator(self) -> str:
        credentials = {"email": self.operator.email, "password": self.operator.password}
        challenge = self._client.post("/v1/operators/sign-in", json=credentials).raise_for_status().json()
        if challenge["enrolment"] is not None:
            self._staff_secret = challenge["enrolment"]["secret"]
        shown = {"attempt": challenge["attempt"], "code": TOTP(self._staff_secret).now()}
        return str(self._client.post("/v1/operators/sign-in/verify", json=shown).raise_for_status().json()["access_token"])


def identities_document(keeper_address: str) -> dict[str, Any]:
    """The identities in the form of the Web Fuzzing Commons."""
    token = {
        "extractFrom": "body",
        "extractSelector": "/access_token",
        "sendIn": "header",
        "sendName": "Authorization",
        "sendTemplate": "Bearer {token}",
    }
    return {
        "auth": [
            {"name": name, "loginEndpointAuth": {"externalEndpointURL": f"{keeper_address}/{name}", "verb": "POST", "token": token}}
            for name in (*PEERS, STAFF)
        ]
    }


@contextmanager
def keeping(keeper: Keeper) -> Iterator[str]:
    """The keeper on a socket: `POST /<name>` answers a token, `POST /<name>/drop` forgets one; yields its address."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            name, _, wish = self.path.strip("/").partition("/")
            answer: dict[str, str] = {}
            if wish == "drop":
                dropped = json.loads(body)
                keeper.drop(name, dropped["token"], is_wrecked=dropped["is_wrecked"])
            else:
                answer["access_token"] = keeper.token(name)
            sent = json.dumps(answer).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(sent)))
            self.end_headers()
            self.wfile.write(sent)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name the base class gives
            """Says nothing; it is asked before every request."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
