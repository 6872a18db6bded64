"""What a credit note takes back: never more of a line, or of an invoice, than is left, and all of it exactly when all is taken."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from nexusone.modules.billing.domain.splitting import half_up, split


class NotCreditable(ValueError):
    """It is more than is left, or nothing, or of a line that does not exist."""


@dataclass(frozen=True, slots=True)
class LineStanding:
    """A line of an invoice and what credit notes have taken back of it; all of a line's amounts have its sign."""

    position: int
    net: int
    tax: int
    credited_net: int
    credited_tax: int

    @property
    def net_left(self) -> int:
        """What of the net is not taken back yet."""
        return self.net - self.credited_net

    @property
    def tax_left(self) -> int:
        """What of the tax is not taken back yet."""
        return self.tax - self.credited_tax


@dataclass(frozen=True, slots=True)
class CreditedShare:
    """What is taken back of a line."""

    position: int
    net: int
    tax: int


def credit_all(lines: Sequence[LineStanding]) -> tuple[CreditedShare, ...]:
    """All that is left. Raises: NotCreditable."""
    return _checked(lines, [CreditedShare(line.position, line.net_left, line.tax_left) for line in lines])


def credit_lines(lines: Sequence[LineStanding], wanted: Mapping[int, int]) -> tuple[CreditedShare, ...]:
    """Net amounts by the line's position, each with its part of the line's tax. Raises: NotCreditable."""
    known = {line.position: line for line in lines}
    if unknown := wanted.keys() - known.keys():
        raise NotCreditable(f"no line {min(unknown)}")
    return _checked(lines, [_share(known[position], net) for position, net in sorted(wanted.items())])


def credit_amount(lines: Sequence[LineStanding], amount: int) -> tuple[CreditedShare, ...]:
    """An amount with tax, spread over what is left of the lines in proportion. Raises: NotCreditable."""
    left = [line.net_left + line.tax_left for line in lines]
    whole = sum(left)
    if not 0 < amount <= whole:
        raise NotCreditable(f"{amount} of {whole}")
    parts = split(amount, [Fraction(amount * part, whole) for part in left], [(line.position,) for line in lines])
    shares = []
    for line, part, of in zip(lines, parts, left, strict=True):
        net = half_up(Fraction(part * line.net_left, of)) if of else 0
        shares.append(CreditedShare(line.position, net, part - net))
    return _checked(lines, shares)


def _share(line: LineStanding, net: int) -> CreditedShare:
    credited = line.credited_net + net
    is_within = 0 < net <= line.net_left if line.net > 0 else line.net_left <= net < 0
    if not is_within:
        raise NotCreditable(f"{net} of line {line.position}, which has {line.net_left} left")
    return CreditedShare(line.position, net, half_up(Fraction(line.tax * credited, line.net)) - line.credited_tax)


def _checked(lines: Sequence[LineStanding], shares: Sequence[CreditedShare]) -> tuple[CreditedShare, ...]:
    taken = tuple(share for share in shares if share.net or share.tax)
    net, tax = sum(share.net for share in taken), sum(share.tax for share in taken)
    net_left, tax_left = sum(line.net_left for line in lines), sum(line.tax_left for line in lines)
    if not (0 <= net <= net_left and 0 <= tax <= tax_left and net + tax > 0):
        raise NotCreditable(f"{net} and {tax} tax of {net_left} and {tax_left}")
    return taken
