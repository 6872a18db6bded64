"""Owns: the credit ledger: grants, holds, transfers, balances.
Does not: know what credits are spent on, call payment vendors.
Invariant: the lines of every transfer sum to zero, balances equal the sum of their lines, nobody overspends.
"""

from pathlib import Path

from nexusone.modules.billing.events.invoices import (
    BillingProfileChanged,
    CreditNoteIssued,
    InvoiceIssued,
    InvoicePaid,
    InvoicePaymentFailed,
    InvoiceVoided,
)
from nexusone.modules.billing.events.ledger import (
    AdjustmentDecided,
    AdjustmentMade,
    AlertsChanged,
    BalanceLow,
    CapsChanged,
    CreditsGranted,
    CreditsSettled,
    HoldKept,
    HoldsExpired,
    OverdraftLimitChanged,
    TopUpChanged,
    TopUpFailed,
    TopUpWanted,
)
from nexusone.modules.billing.events.payments import (
    DefaultMethodChosen,
    DisputeClosed,
    DisputeOpened,
    PaymentBegun,
    PaymentCaptured,
    PaymentEnded,
    PaymentIncidentFound,
    PaymentMethodRemoved,
    PaymentMethodSaved,
    PaymentMethodSetupBegun,
    RefundBegun,
    RefundCreditsTaken,
    RefundFailed,
    RefundSucceeded,
)
from nexusone.modules.billing.events.subscriptions import (
    SubscriptionCanceled,
    SubscriptionChanged,
    SubscriptionEnded,
    SubscriptionPastDue,
    SubscriptionPaused,
    SubscriptionRecovered,
    SubscriptionRenewed,
    SubscriptionResumed,
    SubscriptionStarted,
    TrialEnding,
)
from nexusone.modules.billing.events.usage import MarginFloorChanged, MarginLow
from nexusone.modules.billing.graphql.credits import CreditsQuery
from nexusone.modules.billing.graphql.invoices import InvoicesQuery
from nexusone.modules.billing.graphql.ledger import LedgerQuery
from nexusone.modules.billing.graphql.payments import PaymentsQuery
from nexusone.modules.billing.graphql.plans import PlansQuery
from nexusone.modules.billing.graphql.subscriptions import SubscriptionsQuery
from nexusone.modules.billing.graphql.usage import UsageQuery
from nexusone.modules.billing.jobs import JOBS, SCHEDULES
from nexusone.modules.billing.routes import (
    credits_desk,
    invoices,
    ledger,
    payments,
    plans,
    plans_desk,
    pools,
    spending,
    subscriptions,
    usage,
)
from nexusone.modules.billing.service.plan_catalogue import PlanCatalogue
from nexusone.modules.billing.settings import BillingSettings, InvoiceSettings, PaymentSettings, UsageSettings
from nexusone.modules.billing.subscribers import SUBSCRIBERS
from nexusone.web.module import Module

MODULE = Module(
    name="billing",
    folder=Path(__file__).parent,
    doors=(
        ledger.door,
        spending.door,
        credits_desk.door,
        invoices.door,
        plans.door,
        plans_desk.door,
        pools.door,
        subscriptions.door,
        payments.door,
        usage.door,
    ),
    graphql_queries=(CreditsQuery, LedgerQuery, InvoicesQuery, PaymentsQuery, PlansQuery, SubscriptionsQuery, UsageQuery),
    jobs=JOBS,
    subscribers=SUBSCRIBERS,
    schedules=SCHEDULES,
    events=(
        CreditsGranted,
        CreditsSettled,
        HoldsExpired,
        HoldKept,
        CapsChanged,
        OverdraftLimitChanged,
        AlertsChanged,
        BalanceLow,
        TopUpChanged,
        TopUpFailed,
        TopUpWanted,
        AdjustmentMade,
        AdjustmentDecided,
        BillingProfileChanged,
        InvoiceIssued,
        InvoicePaid,
        InvoicePaymentFailed,
        InvoiceVoided,
        CreditNoteIssued,
        MarginLow,
        MarginFloorChanged,
        SubscriptionStarted,
        SubscriptionRenewed,
        SubscriptionChanged,
        SubscriptionPaused,
        SubscriptionResumed,
        SubscriptionCanceled,
        SubscriptionEnded,
        SubscriptionPastDue,
        SubscriptionRecovered,
        TrialEnding,
        DefaultMethodChosen,
        DisputeClosed,
        DisputeOpened,
        PaymentBegun,
        PaymentCaptured,
        PaymentEnded,
        PaymentIncidentFound,
        PaymentMethodRemoved,
        PaymentMethodSaved,
        PaymentMethodSetupBegun,
        RefundBegun,
        RefundCreditsTaken,
        RefundFailed,
        RefundSucceeded,
    ),
    settings=(BillingSettings, InvoiceSettings, PaymentSettings, UsageSettings),
    permissions=(
        "credits:read",
        "credits:write",
        "invoices:read",
        "invoices:write",
        "payments:read",
        "payments:write",
        "plans:read",
        "subscriptions:read",
        "subscriptions:write",
        "usage:read",
        "usage:write",
    ),
    personal_data={
        "adjustment.made_by": "the operator who gave or took credits",
        "adjustment.decided_by": "the operator who agreed or declined",
        "billing_profile.legal_name": "who is billed, perhaps a person",
        "billing_profile.street": "where invoices go",
        "billing_profile.email": "who gets the invoices",
        "invoice.buyer": "who was billed, as the law has it kept",
    },
    keepers={PlanCatalogue: lambda _settings, _keys: PlanCatalogue()},
)
