"""The database: inbox, notices and outbox are tables beside the issues, so there is one thing to back up and to run.

In come values from `service` and `smtp`; out go values and claims. Every method is one short transaction, or a step of
one that the caller opened; none waits for gpg, parsing or the network. Everything confidential is sealed before it is
written: the listener can only seal (`seal`, public key), workers can also open (`unseal`, private key).

Failure: `StoreUnavailable` (temporary) if the database is locked, full or gone; `ClaimLost` if another process took the
row over. Nothing that was written before either error stays.
"""
