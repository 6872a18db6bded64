"""The European Commission's VAT Information Exchange System: whether a VAT id is good."""
