"""Writes `docs/permissions.md` from the matrix and the doors, so that it cannot say anything else than they do."""

from collections.abc import Iterator, Mapping, Sequence

from nexusone.modules.identity.api import PERMISSIONS, PERSONAL_PERMISSIONS, ROLES, expanded

HEAD = """# Who may do what

Made by `make contracts` from the matrix in `src/nexusone/modules/identity/domain/permissions.py` and from the doors. The same
matrix is what requests are held to and what the tests are generated from.

A workspace can also make roles of its own, out of any permissions their maker has. An API key has the permissions it was given
and never a personal one: what decides over people, keys and the workspace itself needs a person. A suspended workspace leaves
every role what it may read. An operator in a member's place may read what the member may read, and after an elevation do what
the member may do, personal permissions aside. Restricted segments and campaigns are seen by those with a grant and by roles
that manage the kind.
"""

DOORS = {
    "public": "Doors that ask for no credential",
    "authenticated": "Doors that any credential opens",
    "personal": "Doors that only a person opens who signed in as themselves",
    "operator": "Doors of the operators' realm",
}


def permissions_document(operations: Mapping[str, Sequence[str]]) -> str:
    """The document; `operations` are the operation ids by the permission they ask for."""
    return "\n".join([HEAD, *_roles(), *_matrix(), *_operations(operations)]) + "\n"


def _roles() -> Iterator[str]:
    yield "## Roles\n"
    yield "| role | what it is for |"
    yield "|---|---|"
    yield from (f"| {name} | {role.meaning} |" for name, role in ROLES.items())
    yield ""


def _matrix() -> Iterator[str]:
    yield "## Permissions\n"
    yield f"| permission | | personal | {' | '.join(ROLES)} |"
    yield f"|---|---|---|{'---|' * len(ROLES)}"
    for permission, meaning in sorted(PERMISSIONS.items()):
        marks = ("●" if permission in expanded(role.permissions) else "" for role in ROLES.values())
        yield f"| `{permission}` | {meaning} | {'●' if permission in PERSONAL_PERMISSIONS else ''} | {' | '.join(marks)} |"
    yield ""


def _operations(operations: Mapping[str, Sequence[str]]) -> Iterator[str]:
    yield "## Operations by the permission they ask for\n"
    yield "| permission | operations |"
    yield "|---|---|"
    for permission in sorted(operations.keys() - DOORS.keys()):
        yield f"| `{permission}` | {_listed(operations[permission])} |"
    for kind, title in DOORS.items():
        yield f"\n### {title}\n"
        yield _listed(operations.get(kind, ()))


def _listed(names: Sequence[str]) -> str:
    return ", ".join(f"`{name}`" for name in sorted(names)) or "none"
