"""What subscriptions say to people, in their language: lines of invoices, and mails."""

from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from zoneinfo import ZoneInfo

from babel.dates import format_date

from nexusone.kernel.contract import Contract
from nexusone.kernel.locale import fallback_chain
from nexusone.modules.billing.domain.periods import SECOND, Period

TEXTS = Path(__file__).parent.parent / "subscriptions_texts"
DEFAULT_LOCALE = "en"


class MailText(Contract):
    """A mail with holes."""

    subject: str
    body: list[str]


class Texts(Contract):
    """The texts of one language with their holes."""

    lines: dict[str, str]
    meters: dict[str, str]
    mails: dict[str, MailText]


@dataclass(frozen=True, slots=True)
class Wording:
    """The texts of one language; days are those of a zone."""

    locale: str
    zone: str
    texts: Texts

    def day(self, instant: datetime) -> str:
        """The local day of an instant."""
        return format_date(instant.astimezone(ZoneInfo(self.zone)).date(), "medium", locale=self.locale)

    def days(self, period: Period) -> str:
        """A period from its first day to its last."""
        return f"{self.day(period.starts_at)} – {self.day(period.ends_at - SECOND)}"

    def line(self, kind: str, **values: str) -> str:
        """The description of a line of an invoice."""
        return self.texts.lines[kind].format(**values)

    def usage(self, kind: str, meter: str, period: Period) -> str:
        """The description of a line for a meter over a period; `kind` is usage or adjustment."""
        return self.line(kind, meter=self.texts.meters.get(meter, meter), days=self.days(period))


def wording(locale: str, *, zone: str) -> Wording:
    """The texts in the nearest language there is."""
    known = _all_texts()
    tag = next(tag for tag in fallback_chain(locale, DEFAULT_LOCALE) if tag in known)
    return Wording(locale=tag, zone=zone, texts=known[tag])


@lru_cache(maxsize=1)
def _all_texts() -> dict[str, Texts]:
    return {path.stem: Texts.model_validate_json(path.read_text(encoding="utf-8")) for path in sorted(TEXTS.glob("*.json"))}
