"""Owns: templates, campaigns, deliveries, tracking, campaign reports.
Does not: own contacts or consent, speak SMTP, keep credits.
Invariant: every recipient of a campaign ends in exactly one state, and nobody is mailed twice.
"""

from pathlib import Path

from nexusone.modules.marketing import jobs
from nexusone.modules.marketing.events import (
    CampaignCancelled,
    CampaignCreated,
    CampaignFailed,
    CampaignPaused,
    CampaignResumed,
    CampaignSent,
    CampaignStarted,
)
from nexusone.modules.marketing.graphql import MarketingQuery
from nexusone.modules.marketing.routes import campaigns, reports, sharing, tracking
from nexusone.modules.marketing.service.sending.slots import CarrierSlots
from nexusone.modules.marketing.service.tracking import Tracker, flushing_hits
from nexusone.modules.marketing.settings import MarketingSettings
from nexusone.web.module import Module

MODULE = Module(
    name="marketing",
    folder=Path(__file__).parent,
    doors=(campaigns.door, reports.door, sharing.door, tracking.door),
    graphql_queries=(MarketingQuery,),
    jobs=(jobs.PREPARE_CAMPAIGN, jobs.SEND_CAMPAIGN, jobs.CLOSE_CAMPAIGN, jobs.KEEP_CREDITS),
    schedules=(jobs.WATCH_CAMPAIGNS,),
    events=(CampaignCreated, CampaignStarted, CampaignPaused, CampaignResumed, CampaignCancelled, CampaignSent, CampaignFailed),
    settings=(MarketingSettings,),
    keepers={Tracker: Tracker, CarrierSlots: CarrierSlots},
    companions=(flushing_hits,),
    permissions=("templates:read", "templates:write", "campaigns:manage", "campaigns:read", "campaigns:write", "campaigns:send"),
    personal_data={
        "delivery.address": "where a mail went",
        "delivery.contact_id": "whom a mail was for",
        "engagement.contact_id": "who opened, clicked or unsubscribed",
        "engagement.user_agent": "with which program",
        "engagement.ip_hash": "from which address, hashed",
    },
)
