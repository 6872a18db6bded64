"""The modules of the product, lowest first: the order in which they may ask one another."""

from collections.abc import Sequence
from pathlib import Path

from nexusone import platform as platform_package
from nexusone import web as web_package
from nexusone.modules.ai.module import MODULE as AI
from nexusone.modules.audience.module import MODULE as AUDIENCE
from nexusone.modules.billing.module import MODULE as BILLING
from nexusone.modules.compliance.module import MODULE as COMPLIANCE
from nexusone.modules.identity.module import MODULE as IDENTITY
from nexusone.modules.marketing.module import MODULE as MARKETING
from nexusone.platform.schema_state import SchemaPart
from nexusone.web.module import Module

MODULES: tuple[Module, ...] = (IDENTITY, BILLING, AUDIENCE, AI, MARKETING, COMPLIANCE)

PLATFORM_FOLDER = Path(platform_package.__path__[0])
WEB_FOLDER = Path(web_package.__path__[0])
APPS_FOLDER = Path(__file__).parent


class UnknownModule(ValueError):
    """A name that is no module's."""


def schema_parts() -> tuple[SchemaPart, ...]:
    """Everyone who owns a schema, in the order in which they are migrated."""
    return (SchemaPart("platform", PLATFORM_FOLDER), *(SchemaPart(module.name, module.folder) for module in MODULES))


def locale_folders() -> tuple[Path, ...]:
    """Where the texts of refusals are."""
    folders = (WEB_FOLDER, PLATFORM_FOLDER, APPS_FOLDER, *(module.folder for module in MODULES))
    return tuple(folder / "locale" for folder in folders)


def chosen_modules(only: Sequence[str]) -> tuple[Module, ...]:
    """The named modules, or all where none is named.

    Raises:
        UnknownModule: with the names there are.
    """
    names = [module.name for module in MODULES]
    for name in only:
        if name not in names:
            raise UnknownModule(f"there is no module {name!r}; there are {', '.join(names)}")
    return tuple(module for module in MODULES if not only or module.name in only)
