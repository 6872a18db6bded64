"""Owns: templates, campaigns, deliveries, tracking, campaign reports.
Does not: own contacts or consent, speak SMTP, keep credits.
Invariant: every recipient of a campaign ends in exactly one state, and nobody is mailed twice.
"""
