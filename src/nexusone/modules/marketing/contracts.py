"""The words of marketing: templates, campaigns, who gets a campaign's mail."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field, JsonValue, StringConstraints

from nexusone.kernel.contract import Contract, Id, Instant, Name, Text

LocaleTag = Annotated[Text, StringConstraints(min_length=2, max_length=35)]
EmailText = Annotated[Text, StringConstraints(min_length=3, max_length=254)]
SenderName = Annotated[Name, StringConstraints(max_length=100)]
Source = Annotated[Text, StringConstraints(max_length=300_000)]
CampaignStatus = Literal["draft", "preparing", "sending", "paused", "sent", "cancelled", "failed"]


class TemplateVariant(Contract):
    """One language of a template; all four are Liquid. Without `text` the text part is made from the HTML.

    `generation_id` says which generation it came from: mails that are sent of it carry the header `X-AI-Generated`.
    """

    subject: Source
    preheader: Source = ""
    mjml: Source
    text: Source = ""
    generation_id: Id | None = None


class TemplateVariantChange(Contract):
    """The fields of a variant to change; a new variant needs `subject` and `mjml`."""

    subject: Source | None = None
    preheader: Source | None = None
    mjml: Source | None = None
    text: Source | None = None
    generation_id: Id | None = None


Variants = Annotated[dict[LocaleTag, TemplateVariant], Field(min_length=1, max_length=50)]


class NewTemplate(Contract):
    """A template with its variants by language."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "name": "Spring sale",
                    "channel": "email",
                    "default_locale": "en",
                    "variants": {
                        "en": {
                            "subject": "{{ contact.first_name | default: 'Hello' }}, spring is here",
                            "preheader": "Twenty percent off",
                            "mjml": "<mjml><mj-body><mj-section><mj-column><mj-text>Dear {{ contact.first_name }}</mj-text>"
                            '<mj-button href="https://shop.example/sale">To the sale</mj-button>'
                            "</mj-column></mj-section></mj-body></mjml>",
                            "text": "",
                        }
                    },
                }
            ]
        }
    )

    name: Name
    channel: Literal["email"] = "email"
    default_locale: LocaleTag
    variants: Variants


class TemplateChange(Contract):
    """The fields to change. A variant set to null is removed, a given one is merged into the present one."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"variants": {"de": {"subject": "Der Frühling ist da"}}}]})

    name: Name | None = None
    default_locale: LocaleTag | None = None
    variants: Annotated[dict[LocaleTag, TemplateVariantChange | None], Field(max_length=100)] | None = None


class TemplateSummary(Contract):
    """A template without its texts."""

    id: Id
    name: str
    channel: Literal["email"]
    default_locale: str
    locales: list[str]
    version: int
    created_at: Instant
    updated_at: Instant


class Template(Contract):
    """A template; every change makes a new `version`."""

    id: Id
    name: str
    channel: Literal["email"]
    default_locale: str
    variants: dict[str, TemplateVariant]
    version: int
    created_at: Instant
    updated_at: Instant


class RenderRequest(Contract):
    """For whom to render: a contact by id, or made-up fields, or neither for a sample; `locale` overrides the contact's."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"contact": {"first_name": "Ada", "attributes": {"plan": "pro"}}, "locale": "en"}]}
    )

    contact_id: Id | None = None
    contact: Annotated[dict[str, JsonValue], Field(max_length=50)] | None = None
    locale: LocaleTag | None = None


class RenderedTemplate(Contract):
    """A mail as the contact would see it; `locale` is the variant that the fallback chain chose."""

    subject: str
    preheader: str
    html: str
    text: str
    locale: str


class NewCampaign(Contract):
    """A campaign: which template goes to which segment, and in whose name."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "name": "Spring sale",
                    "template_id": "01979d3c-7f2a-7cc3-98c4-dc0c0c07398f",
                    "segment_id": "01979d3c-7f2a-7cc3-98c4-dc0c0c073990",
                    "from_name": "Ada's Engines",
                    "from_email": "news@engines.example",
                }
            ]
        }
    )

    name: Name
    template_id: Id
    segment_id: Id
    from_name: SenderName
    from_email: EmailText


class CampaignChange(Contract):
    """The fields of a draft to change."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"from_name": "Ada"}]})

    name: Name | None = None
    template_id: Id | None = None
    segment_id: Id | None = None
    from_name: SenderName | None = None
    from_email: EmailText | None = None


class CampaignProgress(Contract):
    """How many recipients are in which state. `sending` are with a worker now; `skipped` are by reason."""

    queued: int
    sending: int
    sent: int
    failed: int
    unknown: int
    skipped: dict[str, int]


class CampaignLinks(Contract):
    """Where to go on."""

    self: str
    report: str


class Campaign(Contract):
    """A campaign. `recipients` is null until they are fixed; `last_error` says why mails wait, `failure_reason` why none went."""

    id: Id
    name: str
    template_id: Id
    template_version: int | None
    segment_id: Id
    from_name: str
    from_email: str
    status: CampaignStatus
    recipients: int | None
    progress: CampaignProgress
    credits_settled: str | None
    failure_reason: str | None
    last_error: str | None
    version: int
    created_at: Instant
    updated_at: Instant
    started_at: Instant | None
    finished_at: Instant | None
    links: CampaignLinks


class Preflight(Contract):
    """Who would get the campaign now, who would not and why, and what it would cost."""

    recipients: int
    excluded: dict[str, int]
    credits_needed: str


class LocaleReport(Contract):
    """What came of the mails in one language."""

    locale: str
    recipients: int
    sent: int
    opened: int
    clicked: int
    unsubscribed: int
    open_rate: float
    click_rate: float


class LinkReport(Contract):
    """How often a link was followed, and by how many contacts; `url` is as it stands in the template."""

    url: str
    clicks: int
    contacts: int


class ReportCredits(Contract):
    """What the mails cost; until `is_final`, what those that are out so far will cost."""

    charged: str
    per_email: str
    is_final: bool


class CampaignReport(Contract):
    """What a campaign came to. Everybody counts once, however often they opened or clicked; who clicked has opened.

    `skipped` are those left out, by reason, and not among `recipients`; `pending` mails are not decided yet. Rates are parts of
    the mails that went out (sent or unknown), 0 to 1. Machines (scanners, prefetches) do not count.
    """

    campaign_id: Id
    status: CampaignStatus
    recipients: int
    pending: int
    sent: int
    failed: int
    unknown: int
    skipped: dict[str, int]
    opened: int
    clicked: int
    unsubscribed: int
    open_rate: float
    click_rate: float
    unsubscribe_rate: float
    by_locale: list[LocaleReport]
    links: list[LinkReport]
    credits: ReportCredits
    as_of: Instant
