"""What billing refuses about plans, entitlements, coupons and pools."""

from nexusone.kernel.errors import Conflict, NotFound, PaymentRequired, Unprocessable


class NotInPlan(PaymentRequired):
    """The plan does not cover it: `feature`, what is `used`, the `limit`, and `allowed_by`, the plan that would allow it or "none".

    402, because another plan is all it takes; permissions do not come into it.
    """

    code = "billing.not_in_plan"


class TakeConflict(Unprocessable):
    """The key has taken something else before."""

    code = "billing.take_conflict"


class PlanNotFound(NotFound):
    """There is no such plan, or no such version of it."""

    code = "billing.plan_not_found"


class PlanFaulty(Unprocessable):
    """What a plan or price list would say breaks a rule; `errors` point at it."""

    code = "billing.plan_faulty"


class VersionFixed(Conflict):
    """The version was published or retired before, or what is to be written is written already."""

    code = "billing.version_fixed"


class CouponUnusable(Conflict):
    """The coupon cannot be used (`reason`): unknown, ended, expired, used_up, other_plan, other_currency, used_before."""

    code = "billing.coupon_unusable"


class CouponFixed(Conflict):
    """There is a coupon of this code that gives something else, or was used more often than is now allowed."""

    code = "billing.coupon_fixed"


class ClientNotFound(NotFound):
    """The agency has no such workspace."""

    code = "billing.client_not_found"
