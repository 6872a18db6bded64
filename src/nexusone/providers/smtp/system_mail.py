"""The product's own mails over SMTP: composed here, carried by the same transport as campaigns."""

from email.errors import HeaderParseError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import make_msgid

from nexusone.kernel.outcomes import DefiniteFailure, UnknownOutcome
from nexusone.modules.identity.ports import SystemMail
from nexusone.modules.marketing.ports import EmailTransport, OutgoingEmail

CODE_FAILED = "mail.refused"
CODE_DEFERRED = "mail.deferred"


class SmtpSystemMailer:
    """A SystemMailer. `sender` is the address in From and in the envelope."""

    def __init__(self, transport: EmailTransport, *, sender: str, sender_name: str = "NexusOne") -> None:
        self._transport, self._sender, self._sender_name = transport, sender, sender_name

    async def send(self, mail: SystemMail) -> None:
        """Hands one mail over; see SystemMailer."""
        message_id = make_msgid(domain=self._sender.rpartition("@")[2])
        outgoing = OutgoingEmail(
            message_id=message_id,
            envelope_from=self._sender,
            recipient=mail.recipient,
            mime=self._composed(mail, message_id),
        )
        (outcome,) = await self._transport.hand_over([outgoing])
        if outcome.outcome == "unknown":
            raise UnknownOutcome(detail=outcome.reason or "the connection was lost")
        if outcome.outcome != "sent":
            is_final = outcome.outcome == "failed"
            raise DefiniteFailure(
                code=CODE_FAILED if is_final else CODE_DEFERRED,
                detail=outcome.reason or "the mail was not taken",
                is_retryable=not is_final,
            )

    async def close(self) -> None:
        """Lets go of connections."""
        await self._transport.close()

    def _composed(self, mail: SystemMail, message_id: str) -> bytes:
        try:
            return _message(mail, message_id, sender=Address(self._sender_name, addr_spec=self._sender)).as_bytes()
        except (HeaderParseError, ValueError) as error:
            raise DefiniteFailure(code=CODE_FAILED, detail="the address is not one that mail can be sent to", is_retryable=False) from error


def _message(mail: SystemMail, message_id: str, *, sender: Address) -> EmailMessage:
    message = EmailMessage(policy=SMTP)
    message["From"] = sender
    message["To"] = Address(addr_spec=mail.recipient)
    message["Subject"] = mail.subject
    message["Date"] = mail.at
    message["Message-ID"] = message_id
    # RFC 3834: vacation replies and lists leave such mail alone.
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(mail.text)
    message.add_alternative(mail.html, subtype="html")
    for attachment in mail.attachments:
        main_type, _, sub_type = attachment.content_type.partition("/")
        message.add_attachment(attachment.content, maintype=main_type, subtype=sub_type, filename=attachment.name)
    message["Content-Language"] = mail.locale
    return message
