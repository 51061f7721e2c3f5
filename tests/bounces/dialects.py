"""Some forty mail systems, each a function from what failed to the bounces that it would send."""

from collections.abc import Callable, Iterator

from tests.bounces.making import (
    DELAYED,
    FAILED,
    LATER,
    Bounce,
    Reason,
    Returned,
    head,
    headers,
    parts,
    plain,
    quoted,
    report,
    status,
    whole,
)
from tests.bounces.more_dialects import (
    bare,
    communigate,
    courier,
    gmx,
    groupwise,
    hmailserver,
    imail,
    in_many_tongues,
    iplanet,
    ironport,
    mdaemon,
    mimecast,
    opensmtpd,
    ses,
    yahoo,
)

Dialect = Callable[[Returned, Reason], Iterator[Bounce]]
DAEMON = "Mail Delivery System <MAILER-DAEMON@mx.remote.example>"


def postfix(mail: Returned, reason: Reason) -> Iterator[Bounce]:
    said = f"<{mail.recipient}>: host mail.remote.example[192.0.2.7] said: {reason.said} (in\n    reply to RCPT TO)"
    text = (
        "This is the mail system at host mx.remote.example.\n\nI'm sorry to have to inform you that your message could"
    )
    text += f" not\nbe delivered to one or more recipients. It's attached below.\n\n                   The mail system\n\n{said}"
    top = head(DAEMON, mail.sender, "Undelivered Mail Returned to Sender", "Auto-Submitted: auto-replied")
    for returned in (whole(mail), headers(mail)):
        yield Bounce(top + report(text, status(mail.recipient, "failed", reason, original=True), returned), FAILED)
    yield Bounce(
        head(DAEMON, mail.sender, "Delayed Mail (still being retried)", "Auto-Submitted: auto-replied")
        + report(
            "THIS IS A WARNING ONLY.  YOU DO NOT NEED TO RESEND YOUR MESSAGE.",
            status(mail.recipient, "delayed", LATER),
            headers(mail),
        ),
        DELAYED,
    )


def postfix_smtputf8(mail: Returned, reason: Reason) -> Iterator[Bounce]:
    text = f"<rosé@université.example>: {reason.said}"
    body = report(
        text, status("rosé@université.example", "failed", reason, kind="utf-8"), "", kind="global-delivery-status"
    )
    yield Bounce(head(DAEMON, mail.sender, "Undelivered Mail Returned to Sender") + body, FAILED)


def postfix_old(mail: Returned, reason: Reason) -> Iterator[Bounce]:
    text = f"This is the Postfix program at host mx.remote.example.\n\n\t\t\tThe Postfix program\n\n<{mail.recipient}>: {reason.words}"
    notice = f"Content-Description: Notification\nContent-Type: text/plain\n\n{text}\n"
    body = parts("mixed", notice, whole(mail))
    yield Bounce(head(DAEMON, mail.sender, "Undelivered Mail Returned to Sender") + body, FAILED)


def exim(mail: Returned, reason: Reason) -> Iterator[Bounce]:
    text = "This message was created automatically by mail delivery software.\n\nA message that you sent could not be"
    text += f" delivered to one or more of its\nrecipients. This is a permanent error. The following address(es) failed:\n\n"
    text += f"  {mail.recipient}\n    SMTP error from remote mail server after RCPT TO:<{mail.recipient}>:\n    {reason.said}\n\n"
    fields = f"X-Failed-Recipients: {mail.recipient}", "Auto-Submitted: auto-replied"
    top = head(DAEMON, mail.sender, "Mail delivery failed: returning message to sender", *fields)
    copy = f"------ This is a copy of the message, including all the headers. ------\n\n{quoted(mail)}"
    yield Bounce(top + plain(text + copy), FAILED)
    yield Bounce(top + report(text, status(mail.recipient, "failed", reason), whole(mail)), FAILED)
    text = (
        f"This message was created automatically by mail delivery software.\nA message that you sent has not yet been"
    )
    text += (
        " delivered to one or more of its\nrecipients after more than 24 hours on the queue on mx.remote.example.\n\n"
    )
    text += f"The address to which the message has not yet been delivered is:\n\n  {mail.recipient}\n\nNo action is required on your part."
    yield Bounce(
        head(DAEMON, mail.sender, "Warning: message 1tFqXc-0001 delayed 24 hours", "Auto-Submitted: auto-replied")
        + plain(text),
        DELAYED,
    )


def sendmail(mail: Returned, reason: Reason) -> Iterator[Bounce]:
    author = "Mail Delivery Subsystem <MAILER-DAEMON@mx.remote.example>"
    text = f"   ----- The following addresses had permanent fatal errors -----\n<{mail.recipient}>\n    (reason: {reason.said})\n\n"
    text += f"   ----- Transcript of session follows -----\n... while talking to mail.remote.example.:\n<<< {reason.said}\n550 5.1.1 <{mail.recipient}>... User unknown"
    top = head(
        author, mail.sender, "Returned mail: see transcript for details", "Auto-Submitted: auto-generated (failure)"
    )
    for returned in (whole(mail), headers(mail)):
        yield Bounce(top + report(text, status(mail.recipient, "failed", reason), returned), FAILED)
    yield Bounce(
        head(
            author,
            mail.sender,
            "Warning: could not send message for past 4 hours",
            "Auto-Submitted: auto-generated (warning-timeout)",
        )
        + report("** THIS IS A WARNING MESSAGE ONLY **", status(mail.recipient, "delayed", LATER), headers(mail)),
        DELAYED,
    )


def sendmail_old(mail: Returned, reason: Reason) -> Iterator[Bounce]:
    """Version 8.6, from before there was a standard."""
    text = f"The original message was received at Tue, 24 Nov 2026 08:59:00 GMT\n\n   ----- The following addresses had delivery problems -----\n<{mail.recipient}>  (unrecoverable error)\n\n"
    text += f"   ----- Transcript of session follows -----\n{reason.reply} <{mail.recipient}>... {reason.words}\n\n   ----- Original message follows -----\n{quoted(mail)}"
    yield Bounce(
        head("Mail Delivery Subsystem <MAILER-DAEMON>", mail.sender, f"Returned mail: {reason.words}") + plain(text),
        FAILED,
    )


def qmail(mail: Returned, reason: Reason) -> Iterator[Bounce]:
    for host in ("mx.remote.example", "yahoo.remote.example"):
        text = f"Hi. This is the qmail-send program at {host}.\nI'm afraid I wasn't able to deliver your message to the following addresses.\n"
        text += f"This is a permanent error; I've given up. Sorry it didn't work out.\n\n<{mail.recipient}>:\nSorry, {reason.words}. (#{reason.status})\n\n"
        text += f"--- Below this line is a copy of the message.\n\n{quoted(mail)}"
        yield Bounce(head(f"MAILER-DAEMON@{host}", mail.sender, "failure notice") + plain(text), FAILED)


def exchange(mail: Returned, reason: Reason) -> Iterator[Bounce]:
    """Exchange 2010 to 365, in the language of its organisation."""
    name = "MicrosoftExchange329e71ec88ae4615bbc36ab6ce41109e@remote.example"
    for prefix, text in (
        ("Undeliverable", "Your message to {to} couldn't be delivered. {words}."),
        ("Unzustellbar", "Fehler bei der Nachrichtenzustellung an folgende Empfänger oder Gruppen: {to}"),
        ("Non remis", "Échec de la remise à ces destinataires ou groupes : {to}"),
        ("No se puede entregar", "No se pudo entregar el mensaje a estos destinatarios o grupos: {to}"),
        ("Non recapitabile", "Impossibile recapitare il messaggio ai seguenti destinatari o gruppi: {to}"),
        ("Não é possível entregar", "Falha na entrega a estes destinatários ou grupos: {to}"),
        ("Onbestelbaar", "De bezorging aan de volgende geadresseerden of groepen is mislukt: {to}"),
        ("Niedostarczone", "Nie można dostarczyć wiadomości do tych adresatów lub grup: {to}"),
        ("Не удается доставить", "Сбой доставки следующим получателям или группам: {to}"),
        ("配信不能", "次の受信者またはグループへの配信に失敗しました: {to}"),
        ("无法送达", "未能向这些收件人或组送达邮件: {to}"),
        ("תקלה במסירה", "המסירה לנמענים או לקבוצות הבאים נכשלה: {to}"),
    ):
        text = text.format(to=mail.recipient, words=reason.words)
        author = f"Microsoft Outlook <{name}>" if reason.reply == 550 else "postmaster@remote.example"
        top = head(
            author,
            mail.sender,
            f"{prefix}: {mail.subject}",
            "Auto-Submitted: auto-replied",
            "X-MS-Exchange-Message-Is-Ndr:",
        )
        yield Bounce(
            top + report(text, status(mail.recipient, "failed", reason, mta="dns;EX01.remote.example"), whole(mail)),
            FAILED,
        )
    top = head(f"Microsoft Outlook <{name}>", mail.sender, f"Delivery delayed: {mail.subject}")
    yield Bounce(
        top
        + report(
            "This message hasn't been delivered yet. Delivery will continue to be attempted.",
            status(mail.recipient, "delayed", LATER),
            headers(mail),
        ),
        DELAYED,
    )


def exchange_2000(mail: Returned, reason: Reason) -> Iterator[Bounce]:
    text = "Your message did not reach some or all of the intended recipients.\n\n      Subject:\tx\n      Sent:\t11/24/2026 9:00 AM\n\n"
    text += f"The following recipient(s) could not be reached:\n\n      {mail.recipient} on 11/24/2026 9:00 AM\n            The e-mail account does not exist.\n            <mx.remote.example #{reason.status} smtp;{reason.said}>\n"
    top = head(
        "System Administrator <postmaster@remote.example>",
        mail.sender,
        f"Undeliverable: {mail.subject}",
        "X-Mailer: Internet Mail Service (5.5.2653.19)",
    )
    yield Bounce(top + parts("mixed", plain(text), whole(mail)), FAILED)


def gmail(mail: Returned, reason: Reason) -> Iterator[Bounce]:
    author = "Mail Delivery Subsystem <mailer-daemon@googlemail.com>"
    for text in (
        "** Address not found **\n\nYour message wasn't delivered to {to} because the address couldn't be found.",
        "** Adresse nicht gefunden **\n\nIhre Nachricht wurde nicht an {to} zugestellt.",
        "** Adresse introuvable **\n\nVotre message n'est pas parvenu à {to}.",
        "** アドレス不明 **\n\n{to} にメールを配信できませんでした。",
    ):
        text = text.format(to=mail.recipient) + f"\n\nThe response from the remote server was:\n{reason.said}"
        related = parts(
            "related", parts("alternative", plain(text), f"Content-Type: text/html; charset=utf-8\n\n<p>{text}</p>\n")
        )
        body = parts(
            "report; report-type=delivery-status",
            related,
            f"Content-Type: message/delivery-status\n\n{status(mail.recipient, 'failed', reason, mta='dns; googlemail.com')}",
            whole(mail),
        )
        fields = f"X-Failed-Recipients: {mail.recipient}", "Auto-Submitted: auto-replied"
        yield Bounce(head(author, mail.sender, "Delivery Status Notification (Failure)", *fields) + body, FAILED)
    text = f"** Delivery incomplete **\n\nThere was a temporary problem delivering your message to {mail.recipient}. Gmail will retry for 46 more hours."
    yield Bounce(
        head(author, mail.sender, "Delivery Status Notification (Delay)", "Auto-Submitted: auto-replied")
        + report(text, status(mail.recipient, "delayed", LATER), headers(mail)),
        DELAYED,
    )


def gmail_old(mail: Returned, reason: Reason) -> Iterator[Bounce]:
    text = f"Delivery to the following recipient failed permanently:\n\n     {mail.recipient}\n\nTechnical details of permanent failure:\n"
    text += f"Google tried to deliver your message, but it was rejected by the server. The error was: {reason.said}\n\n----- Original message -----\n\n{quoted(mail)}"
    top = head(
        "Mail Delivery Subsystem <mailer-daemon@googlemail.com>",
        mail.sender,
        "Delivery Status Notification (Failure)",
        f"X-Failed-Recipients: {mail.recipient}",
    )
    yield Bounce(top + plain(text), FAILED)
    text = f"This is an automatically generated Delivery Status Notification\n\nTHIS IS A WARNING MESSAGE ONLY.\n\nDelivery to the following recipient has been delayed:\n\n     {mail.recipient}\n\nMessage will be retried for 2 more day(s)"
    yield Bounce(
        head(
            "Mail Delivery Subsystem <mailer-daemon@googlemail.com>",
            mail.sender,
            "Delivery Status Notification (Delay)",
        )
        + plain(text),
        DELAYED,
    )


def domino(mail: Returned, reason: Reason) -> Iterator[Bounce]:
    text = f"Your message\n\n  Subject: {mail.subject}\n\nwas not delivered to:\n\n  {mail.recipient}\n\nbecause:\n\n  {reason.words} not listed in Domino Directory"
    author = "Postmaster@remote.example"
    body = report(text, status(mail.recipient, "failed", reason, mta="dns;notes.remote.example"), whole(mail))
    yield Bounce(
        head(
            author,
            mail.sender,
            f"DELIVERY FAILURE: {reason.words} not listed in Domino Directory",
            "X-MIMETrack: Itemize by SMTP Server on notes/Remote",
        )
        + body,
        FAILED,
    )
    german = f"Ihre Nachricht\n\n  Thema: {mail.subject}\n\nkonnte nicht zugestellt werden an:\n\n  {mail.recipient}\n\nweil:\n\n  {reason.said}"
    yield Bounce(
        head(author, mail.sender, "ZUSTELLFEHLER: Benutzer nicht im Domino-Verzeichnis") + plain(german), FAILED
    )


def x400(mail: Returned, reason: Reason) -> Iterator[Bounce]:
    """A gateway (RFC 2156) that speaks of O/R addresses and of reasons by number."""
    name = "/G=Rosa/S=Reporter/O=University/PRMD=Remote/ADMD=Post/C=DE/"
    text = f"This report relates to a message you sent with the following header fields:\n\n  Subject: {mail.subject}\n\nYour message cannot be delivered to the following recipients:\n\n"
    text += f"  Recipient address: {name}\n  Reason: unable-to-transfer (1)\n  Diagnostic: unrecognised-ORName (0)\n"
    fields = status(name, "failed", reason, mta="x400; mta gateway in /PRMD=Remote/ADMD=Post/C=DE/", kind="x400")
    top = head(
        "X400 Gateway <MTA@x400.remote.example>",
        mail.sender,
        "Delivery Report (failure)",
        "Original-Encoded-Information-Types: (1 0 10021 7 1 0 6)",
    )
    yield Bounce(top + report(text, fields, headers(mail)), FAILED)
    yield Bounce(
        head("Non-Delivery <postmaster@x400.remote.example>", mail.sender, "Non-delivery Notification")
        + plain(f"{text}\n  Supplementary info: {reason.said}"),
        FAILED,
    )


def from_somebody(mail: Returned, reason: Reason) -> Iterator[Bounce]:
    """Systems that do not send from nobody, as RFC 5321 4.5.5 wants it."""
    for bounce in qmail(mail, reason):
        yield Bounce(bounce.raw, bounce.action, "MAILER-DAEMON@mx.remote.example")
    for bounce in postfix(mail, reason):
        yield Bounce(bounce.raw, bounce.action, "double-bounce@mx.remote.example")


def wrapped(mail: Returned, reason: Reason) -> Iterator[Bounce]:
    """A gateway put its own words around somebody else's report."""
    for bounce in postfix(mail, reason):
        inner = bounce.raw[bounce.raw.index("Content-Type: multipart/") :]
        yield Bounce(
            head(DAEMON, mail.sender, "[EXTERNAL] Undelivered Mail")
            + parts("mixed", plain("Scanned: no virus."), inner),
            bounce.action,
        )


DIALECTS: tuple[Dialect, ...] = (
    postfix, postfix_smtputf8, postfix_old, exim, sendmail, sendmail_old, qmail, exchange, exchange_2000, gmail, gmail_old,
    domino, x400, groupwise, yahoo, courier, opensmtpd, mdaemon, imail, hmailserver, communigate, iplanet, ses, mimecast,
    ironport, gmx, in_many_tongues, bare, from_somebody, wrapped,
)  # fmt: skip
