"""What marketing announces."""

from typing import ClassVar

from nexusone.kernel.contract import Id
from nexusone.platform.events import Event


class CampaignCreated(Event):
    """A campaign was drafted."""

    name: ClassVar[str] = "marketing.campaign.created.v1"

    campaign_id: Id


class CampaignStarted(Event):
    """The recipients are fixed, their credits are held, mails go out."""

    name: ClassVar[str] = "marketing.campaign.started.v1"

    campaign_id: Id
    recipients: int


class CampaignPaused(Event):
    """No more mails go out until the campaign is resumed."""

    name: ClassVar[str] = "marketing.campaign.paused.v1"

    campaign_id: Id


class CampaignResumed(Event):
    """Mails go out again."""

    name: ClassVar[str] = "marketing.campaign.resumed.v1"

    campaign_id: Id


class CampaignCancelled(Event):
    """The campaign ended before all mails went out; what went out is settled."""

    name: ClassVar[str] = "marketing.campaign.cancelled.v1"

    campaign_id: Id
    sent: int
    unknown: int
    credits_micros: int


class CampaignSent(Event):
    """Every recipient is in its final state, and the credits are settled."""

    name: ClassVar[str] = "marketing.campaign.sent.v1"

    campaign_id: Id
    recipients: int
    sent: int
    failed: int
    unknown: int
    skipped: int
    credits_micros: int


class CampaignFailed(Event):
    """The campaign could not begin; nothing was sent. `reason` is a refusal's code."""

    name: ClassVar[str] = "marketing.campaign.failed.v1"

    campaign_id: Id
    reason: str
