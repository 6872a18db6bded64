"""TLS, authentication and addresses, against an independent server implementation."""

import asyncio
import ipaddress
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from tests.providers.conformance.email_transport import outgoing

from nexusone.modules.marketing.ports import HandOver
from nexusone.platform.provider import ProviderSetup
from nexusone.providers.smtp.address import AddressMalformed, parse_address
from nexusone.providers.smtp.manifest import MANIFEST
from nexusone.providers.smtp.session import Patience
from nexusone.providers.smtp.transport import SmtpTransport

QUICK = Patience(connect_seconds=3.0, command_seconds=2.0, data_seconds=2.0)
USER, PASSWORD = "jo@shop.example", "p:a/s s@word"
CREDENTIALS = "jo%40shop.example:p%3Aa%2Fs%20s%40word"


@dataclass(frozen=True, slots=True)
class Certificates:
    server: ssl.SSLContext
    trusting: ssl.SSLContext


@dataclass(slots=True)
class Postbox:
    contents: list[bytes] = field(default_factory=list)

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - the library's name
        assert isinstance(envelope.content, bytes)
        self.contents.append(envelope.content)
        return "250 taken"


def authority_and_server(names: list[x509.GeneralName]) -> tuple[bytes, bytes, bytes]:
    now = datetime.now(UTC)
    keys = [ec.generate_private_key(ec.SECP256R1()) for _ in range(2)]
    titles = [x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)]) for text in ("Test authority", "Test server")]
    signed = []
    for place in range(2):
        builder = (
            x509.CertificateBuilder()
            .subject_name(titles[place])
            .issuer_name(titles[0])
            .public_key(keys[place].public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(hours=1))
            .not_valid_after(now + timedelta(hours=1))
            .add_extension(x509.BasicConstraints(ca=place == 0, path_length=None), critical=True)
        )
        if place == 1:
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        signed.append(builder.sign(keys[0], hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    key = keys[1].private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return signed[0], signed[1], key


def certificates(folder: Path, *, names: list[x509.GeneralName]) -> Certificates:
    authority, certificate, key = authority_and_server(names)
    (folder / "server.pem").write_bytes(certificate + key)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(folder / "server.pem")
    return Certificates(server, ssl.create_default_context(cadata=authority.decode()))


@pytest.fixture
def trusted(tmp_path: Path) -> Certificates:
    return certificates(tmp_path, names=[x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])


def check(server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: object) -> AuthResult:
    is_right = isinstance(data, LoginPassword) and (data.login, data.password) == (USER.encode(), PASSWORD.encode())
    return AuthResult(success=is_right, handled=False)


@asynccontextmanager
async def mail_server(
    postbox: Postbox,
    *,
    implicit: ssl.SSLContext | None = None,
    starttls: ssl.SSLContext | None = None,
    needs_login: bool = False,
    excluded: tuple[str, ...] = (),
) -> AsyncIterator[str]:
    loop = asyncio.get_running_loop()

    def connection() -> SMTP:
        return SMTP(
            postbox,
            tls_context=starttls,
            require_starttls=starttls is not None,
            authenticator=check,
            auth_required=needs_login,
            auth_require_tls=starttls is not None,
            auth_exclude_mechanism=excluded,
            loop=loop,
        )

    server = await loop.create_server(connection, "127.0.0.1", 0, ssl=implicit)
    try:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        await server.wait_closed()


async def carried(address: str, *, tls: ssl.SSLContext | None = None) -> HandOver:
    transport = SmtpTransport(parse_address(address), patience=QUICK, tls=tls)
    [outcome] = await transport.hand_over([outgoing("ada@customer.example")])
    await transport.close()
    await asyncio.sleep(0.05)
    return outcome


async def test_implicit_tls_with_the_authority_trusted_is_sent(trusted: Certificates) -> None:
    postbox = Postbox()
    async with mail_server(postbox, implicit=trusted.server) as place:
        assert (await carried(f"smtps://{place}", tls=trusted.trusting)).outcome == "sent"
    assert postbox.contents == [outgoing("ada@customer.example").mime]


async def test_starttls_with_the_authority_trusted_is_sent(trusted: Certificates) -> None:
    postbox = Postbox()
    async with mail_server(postbox, starttls=trusted.server) as place:
        assert (await carried(f"smtp+starttls://{place}", tls=trusted.trusting)).outcome == "sent"
    assert len(postbox.contents) == 1


async def test_a_certificate_of_an_unknown_authority_is_not_talked_to(trusted: Certificates) -> None:
    postbox = Postbox()
    async with mail_server(postbox, implicit=trusted.server) as place:
        assert (await carried(f"smtps://{place}")).outcome == "deferred"
    async with mail_server(postbox, starttls=trusted.server) as place:
        assert (await carried(f"smtp+starttls://{place}")).outcome == "deferred"
    assert postbox.contents == []


async def test_a_certificate_for_another_name_is_not_talked_to(tmp_path: Path) -> None:
    other = certificates(tmp_path, names=[x509.DNSName("other.example")])
    postbox = Postbox()
    async with mail_server(postbox, implicit=other.server) as place:
        assert (await carried(f"smtps://{place}", tls=other.trusting)).outcome == "deferred"
    assert postbox.contents == []


async def test_a_server_without_starttls_is_not_talked_to_in_the_clear() -> None:
    postbox = Postbox()
    async with mail_server(postbox) as place:
        assert (await carried(f"smtp+starttls://{place}")).outcome == "deferred"
    assert postbox.contents == []


@pytest.mark.parametrize("answer", [b"220 go\r\n250 injected\r\n", b"454 not now\r\n"])
async def test_a_server_that_speaks_between_starttls_and_tls_is_not_trusted(answer: bytes) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 hello\r\n")
        await reader.readline()
        writer.write(b"250-x\r\n250 STARTTLS\r\n")
        await reader.readline()
        writer.write(answer)
        await reader.read()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        assert (await carried(f"smtp+starttls://127.0.0.1:{server.sockets[0].getsockname()[1]}")).outcome == "deferred"


@pytest.mark.parametrize("excluded", [(), ("PLAIN",)], ids=["PLAIN", "LOGIN"])
async def test_a_login_over_tls_is_sent(trusted: Certificates, excluded: tuple[str, ...]) -> None:
    postbox = Postbox()
    async with mail_server(postbox, starttls=trusted.server, needs_login=True, excluded=excluded) as place:
        assert (await carried(f"smtp+starttls://{CREDENTIALS}@{place}", tls=trusted.trusting)).outcome == "sent"
    assert len(postbox.contents) == 1


async def test_a_wrong_password_is_deferred_and_not_repeated_in_the_reason(trusted: Certificates) -> None:
    async with mail_server(Postbox(), starttls=trusted.server, needs_login=True) as place:
        outcome = await carried(f"smtp+starttls://jo:hunter2@{place}", tls=trusted.trusting)
    assert (outcome.outcome, outcome.code) == ("deferred", 535)
    assert "hunter2" not in repr(outcome)


@pytest.mark.parametrize(
    "address",
    [
        "",
        "mail.example",
        "http://mail.example",
        "smtp://",
        "smtp://mail.example:port",
        "smtp://mail.example:99999",
        "smtp://mail.example/path",
        "smtp://mail.example?x=1",
        "smtp://jo:hunter2@mail.example",
        "smtp://[::1",
    ],
)
def test_an_address_that_cannot_be_used_is_refused_without_repeating_it(address: str) -> None:
    with pytest.raises(AddressMalformed) as refusal:
        parse_address(address)
    assert "hunter2" not in str(refusal.value)


@pytest.mark.parametrize(
    ("address", "port", "security"),
    [
        ("smtp://mail.example", 25, "none"),
        ("smtp+starttls://mail.example", 587, "starttls"),
        ("smtps://u:p@mail.example", 465, "tls"),
        ("smtps://[2001:db8::1]:2465", 2465, "tls"),
    ],
)
def test_the_scheme_decides_security_and_port(address: str, port: int, security: str) -> None:
    parsed = parse_address(address)
    assert (parsed.port, parsed.security) == (port, security)
    assert "password" not in repr(parsed)


async def test_a_customers_address_may_not_point_into_private_networks() -> None:
    capability = MANIFEST.capabilities[0]
    setup = ProviderSetup(address="", credentials={"address": "smtp://127.0.0.1:2525"}, is_sandbox=False)
    transport = capability.build(setup)
    [outcome] = await transport.hand_over([outgoing("ada@customer.example")])
    assert (outcome.outcome, outcome.reason) == ("deferred", "the host is not on the public internet")


async def test_in_the_sandbox_the_customers_address_is_not_used() -> None:
    postbox = Postbox()
    capability = MANIFEST.capabilities[0]
    async with mail_server(postbox) as place:
        setup = ProviderSetup(address=f"smtp://{place}", credentials={"address": "smtps://mail.example"}, is_sandbox=True)
        transport = capability.build(setup)
        [outcome] = await transport.hand_over([outgoing("ada@customer.example")])
        await transport.close()
    assert outcome.outcome == "sent"
    assert len(postbox.contents) == 1
