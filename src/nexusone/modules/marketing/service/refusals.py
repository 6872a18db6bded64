"""What marketing refuses."""

from nexusone.kernel.errors import Conflict, Forbidden, NotFound, Unprocessable


class TemplateNotFound(NotFound):
    """There is no such template in this workspace."""

    code = "marketing.template_not_found"


class TemplateFaulty(Unprocessable):
    """The template cannot be used; `errors` say what is wrong where."""

    code = "marketing.template_faulty"


class TemplateNotRenderable(Unprocessable):
    """The template cannot be rendered for this contact."""

    code = "marketing.template_not_renderable"


class ContactNotFound(NotFound):
    """There is no such contact in this workspace."""

    code = "marketing.contact_not_found"


class CampaignNotFound(NotFound):
    """There is no such campaign in this workspace."""

    code = "marketing.campaign_not_found"


class CampaignReadOnly(Forbidden):
    """The campaign is shared with the caller to be seen, not to be changed."""

    code = "marketing.campaign_read_only"


class SenderInvalid(Unprocessable):
    """The sender's address is not one that mail can be sent from."""

    code = "marketing.sender_invalid"


class CampaignNotDraft(Conflict):
    """Only a draft can be changed or deleted."""

    code = "marketing.campaign_not_draft"


class CampaignAlreadySent(Conflict):
    """The campaign was sent before; nobody is mailed twice."""

    code = "marketing.campaign_already_sent"


class CampaignNotSending(Conflict):
    """Only a campaign that is being sent can be paused."""

    code = "marketing.campaign_not_sending"


class CampaignNotPaused(Conflict):
    """Only a paused campaign can be resumed."""

    code = "marketing.campaign_not_paused"


class CampaignNotStoppable(Conflict):
    """Only a campaign that is on its way can be cancelled."""

    code = "marketing.campaign_not_stoppable"
