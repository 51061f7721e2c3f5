"""The mails that mutations start from: together they touch every reader."""

_PLAIN = """\
From: "Ann, B." <ann@example.com> (x), =?utf-8?q?J=C3=B6rg?= <j@example.com>
Authentication-Results: mx.example.org; dkim=pass (a (b)) header.d=example.com;
 dmarc=pass header.from=example.com
Subject: =?utf-8?b?w6Q=?=
 =?iso-8859-1?q?=E4?= x
References: <a@b> <c@d>

body ä \x1b
"""

_MULTIPART = """\
Content-Type: multipart/mixed; boundary=b; protected-headers=v1
Subject: s

--b
Content-Type: text/plain; protected-headers=v1

Subject: s

--b
Content-Type: multipart/alternative; boundary=c

--c
Content-Type: text/plain; format=flowed; delsp=yes

> a\x20
> b
--\x20
--c
Content-Type: text/html; hp-legacy-display=1

<p style='display:none'>x<a href=y>z</a>
--c--
--b
Content-Type: image/png; name*0*=utf-8''%C3; name*1*=%A4
Content-Transfer-Encoding: base64
Content-Disposition: attachment; filename="../a\\"b.png"

iVBORw0KGgo=
--b--
"""

_PROTECTED = """\
Subject: s
HP-Outer: Subject: [...]
Content-Type: text/plain; charset=utf-7; hp=cipher

+AGE-
"""

_BOUNCE = """\
From: MAILER-DAEMON@x.example
Content-Type: multipart/report; report-type=delivery-status; boundary=r

--r

x
--r
Content-Type: message/delivery-status

Reporting-MTA: dns; x

Final-Recipient: rfc822; a@b
Action: failed
Status: 5.1.1

--r
Content-Type: message/rfc822

Message-ID: <a@b>

x
--r--
"""

_HTML = """\
Content-Type: text/html; charset=shift_jis
Content-Transfer-Encoding: quoted-printable

<!-- x --><ul><li>=83=65<li>b</ul><table><tr><td>1<td>2</table>
<blockquote>&lt;&#x202e;&amp;</blockquote><script>x</script><pre>
a</pre>
"""

_INLINE = """\
Content-Type: text/html

<pre>
-----BEGIN PGP MESSAGE-----
Charset: iso-8859-15
Comment: x

hQEMAxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
=abcd
-----END PGP MESSAGE-----
-----BEGIN PGP SIGNED MESSAGE-----
Hash: SHA512

- -----BEGIN PGP MESSAGE-----
-----BEGIN PGP SIGNATURE-----
aaaa
-----END PGP SIGNATURE-----
-----BEGIN PGP PUBLIC KEY BLOCK-----

aaaa
-----END PGP PUBLIC KEY BLOCK-----
"""

_ENCRYPTED = """\
From: ann@example.com
Autocrypt: addr=ann@example.com; prefer-encrypt=mutual; keydata=aaaa
Content-Type: multipart/encrypted; protocol="application/pgp-encrypted"; boundary=e

--e
Content-Type: application/pgp-encrypted

Version: 1

--e
Content-Type: application/octet-stream; name=encrypted.asc

-----BEGIN PGP MESSAGE-----

hQEMAxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
-----END PGP MESSAGE-----
--e--
"""

_SIGNED = """\
Content-Type: multipart/signed; protocol="application/pgp-signature"; boundary=s

--s
Content-Type: text/plain; hp=clear
Subject: inside

x
--s
Content-Type: application/pgp-signature

-----BEGIN PGP SIGNATURE-----
-----END PGP SIGNATURE-----
--s--
"""

_EXCHANGE = """\
Content-Type: multipart/mixed; boundary=x

--x

caution
--x
Content-Type: application/octet-stream
Content-Transfer-Encoding: base64

VmVyc2lvbjogMQ==
--x
Content-Type: application/octet-stream; name=ATT1.bin
Content-Transfer-Encoding: base64

hQEMAwAAAAAAAAAAAAAAAAAAAAAAAAAA
--x
Content-Type: application/ms-tnef; name=winmail.dat

x
--x
Content-Type: message/rfc822

Content-Type: multipart/encrypted; boundary=y

--y

-----BEGIN PGP MESSAGE-----
hQEMAxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
--y--
--x--
"""

_MAILS = (_PLAIN, _MULTIPART, _PROTECTED, _BOUNCE, _HTML, _INLINE, _ENCRYPTED, _SIGNED, _EXCHANGE)
SEEDS = [seed.replace("\n", "\r\n").encode() for seed in _MAILS]

SPLICES = [
    *(b"\r\n", b"\n", b"\r", b"\0", b"--b", b"--", b"=?", b"?=", b'"', b"\\", b"(", b"<", b">", b"<!--", b"&#", b";"),
    *(b"=", b"\xff", b"\xe2\x80\xae", b"Content-Type: message/rfc822\r\n\r\n", b"=?utf-8?q?=0A?=", b"charset=hz;"),
]

_FINGERPRINT = "0123456789ABCDEF0123456789ABCDEF01234567"
_STATUS = f"""\
NEWSIG
GOODSIG 89ABCDEF01234567 Ann <ann@example.com>
VALIDSIG {_FINGERPRINT} 2020-01-01 1577836800 0 4 0 22 10 00 {_FINGERPRINT}
BADSIG 89ABCDEF01234567 Ann
ERRSIG 89ABCDEF01234567 22 10 00 1577836800 9 {_FINGERPRINT}
EXPKEYSIG 89ABCDEF01234567 Ann
REVKEYSIG 89ABCDEF01234567 Ann
ENC_TO 89ABCDEF01234567 18 0
ENC_TO 0000000000000000 18 0
BEGIN_DECRYPTION
DECRYPTION_INFO 2 9 2
PLAINTEXT 62 1577836800 x
DECRYPTION_OKAY
GOODMDC
END_DECRYPTION
DECRYPTION_FAILED
BADMDC
NO_SECKEY 89ABCDEF01234567
NEED_PASSPHRASE_SYM 9 3 10
ERROR pkdecrypt_failed 251658254
ERROR symkey_decrypt.maybe_error 11
FAILURE gpg-exit 33554433
NODATA 3
UNEXPECTED 0
SIG_CREATED D 22 10 00 1577836800 {_FINGERPRINT}
"""
STATUS_LINES = [f"[GNUPG:] {line}" for line in _STATUS.splitlines()]

_LISTING = f"""\
tru::1:1577836800:0:3:1:5
pub:u:256:22:89ABCDEF01234567:1577836800:::u:::scSC:::::ed25519:::0:
fpr:::::::::{_FINGERPRINT}:
uid:u::::1577836800::ABC::Ann \\x3a <ann@example.com>::::::::::0:
sub:e:255:18:0123456789ABCDEF:1577836800:1609459200:::::e:::::cv25519::
fpr:::::::::{_FINGERPRINT[::-1]}:
sec:u:256:1:89ABCDEF01234567:20200101T000000::::::scESC:::+:::::0:
ssb:r:256:1:89ABCDEF01234567:x::::::e:::-:::::0:
"""
LISTING = _LISTING.encode()
