"""Secrets at rest: master keys wrap one data key per workspace (or data subject), data keys seal fields.

A sealed value opens only at the workspace, table, column and row it was sealed for, under the key it names.
"""

from nexusone.platform.vault.data_key import DataKey
from nexusone.platform.vault.errors import KeyInUse, SealBroken, VaultLocked
from nexusone.platform.vault.key_file import read_key_file, write_key_file
from nexusone.platform.vault.key_store import KeyStore, WrappedKey
from nexusone.platform.vault.master_keys import MasterKeys
from nexusone.platform.vault.vault import MasterKeyUse, RewrapProgress, Vault, VaultSettings, open_vault

__all__ = [
    "DataKey",
    "KeyInUse",
    "KeyStore",
    "MasterKeyUse",
    "MasterKeys",
    "RewrapProgress",
    "SealBroken",
    "Vault",
    "VaultLocked",
    "VaultSettings",
    "WrappedKey",
    "open_vault",
    "read_key_file",
    "write_key_file",
]
