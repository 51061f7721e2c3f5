"""The rarer mail systems, those of providers, and what forwarding makes of a bounce; as in `dialects`."""

from collections.abc import Iterator

from tests.bounces.making import (
    DELAYED,
    FAILED,
    LATER,
    RELAYED,
    UNKNOWN,
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

DAEMON = "Mail Delivery System <MAILER-DAEMON@mx.remote.example>"


def groupwise(mail: Returned, reason: Reason) -> Iterator[Bounce]:
    text = f"The message that you sent was undeliverable to the following:\n\t{mail.recipient} ({reason.words})\n\n<{mail.recipient}>"
    top = head(
        "Mailer-Daemon@remote.example",
        mail.sender,
        "Message status - undeliverable",
        "X-Mailer: Novell GroupWise Internet Agent 18.4",
    )
    yield Bounce(top + parts("mixed", plain(text), whole(mail)), FAILED)


def yahoo(mail: Returned, reason: Reason) -> Iterator[Bounce]:
    text = f"Message from  yahoo.remote.example.\nUnable to deliver message to the following address(es).\n\n<{mail.recipient}>:\n{reason.said}\n\n--- Original message follows.\n\n{quoted(mail)}"
    yield Bounce(head("MAILER-DAEMON@yahoo.remote.example", mail.sender, "Delivery failure") + plain(text), FAILED)
    text = f"Sorry, we were unable to deliver your message to the following address.\n\n<{mail.recipient}>:\n{reason.said}\n\n--- Below this line is a copy of the message.\n\n{quoted(mail)}"
    yield Bounce(head("MAILER-DAEMON@yahoo.remote.example", mail.sender, "Failure Notice") + plain(text), FAILED)


def courier(mail: Returned, reason: Reason) -> Iterator[Bounce]:
    text = f"This is a delivery status notification from mx.remote.example,\nrunning the Courier mail server.\n\nUNDELIVERABLE MAIL\n\n<{mail.recipient}>:\n     >>> RCPT TO:<{mail.recipient}>\n     <<< {reason.said}"
    body = report(text, status(mail.recipient, "failed", reason), headers(mail))
    yield Bounce(
        head(
            '"Courier mail server at mx.remote.example" <@mx.remote.example>',
            mail.sender,
            "NOTICE: mail delivery status.",
        )
        + body,
        FAILED,
    )


def opensmtpd(mail: Returned, reason: Reason) -> Iterator[Bounce]:
    text = f"    Hi!\n\n    This is the MAILER-DAEMON, please DO NOT REPLY to this email.\n\n    An error has occurred while attempting to deliver a message for\n    the following list of recipients:\n\n{mail.recipient}: {reason.said}\n\n    Below is a copy of the original message:"
    body = report(text, status(mail.recipient, "error", reason), headers(mail))
    yield Bounce(
        head("Mailer Daemon <MAILER-DAEMON@mx.remote.example>", mail.sender, "Delivery status notification: error")
        + body,
        FAILED,
    )


def mdaemon(mail: Returned, reason: Reason) -> Iterator[Bounce]:
    text = f"The attached message had PERMANENT fatal delivery errors!\n\nAfter one or more unsuccessful delivery attempts the attached message has\nbeen removed from the mail queue on this server.\n\nSession Transcript:\n  <-- {reason.said}\n\nFailed address: {mail.recipient}"
    yield Bounce(
        head("MDaemon@remote.example", mail.sender, "Permanent Delivery Failure", "X-MDaemon-Deliver-To: x")
        + parts("mixed", plain(text), whole(mail)),
        FAILED,
    )
    warning = (
        f"The attached message had TEMPORARY non-fatal delivery errors!\n\nSession Transcript:\n  <-- {LATER.said}"
    )
    yield Bounce(
        head("MDaemon@remote.example", mail.sender, "WARNING! Delivery Delayed")
        + parts("mixed", plain(warning), whole(mail)),
        DELAYED,
    )


def imail(mail: Returned, reason: Reason) -> Iterator[Bounce]:
    text = f"User mailbox exceeds allowed size: {mail.recipient}\n\nOriginal message follows.\n\n{quoted(mail)}"
    yield Bounce(
        head("Postmaster <postmaster@remote.example>", mail.sender, "Undeliverable Mail", "X-Mailer: <SMTP32 v8.22>")
        + plain(text),
        FAILED,
    )


def hmailserver(mail: Returned, reason: Reason) -> Iterator[Bounce]:
    text = f"Your message did not reach some or all of the intended recipients.\n\n   Sent: Tue, 24 Nov 2026 09:00:00 +0000\n   Subject: x\n\nThe following recipient(s) could not be reached:\n\n{mail.recipient}\n   Error Type: SMTP\n   Remote server (192.0.2.7) issued an error.\n   hMailServer sent: RCPT TO:<{mail.recipient}>\n   Remote server replied: {reason.said}\n\nhMailServer"
    yield Bounce(head("mailer-daemon@remote.example", mail.sender, "Message undeliverable: x") + plain(text), FAILED)


def communigate(mail: Returned, reason: Reason) -> Iterator[Bounce]:
    text = f"Failed to deliver to '{mail.recipient}'\nSMTP module(domain remote.example) reports:\n host mail.remote.example says:\n {reason.said}"
    body = report(text, status(mail.recipient, "failed", reason), whole(mail))
    yield Bounce(head("<MAILER-DAEMON@remote.example>", mail.sender, "Undeliverable mail: x") + body, FAILED)
    yield Bounce(head("<MAILER-DAEMON@remote.example>", mail.sender, "Undeliverable mail: x") + plain(text), FAILED)


def iplanet(mail: Returned, reason: Reason) -> Iterator[Bounce]:
    text = f"This report relates to a message you sent with the following header fields:\n\n  Subject: x\n\nYour message cannot be delivered to the following recipients:\n\n  Recipient address: {mail.recipient}\n  Reason: Remote SMTP server has rejected address\n  Diagnostic code: smtp;{reason.said}\n"
    body = report(text, status(mail.recipient, "failed", reason, original=True), headers(mail))
    yield Bounce(
        head(
            "Internet Mail Delivery <postmaster@remote.example>",
            mail.sender,
            "Delivery Notification: Delivery has failed",
        )
        + body,
        FAILED,
    )
    success = report(
        "Your message has been successfully relayed.",
        status(mail.recipient, "relayed", Reason(250, "2.1.9", "ok")),
        headers(mail),
    )
    yield Bounce(
        head(
            "Internet Mail Delivery <postmaster@remote.example>", mail.sender, "Delivery Notification: Message relayed"
        )
        + success,
        RELAYED,
    )


def ses(mail: Returned, reason: Reason) -> Iterator[Bounce]:
    text = f"An error occurred while trying to deliver the mail to the following recipients:\n{mail.recipient}"
    body = report(
        text, status(mail.recipient, "failed", reason, mta="dns; a8-50.smtp-out.remote.example"), headers(mail)
    )
    yield Bounce(
        head("MAILER-DAEMON@remote.example", mail.sender, "Delivery Status Notification (Failure)") + body, FAILED
    )


def mimecast(mail: Returned, reason: Reason) -> Iterator[Bounce]:
    text = f"The following message to <{mail.recipient}> was undeliverable.\nThe reason for the problem:\n{reason.status} - {reason.words}"
    yield Bounce(
        head("Mail Delivery System <postmaster@remote.example>", mail.sender, "[Postmaster] Email Delivery Failure")
        + report(text, status(mail.recipient, "failed", reason), whole(mail)),
        FAILED,
    )


def ironport(mail: Returned, reason: Reason) -> Iterator[Bounce]:
    text = f"The following message to <{mail.recipient}> was undeliverable.\nThe reason for the problem:\n{reason.status} - Bad destination mailbox address '{reason.said}'"
    yield Bounce(
        head(
            "Mail Delivery System <MAILER-DAEMON@remote.example>", mail.sender, "Delivery Status Notification (Failure)"
        )
        + report(text, status(mail.recipient, "failed", reason), headers(mail)),
        FAILED,
    )
    text = f"The following message to <{mail.recipient}> has been delayed. Delivery attempts continue.\nLast answer: {LATER.said}"
    yield Bounce(
        head("Mail Delivery System <MAILER-DAEMON@remote.example>", mail.sender, "Delivery Status Notification (Delay)")
        + plain(text),
        DELAYED,
    )


def gmx(mail: Returned, reason: Reason) -> Iterator[Bounce]:
    text = f'This message was created automatically by mail delivery software.\n\nA message that you sent could not be delivered to one or more of\nits recipients. This is a permanent error. The following address\nfailed:\n\n"{mail.recipient}":\nSMTP error from remote server for RCPT TO command, host: mx.remote.example (192.0.2.7) reason: {reason.said}\n\n--- The header of the original message is following. ---\n\n{mail.head}'
    yield Bounce(
        head(
            '"GMX Mailer Daemon" <mailer-daemon@gmx.example>',
            mail.sender,
            "Mail delivery failed: returning message to sender",
            "Auto-Submitted: auto-replied",
        )
        + plain(text),
        FAILED,
    )


def in_many_tongues(mail: Returned, reason: Reason) -> Iterator[Bounce]:
    """Plain text of providers; only the codes are the same everywhere."""
    for subject, text in (
        ("Unzustellbare Nachricht", "Ihre Nachricht an {to} konnte nicht zugestellt werden.\nGrund: {said}"),
        ("Message non distribué", "Votre message n'a pas pu être remis à {to}.\nRéponse du serveur : {said}"),
        ("Correo no entregado", "Su mensaje para {to} no pudo ser entregado.\nMotivo: {said}"),
        ("Mancata consegna", "Il messaggio inviato a {to} non è stato consegnato.\nIl server ha risposto: {said}"),
        ("Falha na entrega", "A mensagem para {to} não foi entregue.\nErro: {said}"),
        ("Недоставленное сообщение", "Ваше письмо для {to} не доставлено.\nПричина: {said}"),
        ("Nedoručitelná zpráva", "Zprávu pro {to} se nepodařilo doručit.\nDůvod: {said}"),
        ("Zwrot poczty", "Wiadomość do {to} nie została dostarczona.\nPowód: {said}"),
        ("İletilemeyen posta", "{to} adresine gönderdiğiniz ileti teslim edilemedi.\nSebep: {said}"),
        ("退信通知", "您发送给 {to} 的邮件被退回。\n原因: {said}"),
        ("メール配信エラー", "{to} 宛のメールは配信できませんでした。\n理由: {said}"),
        ("반송된 메일", "{to} 님에게 보낸 메일이 반송되었습니다.\n이유: {said}"),
        ("رسالة لم تُسلَّم", "تعذر تسليم رسالتك إلى {to}.\nالسبب: {said}"),
        ("Returpost", "Meddelandet till {to} kunde inte levereras.\nOrsak: {said}"),
    ):
        for said, action in ((reason.said, FAILED), (LATER.said, DELAYED)):
            shown = text.format(to=mail.recipient, said=said) + f"\n\n{mail.head}"
            yield Bounce(head(DAEMON, mail.sender, subject) + plain(shown), action)


def bare(mail: Returned, reason: Reason) -> Iterator[Bounce]:
    """Systems that say neither why nor for whom: nothing can be made of them, but no report either."""
    for author, subject, text in (
        ("MAILER-DAEMON@remote.example", "", ""),
        ("postmaster@remote.example", "Mail failure", "It did not work."),
        ("Mailer-Daemon <mailer-daemon@remote.example>", "Delayed", "Your mail is late. It will come."),
        ("MMDF@remote.example", "Failed mail", "Your message was not delivered."),
        ("mailsystem@remote.example", "Zustellung gescheitert", "Die Nachricht ist unzustellbar."),
    ):
        yield Bounce(head(author, mail.sender, subject) + plain(text), UNKNOWN)
