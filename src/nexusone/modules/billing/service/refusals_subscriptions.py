"""What subscriptions refuse."""

from nexusone.kernel.errors import Conflict, NotFound, Unprocessable


class SubscriptionNotFound(NotFound):
    """The workspace subscribes to nothing."""

    code = "billing.subscription_not_found"


class AlreadySubscribed(Conflict):
    """The workspace has a subscription; change that one."""

    code = "billing.already_subscribed"


class SubscriptionStepRefused(Conflict):
    """The subscription's `state` does not allow the `step`."""

    code = "billing.subscription_step_refused"


class NothingToChange(Unprocessable):
    """The subscription is what it was to become."""

    code = "billing.nothing_to_change"


class ChangeOnlyAtPeriodEnd(Conflict):
    """More would be given back than charged: the change can be made at the period's end."""

    code = "billing.change_only_at_period_end"


class TrialNeedsPaymentMethod(Conflict):
    """The plan is tried only by whoever has saved a way to pay."""

    code = "billing.trial_needs_payment_method"
