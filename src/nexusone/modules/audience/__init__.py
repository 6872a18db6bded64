"""Owns: contacts, their consent and suppression, imports, segments.
Does not: send anything, know campaigns.
Invariant: a contact exists once per workspace and identifier; a segment means the same in every statement it is compiled into.
"""
