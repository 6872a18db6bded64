"""Known devices: whoever signs in on a new one is told by mail, and a known one is not kept out by others' guesses."""

import secrets
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from nexusone.kernel.ids import new_id
from nexusone.modules.identity.domain.credentials import digest_of, is_same, read_one_time_token, write_one_time_token
from nexusone.modules.identity.domain.places import fingerprint_of
from nexusone.modules.identity.service.mailing import notify
from nexusone.modules.identity.settings import IdentitySettings
from nexusone.modules.identity.store import devices
from nexusone.modules.identity.store.accounts import UserRow
from nexusone.platform.database import Transaction
from nexusone.platform.runtime import Context

SECRET_BYTES = 32


@dataclass(frozen=True, slots=True)
class SeenDevice:
    """The device of a sign-in; `token` where it is new and the client should keep it."""

    id: UUID
    token: str | None


async def find_known(ctx: Context, *, token: str | None, email: str) -> UUID | None:
    """The device of the account whose token is shown; None for anything else."""
    reference = read_one_time_token(token, kind="nxd") if token else None
    if reference is None:
        return None
    async with ctx.transaction("identity") as tx:
        row = await devices.find_device(tx, device_id=reference.id, email=email)
    return row.id if row is not None and is_same(row.secret_hash, reference.digest) else None


async def see_device(ctx: Context, tx: Transaction, *, user: UserRow, token: str | None) -> SeenDevice:
    """Notes the device of a sign-in; a new one beside others is told to the person by mail."""
    reference = read_one_time_token(token, kind="nxd") if token else None
    if reference is not None:
        row = await devices.find_device(tx, device_id=reference.id, email=user.email)
        if row is not None and is_same(row.secret_hash, reference.digest):
            await devices.see_device(tx, device_id=row.id, user_id=user.id, now=ctx.now())
            return SeenDevice(id=row.id, token=None)
    return await add_device(ctx, tx, user_id=user.id)


async def add_device(ctx: Context, tx: Transaction, *, user_id: UUID) -> SeenDevice:
    """Makes the context's device known, with a token of its own; one that looks like no other is told to the person by mail."""
    secret = secrets.token_urlsafe(SECRET_BYTES)
    fingerprint = fingerprint_of(ip=ctx.ip, user_agent=ctx.user_agent)
    device = devices.NewDevice(id=new_id(), user_id=user_id, secret_hash=digest_of(secret), fingerprint=fingerprint, now=ctx.now())
    device_id = await devices.replace_alike(tx, device)
    if device_id is None:
        if await devices.has_devices(tx, user_id=user_id):
            await notify(ctx, tx, user_id=user_id, kind="new_device")
        await devices.insert_device(tx, device)
        device_id = device.id
    return SeenDevice(id=device_id, token=write_one_time_token(kind="nxd", token_id=device_id, secret=secret))


async def forget_unseen(ctx: Context) -> None:
    """Forgets devices that were not used for a long time."""
    async with ctx.transaction("identity") as tx:
        await devices.forget_unseen(tx, before=ctx.now() - timedelta(seconds=ctx.setting(IdentitySettings).device_seconds))
