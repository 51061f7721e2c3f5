"""The second step: bytes and envelope become a `Message`. Touches no table but reads keys; holds no transaction.

Layers are taken off one by one: OpenPGP encryption, then signatures, then protected headers (RFC 9788). What cannot be
read is never an error: the message says so, and goes on as raw bytes that members can look at.
"""
