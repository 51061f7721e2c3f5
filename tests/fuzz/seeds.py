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

SEEDS = [seed.replace("\n", "\r\n").encode() for seed in (_PLAIN, _MULTIPART, _PROTECTED, _BOUNCE, _HTML)]

SPLICES = [
    *(b"\r\n", b"\n", b"\r", b"\0", b"--b", b"--", b"=?", b"?=", b'"', b"\\", b"(", b"<", b">", b"<!--", b"&#", b";"),
    *(b"=", b"\xff", b"\xe2\x80\xae", b"Content-Type: message/rfc822\r\n\r\n", b"=?utf-8?q?=0A?=", b"charset=hz;"),
]
