"""Owns: workspaces, users, memberships, sessions, API keys.
Does not: know what permissions are for beyond their names.
Invariant: a principal acts in the workspace its verified credential names, with the permissions its role gives, nowhere else.
"""
