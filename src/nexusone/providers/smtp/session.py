"""A conversation with an SMTP server up to the point where it takes mail: connect, greet, secure, authenticate."""

import asyncio
import base64
import ipaddress
import socket
import ssl
from dataclasses import dataclass

from nexusone.providers.smtp.address import SmtpAddress
from nexusone.providers.smtp.envelope import Offers, read_offers
from nexusone.providers.smtp.wire import Lost, Reply, Wire


class NoSession(Exception):
    """No conversation came about; nothing was handed over. `code` is the server's number, if it answered."""

    def __init__(self, reason: str, *, code: int | None = None) -> None:
        super().__init__(reason)
        self.reason, self.code = reason, code


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait: for the connection, for the answer to a command, for the answer to content."""

    connect_seconds: float = 10.0
    command_seconds: float = 30.0
    data_seconds: float = 60.0


class Session:
    """An open conversation: what the server offers, and the wire it is held over."""

    def __init__(self, *, wire: Wire, patience: Patience) -> None:
        self.wire, self.patience = wire, patience
        self.offers = Offers()

    async def ask(self, command: str) -> Reply:
        """Sends one command and waits for its reply; raises Lost."""
        self.wire.write(command.encode() + b"\r\n")
        return await self.wire.reply(timeout_seconds=self.patience.command_seconds)

    async def is_alive(self) -> bool:
        """Whether the server still answers; leaves no transaction open."""
        try:
            return self.wire.is_quiet and (await self.ask("RSET")).code == 250
        except Lost:
            return False


async def open_session(address: SmtpAddress, *, patience: Patience, tls: ssl.SSLContext) -> Session:
    """Opens a conversation that is ready for mail; raises NoSession."""
    wire: Wire | None = None
    is_ready = False
    try:
        wire = await _connect(address, patience=patience, tls=tls)
        session = Session(wire=wire, patience=patience)
        await _introduce(session, address=address, tls=tls)
        is_ready = True
    except Lost as lost:
        raise NoSession(str(lost)) from lost
    except TimeoutError as error:
        raise NoSession(f"no connection within {patience.connect_seconds:g} s") from error
    except (OSError, ValueError) as error:
        raise NoSession(f"no connection: {error}") from error
    finally:
        if wire is not None and not is_ready:
            wire.abort()
    return session


async def _connect(address: SmtpAddress, *, patience: Patience, tls: ssl.SSLContext) -> Wire:
    loop = asyncio.get_running_loop()
    secure = tls if address.security == "tls" else None
    async with asyncio.timeout(patience.connect_seconds):
        found = await loop.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)
        ips = list(dict.fromkeys(str(entry[4][0]) for entry in found))
        if address.is_public_only and not all(ipaddress.ip_address(ip).is_global for ip in ips):
            raise NoSession("the host is not on the public internet")
        failure: OSError = OSError("the host has no address")
        for ip in ips:
            try:
                # Connecting to the checked IP leaves no second look-up that could answer differently.
                _, wire = await loop.create_connection(Wire, ip, address.port, ssl=secure, server_hostname=address.host if secure else None)
            except OSError as error:
                failure = error
            else:
                return wire
        raise failure


async def _introduce(session: Session, *, address: SmtpAddress, tls: ssl.SSLContext) -> None:
    greeting = await session.wire.reply(timeout_seconds=session.patience.command_seconds)
    _insist(greeting, code=220, step="greeting")
    await _hello(session)
    if address.security == "starttls":
        if not session.offers.starttls:
            raise NoSession("the server offers no STARTTLS")
        _insist(await session.ask("STARTTLS"), code=220, step="STARTTLS")
        await session.wire.start_tls(tls, host=address.host, timeout_seconds=session.patience.connect_seconds)
        await _hello(session)
    if address.user is not None:
        await _authenticate(session, user=address.user, password=address.password or "")


async def _hello(session: Session) -> None:
    ip = session.wire.local_ip
    name = f"[IPv6:{ip}]" if ":" in ip else f"[{ip}]"
    reply = await session.ask(f"EHLO {name}")
    session.offers = read_offers(reply.text)
    if reply.code in (500, 501, 502, 504):
        session.offers = Offers()
        reply = await session.ask(f"HELO {name}")
    _insist(reply, code=250, step="hello")


async def _authenticate(session: Session, *, user: str, password: str) -> None:
    if "PLAIN" in session.offers.auth:
        reply = await session.ask(f"AUTH PLAIN {_base64(f'{chr(0)}{user}{chr(0)}{password}')}")
    elif "LOGIN" in session.offers.auth:
        _insist(await session.ask("AUTH LOGIN"), code=334, step="authentication")
        _insist(await session.ask(_base64(user)), code=334, step="authentication")
        reply = await session.ask(_base64(password))
    else:
        raise NoSession("the server offers neither AUTH PLAIN nor AUTH LOGIN")
    _insist(reply, code=235, step="authentication")


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _insist(reply: Reply, *, code: int, step: str) -> None:
    if reply.code != code:
        raise NoSession(f"{step} refused: {reply.text}", code=reply.code)
