"""OpenPGP through GnuPG: signatures, encryption and keys, behind `service.ports.OpenPGP`.

In come bytes and full fingerprints, out come verdict values; no other package sees a line of gpg's output. `process` is
the only module that starts gpg, over `pipes`; `verdict` turns its status lines into `Signature` and `Decryption` and
trusts nothing else; `keyrings` holds the public keys of one process in a keyring of its own; `keys` (with `listing`)
looks at, merges and makes keys; `gpg` puts them together.

The group's secret key stays in the operator's GnuPG home and is used through that home's gpg-agent. Nothing in that
home's own public keyring or options is trusted or changed.

Failure: `GpgUnusable` (a `TemporaryError`: gpg, its agent or the home cannot be used, the mail is not to blame),
`MailFailed` (gpg took too long on this mail, or crashed on it), `PermanentError` (what was handed in is no good). A
signature or ciphertext that does not check out is no failure but a verdict.
"""
