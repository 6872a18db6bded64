"""The words of coupons."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field, StringConstraints

from nexusone.kernel.contract import Contract, Instant, Key
from nexusone.kernel.money import Money
from nexusone.modules.billing.contracts.plans import Interval

CouponCode = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{1,39}$")]
CouponKind = Literal["percent", "amount"]
CouponDuration = Literal["once", "repeating", "forever"]
Percent = Annotated[str, StringConstraints(pattern=r"^\d{1,3}(\.\d{1,2})?$")]


class CouponQuestion(Contract):
    """What would a coupon take off a plan's price?"""

    model_config = ConfigDict(json_schema_extra={"examples": [{"code": "SPRING20", "plan": "growth", "every": "month", "country": "DE"}]})

    code: CouponCode
    plan: Key
    every: Interval = "month"
    country: Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")] | None = None


class CouponOffer(Contract):
    """What the first period costs with a coupon; `periods` it lasts for, None without end."""

    code: str
    plan: Key
    price: Money
    discount: Money
    to_pay: Money
    duration: CouponDuration
    periods: int | None


class CouponWish(Contract):
    """A coupon as operators write it: `percent` or `amount`. What it gives never changes afterwards, how often it may be used can."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"percent": "20", "duration": "repeating", "periods": 3, "uses_max": 500, "plans": ["growth"]}]}
    )

    percent: Percent | None = None
    amount: Money | None = None
    duration: CouponDuration = "once"
    periods: Annotated[int, Field(ge=1, le=120)] | None = None
    plans: Annotated[list[Key], Field(max_length=100)] = Field(default_factory=list)
    redeem_by: Instant | None = None
    uses_max: Annotated[int, Field(ge=1, le=10**9)] | None = None


class Coupon(Contract):
    """A coupon as operators see it."""

    code: str
    percent: str | None
    amount: Money | None
    duration: CouponDuration
    periods: int | None
    plans: list[Key]
    redeem_by: Instant | None
    uses_max: int | None
    uses: int
    created_at: Instant
    ended_at: Instant | None
