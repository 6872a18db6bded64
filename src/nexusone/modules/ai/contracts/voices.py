"""The words of brand voices: how a company sounds, in which words, and what it never claims."""

from typing import Annotated

from pydantic import ConfigDict, Field, StringConstraints

from nexusone.kernel.contract import Contract, Id, Instant, Name, NeverNull, Text
from nexusone.modules.ai.contracts.generations import LanguageTag

Tone = Annotated[Text, StringConstraints(min_length=1, max_length=2_000)]
Term = Annotated[Text, StringConstraints(min_length=1, max_length=100)]
Claim = Annotated[Text, StringConstraints(min_length=1, max_length=300)]
LocaleNote = Annotated[Text, StringConstraints(min_length=1, max_length=1_000)]


class AvoidedTerm(Contract):
    """A word that the brand does not use, and the one it uses instead, if any."""

    term: Term
    instead: Term | None = None


class VoiceExample(Contract):
    """A text that sounds right; `locale` says in which language, if it matters."""

    text: Annotated[Text, StringConstraints(min_length=1, max_length=1_500)]
    locale: LanguageTag | None = None


Preferred = Annotated[list[Term], Field(max_length=50)]
Avoided = Annotated[list[AvoidedTerm], Field(max_length=50)]
Claims = Annotated[list[Claim], Field(max_length=20)]
Examples = Annotated[list[VoiceExample], Field(max_length=5)]
LocaleNotes = Annotated[dict[LanguageTag, LocaleNote], Field(max_length=50)]


class NewBrandVoice(Contract):
    """How the brand sounds. One with `is_default` takes the place of the workspace's present default."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "name": "Ada's Engines",
                    "tone": "Plain, warm and precise. Short sentences. No exclamation marks.",
                    "preferred": ["engine", "workshop"],
                    "avoided": [{"term": "cheap", "instead": "affordable"}],
                    "forbidden_claims": ["the fastest engine in the world"],
                    "examples": [{"text": "It computes. You think.", "locale": "en"}],
                    "locale_notes": {"de": "Per du."},
                    "is_default": True,
                }
            ]
        }
    )

    name: Name
    tone: Tone
    preferred: Preferred = Field(default_factory=list)
    avoided: Avoided = Field(default_factory=list)
    forbidden_claims: Claims = Field(default_factory=list)
    examples: Examples = Field(default_factory=list)
    locale_notes: LocaleNotes = Field(default_factory=dict)
    is_default: bool = False


class BrandVoiceChange(Contract):
    """The fields to change; lists and notes are replaced as a whole. With `is_default` false the workspace has none."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"forbidden_claims": ["cures everything"], "is_default": True}]})

    name: Annotated[Name | None, NeverNull()] = None
    tone: Annotated[Tone | None, NeverNull()] = None
    preferred: Annotated[Preferred | None, NeverNull()] = None
    avoided: Annotated[Avoided | None, NeverNull()] = None
    forbidden_claims: Annotated[Claims | None, NeverNull()] = None
    examples: Annotated[Examples | None, NeverNull()] = None
    locale_notes: Annotated[LocaleNotes | None, NeverNull()] = None
    is_default: Annotated[bool | None, NeverNull()] = None


class VoiceContent(Contract):
    """What a version of a voice says."""

    name: str
    tone: str
    preferred: list[str]
    avoided: list[AvoidedTerm]
    forbidden_claims: list[str]
    examples: list[VoiceExample]
    locale_notes: dict[str, str]


class BrandVoice(VoiceContent):
    """A brand voice; every change of its words makes a new `version`."""

    id: Id
    is_default: bool
    version: int
    created_at: Instant
    updated_at: Instant


class BrandVoiceVersion(VoiceContent):
    """A brand voice as it was in one version; versions are written once."""

    version: int
    created_at: Instant
    created_by: str
