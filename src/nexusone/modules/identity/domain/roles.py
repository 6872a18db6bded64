"""Which permissions a role gives; `*` is every permission."""

ROLE_PERMISSIONS: dict[str, frozenset[str]] = {
    "owner": frozenset({"*"}),
    "viewer": frozenset({"contacts:read", "segments:read", "templates:read", "campaigns:read", "generations:read", "credits:read"}),
}


def permissions_of(role: str) -> frozenset[str]:
    """The permissions of a built-in role."""
    return ROLE_PERMISSIONS[role]


def within(wanted: frozenset[str], held: frozenset[str]) -> bool:
    """Whether somebody holding `held` may hand out `wanted`."""
    return "*" in held or wanted <= held
