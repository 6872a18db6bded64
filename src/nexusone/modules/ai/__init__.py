"""Owns: generations, the model catalog, what each generation cost.
Does not: know a vendor, keep credits, publish anything.
Invariant: no paid call without a hold, none repeated while its outcome is unknown.
"""
