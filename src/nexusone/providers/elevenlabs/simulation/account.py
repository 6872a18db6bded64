"""The simulated account: its voices, what it has spoken, and how many credits are left."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from string import ascii_letters, digits
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from nexusone.kernel.clock import Clock
from nexusone.providers.elevenlabs.catalog import ListedModel, listed_model
from nexusone.providers.elevenlabs.simulation.refusals import VendorRefusal

CHARACTER_LIMIT = 100_000_000
ITEMS_KEPT = 2_000
Json = dict[str, Any]

# Identifier, name, gender, accent, language. The first three are those of the contract's examples.
VOICES = (
    ("JBFqnCBsd6RMkjVDRZzb", "George", "male", "british", "en"),
    ("21m00Tcm4TlvDq8ikWAM", "Rachel", "female", "american", "en"),
    ("cjVigY5qzO86Huf0OWal", "Eric", "male", "american", "en"),
    ("SANDBOXsimulatedDE01", "Klara", "female", "standard", "de"),
    ("SANDBOXsimulatedFR01", "Odile", "female", "parisian", "fr"),
    ("SANDBOXsimulatedES01", "Mateo", "male", "peninsular", "es"),
    ("SANDBOXsimulatedJA01", "Haruka", "female", "standard", "ja"),
)


class VoiceSettings(BaseModel):
    """How a voice shall speak."""

    model_config = ConfigDict(extra="ignore")

    stability: float | None = Field(default=None, ge=0, le=1)
    similarity_boost: float | None = Field(default=None, ge=0, le=1)
    style: float | None = None
    use_speaker_boost: bool | None = None
    speed: float | None = None


class SpeechBody(BaseModel):
    """What the vendor reads of a request for speech."""

    model_config = ConfigDict(extra="ignore", strict=True)

    text: str
    model_id: str = "eleven_multilingual_v2"
    language_code: str | None = None
    voice_settings: VoiceSettings | None = None
    seed: int | None = None


@dataclass(slots=True)
class Account:
    """One account; the newest items are first."""

    clock: Clock
    character_limit: int = CHARACTER_LIMIT
    character_count: int = 0
    items: list[Json] = field(default_factory=list)

    def speak(self, voice_id: str, body: SpeechBody, *, output_format: str) -> Json:
        """Checks a request, takes its credits and notes it in the history."""
        voice, model = voice_of(voice_id), _model(body.model_id)
        if not body.text.strip():
            raise VendorRefusal(400, "validation_error", "empty_text", "The text must not be empty.")
        if len(body.text) > model.characters_max:
            words = (
                f"This request's text has {len(body.text)} characters and exceeds the character limit of {model.characters_max} characters."
            )
            raise VendorRefusal(400, "validation_error", "text_too_long", words, status="max_character_limit_exceeded")
        cost = credits_of(model, body.text)
        if self.character_count + cost > self.character_limit:
            left = self.character_limit - self.character_count
            words = (
                f"This request exceeds your quota of {self.character_limit}. You have {left} credits remaining, while {cost} are required."
            )
            raise VendorRefusal(401, "authentication_error", "quota_exceeded", words)
        item = self._item(voice, body, output_format=output_format, cost=cost)
        self.character_count += cost
        self.items.insert(0, item)
        del self.items[ITEMS_KEPT:]
        return item

    def item(self, identifier: str) -> Json:
        """One item of the history."""
        for item in self.items:
            if item["history_item_id"] == identifier:
                return item
        raise VendorRefusal(404, "not_found", "history_item_not_found", f"History item with id '{identifier}' was not found.")

    def subscription(self) -> Json:
        """What the plan allows, and what of it is used."""
        flags = ("can_extend_character_limit", "allowed_to_extend_character_limit", "can_extend_voice_limit", "has_open_invoices")
        counts = (
            "voice_slots_used",
            "professional_voice_slots_used",
            "professional_voice_slots_used_in_workspace",
            "voice_add_edit_counter",
        )
        return {
            "tier": "pro",
            "status": "active",
            "character_count": self.character_count,
            "character_limit": self.character_limit,
            "max_character_limit_extension": None,
            "max_credit_limit_extension": 0,
            "voice_limit": 160,
            "professional_voice_limit": 1,
            "can_use_instant_voice_cloning": True,
            "can_use_professional_voice_cloning": True,
            "current_overage": {"amount": "0", "currency": "usd"},
            "currency": "usd",
            "billing_period": "monthly_period",
            "open_invoices": [],
            **dict.fromkeys(flags, False),
            **dict.fromkeys(counts, 0),
        }

    def _item(self, voice: Json, body: SpeechBody, *, output_format: str, cost: int) -> Json:
        settings = body.voice_settings.model_dump(exclude_none=True) if body.voice_settings else {}
        return {
            "history_item_id": vendor_id(),
            "request_id": vendor_id(),
            "voice_id": voice["voice_id"],
            "voice_name": voice["name"],
            "voice_category": voice["category"],
            "model_id": body.model_id,
            "text": body.text,
            "date_unix": int(self.clock.now().timestamp()),
            "character_count_change_from": self.character_count,
            "character_count_change_to": self.character_count + cost,
            "content_type": "audio/wav" if output_format.startswith("wav") else "audio/mpeg",
            "state": "created",
            "settings": voice["settings"] | settings,
            "source": "TTS",
            "output_format": output_format,
        }


def credits_of(model: ListedModel, text: str) -> int:
    """A credit a character; the fast models take half."""
    return -(-len(text) // 2) if "flash" in model.name else len(text)


def voices() -> Sequence[Json]:
    """The account's voices as the vendor shows them."""
    return [_shown(*voice) for voice in VOICES]


def voice_of(identifier: str) -> Json:
    """One voice."""
    for voice in voices():
        if voice["voice_id"] == identifier:
            return voice
    raise VendorRefusal(404, "not_found", "voice_not_found", f"A voice with voice_id '{identifier}' was not found.")


def model_shown(model: ListedModel) -> Mapping[str, object]:
    """A model as the vendor shows it."""
    rate = 0.5 if "flash" in model.name else 1.0
    return {
        "model_id": model.name,
        "name": model.title,
        "description": f"{model.title} speaks texts of up to {model.characters_max} characters.",
        "can_be_finetuned": False,
        "can_do_text_to_speech": True,
        "can_do_voice_conversion": False,
        "can_use_style": model.takes_speed,
        "can_use_speaker_boost": model.takes_speed,
        "serves_pro_voices": False,
        "token_cost_factor": rate,
        "requires_alpha_access": False,
        "max_characters_request_free_user": model.characters_max,
        "max_characters_request_subscribed_user": model.characters_max,
        "maximum_text_length_per_request": model.characters_max,
        "languages": [{"language_id": language, "name": language} for language in model.languages or ("en",)],
        "model_rates": {"character_cost_multiplier": rate, "cost_discount_multiplier": 1.0},
        "concurrency_group": f"standard_{model.name}",
    }


def vendor_id() -> str:
    """An id as the vendor makes them: twenty letters and digits."""
    return "".join(random.choices(ascii_letters + digits, k=20))  # noqa: S311 - a simulated name, not a secret


def _model(name: str) -> ListedModel:
    model = listed_model(name)
    if model is None:
        raise VendorRefusal(
            400, "validation_error", "unsupported_model", f"A model with model ID {name} does not exist.", status="model_not_found"
        )
    return model


def _shown(identifier: str, name: str, gender: str, accent: str, language: str) -> Json:
    return {
        "voice_id": identifier,
        "name": name,
        "category": "premade",
        "labels": {"gender": gender, "accent": accent, "language": language, "use_case": "narration"},
        "description": f"{name} reads with a clear voice.",
        "preview_url": None,
        "available_for_tiers": [],
        "high_quality_base_model_ids": ["eleven_multilingual_v2", "eleven_flash_v2_5"],
        "verified_languages": [{"language": language, "model_id": "eleven_multilingual_v2", "accent": accent}],
        "settings": {"stability": 0.5, "similarity_boost": 0.75, "style": 0.0, "use_speaker_boost": True, "speed": 1.0},
    }
