"""Mail as bytes and as values. Knows no issue, no database and no process.

In: the bytes of a mail, or values that say what a mail shall hold. Out: frozen values (`structure.Structure`,
`envelope.Envelope`), or finished bytes. Nothing here trusts a mail: what is read out of one is safe to show, and
authorises nothing by itself.

What failure means: reading raises `limits.OverLimit` and nothing else, on any bytes; the mail is then kept and relayed
as it is. Everything that looks at a parsed mail (authors, automatic mail, bounces, protected headers, authenticity)
is total: an answer for every mail, of which "nothing" is one.
"""
