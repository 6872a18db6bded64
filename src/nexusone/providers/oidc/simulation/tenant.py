"""One simulated identity provider: its people, its keys, the codes and tokens it has given out."""

import secrets
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from pydantic import BaseModel, ConfigDict

from nexusone.providers.oidc.simulation.faults import FaultSwitch

CODES_MAX = 1000
CODE_SECONDS = 60


class SimulatedPerson(BaseModel):
    """Somebody who can be chosen on the sign-in page; `amr` is how they are said to have proved themselves."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    sub: str
    email: str
    email_verified: bool = True
    name: str
    amr: list[str] = ["pwd"]


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A key pair with its id."""

    id: str
    private: RSAPrivateKey = field(repr=False)


@dataclass(frozen=True, slots=True)
class Code:
    """What an authorization code stands for."""

    client_id: str
    redirect_uri: str
    challenge: str
    nonce: str
    person: SimulatedPerson
    given_at: float


PEOPLE = (
    SimulatedPerson(sub="ada", email="ada@example.com", name="Ada Lovelace"),
    SimulatedPerson(sub="grace", email="grace@example.com", name="Grace Hopper", amr=["pwd", "otp", "mfa"]),
    SimulatedPerson(sub="alan", email="alan@example.com", name="Alan Turing"),
)


class Tenant:
    """Everything one issuer knows; it is forgotten with the process."""

    def __init__(self) -> None:
        self.people: dict[str, SimulatedPerson] = {person.sub: person for person in PEOPLE}
        self.keys: list[SigningKey] = [fresh_key()]
        self.codes: dict[str, Code] = {}
        self.access: dict[str, SimulatedPerson] = {}
        self.faults = FaultSwitch()
        self.keys_asked = 0

    @property
    def signing_key(self) -> SigningKey:
        """The key that signs now."""
        return self.keys[-1]

    def rotate(self, *, keeps_old: bool) -> None:
        """Signs with a new key from now on; the old one may still be shown."""
        self.keys = [*(self.keys[-1:] if keeps_old else []), fresh_key()]

    def give_code(self, code: Code) -> str:
        """A new code; the oldest go where there are too many."""
        text = secrets.token_urlsafe(24)
        self.codes[text] = code
        while len(self.codes) > CODES_MAX:
            self.codes.pop(next(iter(self.codes)))
        return text

    def give_access(self, person: SimulatedPerson) -> str:
        """A new access token."""
        text = secrets.token_urlsafe(24)
        self.access[text] = person
        while len(self.access) > CODES_MAX:
            self.access.pop(next(iter(self.access)))
        return text


def fresh_key() -> SigningKey:
    """A key pair that nobody has seen."""
    return SigningKey(id=secrets.token_hex(8), private=generate_private_key(public_exponent=65537, key_size=2048))
