"""OpenID Connect as the outside sees it: proofs of domains, and an identity provider of one's own for the sandbox."""
