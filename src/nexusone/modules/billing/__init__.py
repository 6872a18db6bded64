"""Owns: the credit ledger: grants, holds, transfers, balances.
Does not: know what credits are spent on, call payment vendors.
Invariant: the lines of every transfer sum to zero, balances equal the sum of their lines, nobody overspends.
"""
