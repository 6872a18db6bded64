"""The product's own mails over SMTP, on real sockets."""

import email
import email.policy
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path

import pytest

from nexusone.kernel.clock import SystemClock
from nexusone.kernel.outcomes import DefiniteFailure, UnknownOutcome
from nexusone.modules.identity.ports import MailAttachment, SystemMail
from nexusone.platform.provider import ProviderSetup
from nexusone.providers.smtp.manifest import build_system_mailer
from nexusone.providers.smtp.simulation.house import House
from nexusone.providers.smtp.simulation.inbox import Inbox
from nexusone.providers.smtp.simulation.server import listen
from nexusone.providers.smtp.system_mail import SmtpSystemMailer

MAIL = SystemMail(
    recipient="ada@customer.example",
    locale="de",
    subject="Bestätigen Sie Ihre Adresse",
    text="Grüße an Ada\n\nhttps://app.example/auth/verify#token=nxv_x\n",
    html='<p>Grüße an Ada</p><a href="https://app.example/auth/verify#token=nxv_x">x</a>',
    at=datetime(2026, 11, 22, 12, 0, tzinfo=UTC),
)


@dataclass(frozen=True, slots=True)
class Post:
    """A mailer and the inbox behind it."""

    mailer: SmtpSystemMailer
    inbox: Inbox

    def received(self) -> list[EmailMessage]:
        """What arrived, parsed."""
        found = self.inbox.list_before(None, recipient=None, limit=100)
        return [email.message_from_bytes(self.inbox.content(mail), policy=email.policy.default) for mail in found]


@pytest.fixture
async def post(tmp_path: Path) -> AsyncIterator[Post]:
    """A mailer as the composition builds it."""
    house = House(inbox=Inbox(tmp_path), clock=SystemClock())
    async with listen(house, host="127.0.0.1", port=0) as address:
        mailer = build_system_mailer(ProviderSetup(address=address, credentials={"sender": "post@nexusone.test"}, is_sandbox=True))
        assert isinstance(mailer, SmtpSystemMailer)
        yield Post(mailer, house.inbox)
        await mailer.close()


async def test_a_mail_arrives_as_it_was_written(post: Post) -> None:
    await post.mailer.send(MAIL)
    (mail,) = post.received()
    assert mail["From"] == "NexusOne <post@nexusone.test>"
    assert mail["To"] == "ada@customer.example"
    assert mail["Subject"] == MAIL.subject
    assert mail["Content-Language"] == "de"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["Date"].datetime == MAIL.at
    text, html = (mail.get_body((kind,)) for kind in ("plain", "html"))
    assert text is not None
    assert html is not None
    assert text.get_content().replace("\r\n", "\n") == MAIL.text
    assert MAIL.html in html.get_content()


@pytest.mark.parametrize(("tag", "is_retryable"), [("+bounce", False), ("+defer", True)])
async def test_a_refused_mail_says_whether_to_try_again(post: Post, tag: str, is_retryable: bool) -> None:
    with pytest.raises(DefiniteFailure) as failure:
        await post.mailer.send(replace(MAIL, recipient=f"ada{tag}@customer.example"))
    assert failure.value.is_retryable is is_retryable


async def test_a_lost_answer_is_an_unknown_outcome(post: Post) -> None:
    with pytest.raises(UnknownOutcome):
        await post.mailer.send(replace(MAIL, recipient="ada+drop@customer.example"))


@pytest.mark.parametrize(
    "recipient",
    ["a,b@customer.example", "ada@customer.example>\r\nRCPT TO:<eve@customer.example", "ada@x.example\r\nBcc: eve@x.example", "<ada"],
)
async def test_an_address_that_would_say_more_is_refused_for_good(post: Post, recipient: str) -> None:
    with pytest.raises(DefiniteFailure) as failure:
        await post.mailer.send(replace(MAIL, recipient=recipient))
    assert not failure.value.is_retryable
    assert post.received() == []


async def test_files_go_with_a_mail(post: Post) -> None:
    await post.mailer.send(replace(MAIL, attachments=(MailAttachment("Rechnung.pdf", "application/pdf", b"%PDF-1.7 \x00\xff"),)))
    (mail,) = post.received()
    (enclosed,) = mail.iter_attachments()
    assert enclosed.get_filename() == "Rechnung.pdf"
    assert enclosed.get_content_type() == "application/pdf"
    assert enclosed.get_payload(decode=True) == b"%PDF-1.7 \x00\xff"
    body = mail.get_body(("plain",))
    assert body is not None
    assert "Grüße an Ada" in body.get_content()
    assert mail["Content-Language"] == "de"
