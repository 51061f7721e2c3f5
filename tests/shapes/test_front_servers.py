"""What mail servers in front write on top of a mail, as they really write it, and what strangers make look like it."""

import re

import pytest

from tests.abuse.victim import to
from tests.world import World, mail

# Postfix 3.7 with OpenDKIM 2.11 and OpenDMARC 1.4 as milters, each with its own field.
OPENDKIM_AND_OPENDMARC = """\
Authentication-Results: mx.example.org; dmarc=pass (p=none dis=none) header.from=out.example
Authentication-Results: mx.example.org; spf=pass smtp.mailfrom=out.example
Authentication-Results: mx.example.org;
\tdkim=pass (2048-bit key) header.d=out.example header.i=@out.example header.s=sel header.b=dhK5Xavq;
\tdkim-atps=neutral
Received: from vm (unknown [127.0.0.1])
\tby mx.example.org (Postfix) with ESMTP id 0792C25E0C2
\tfor <security@example.org>; Tue, 24 Nov 2026 19:25:28 +0000 (UTC)
DKIM-Signature: v=1; a=rsa-sha256; c=simple/simple; d=out.example; s=sel;
\tt=1795548327; bh=zS7KNTV0HyeorkDDGwxB1AV6enuRKzO5rthkhdHIRnY=;
\th=Date:To:From:Subject;
\tb=dhK5XavqEF7fB81bYxIKORuO+IDZbu/qQnN8A+84VCcTvGkTN53WPCnsPvi44WObh
\t VCCvEfV3AgZVUEuqOq95VYGhB+s/TXQUrmE8BQqNqyOvOcGonDWtMgiFlN6VGW/2Mw==
"""
# The same servers; the sender wrote what stands below Received.
FORGED = """\
Authentication-Results: mx.example.org; dmarc=fail (p=none dis=none) header.from=out.example
Authentication-Results: mx.example.org; spf=pass smtp.mailfrom=evil.example
Authentication-Results: mx.example.org; dkim=none; dkim-atps=neutral
Received: from vm (unknown [127.0.0.1])
\tby mx.example.org (Postfix) with ESMTP id 5223E25E0C2
\tfor <security@example.org>; Tue, 24 Nov 2026 19:25:28 +0000 (UTC)
Authentication-Results: mx.example.org; dmarc=pass header.from=out.example
ARC-Authentication-Results: i=1; mx.example.org; dmarc=pass header.from=out.example
"""
# rspamd's milter_headers with all its routines, below the Received line of the server that it works for.
RSPAMD = """\
Received: from mail.out.example (mail.out.example [192.0.2.7])
\tby mx.example.org (Postfix) with ESMTPS id 4Xz1
\tfor <security@example.org>; Tue, 24 Nov 2026 19:25:28 +0000 (UTC)
X-Rspamd-Queue-Id: 4Xz1
X-Rspamd-Server: mx
X-Spamd-Result: default: False [-0.50 / 15.00];
\tDMARC_POLICY_ALLOW(-0.50)[out.example,none];
\tR_SPF_ALLOW(-0.20)[+ip4:192.0.2.7];
\tARC_ALLOW(-1.00)[lists.example:s=arc:i=1]
Authentication-Results: mx.example.org;
\tdkim=pass header.d=out.example header.s=sel header.b=dhK5Xavq;
\tarc=pass ("lists.example:s=arc:i=1");
\tdmarc=pass (policy=none) header.from=out.example;
\tspf=pass (mx.example.org: domain of rita@out.example designates 192.0.2.7 as permitted sender)
\tsmtp.mailfrom=rita@out.example
X-Spam-Status: No, score=-0.50
"""
# A mail forwarded with an ARC chain; the server in front found nothing of its own.
ARC_ONLY = """\
Authentication-Results: mx.example.org; dkim=none; arc=pass (i=1 spf=pass dkim=pass dmarc=pass fromdomain=out.example)
Received: from lists.example (lists.example [192.0.2.9]) by mx.example.org with ESMTPS id x
ARC-Seal: i=1; a=rsa-sha256; d=lists.example; s=arc; t=1795548327; cv=none; b=dhK5XavqEF7fB81bYxIKORuO==
ARC-Message-Signature: i=1; a=rsa-sha256; c=relaxed/relaxed; d=lists.example; s=arc; h=from:subject; bh=zS7K=; b=dhK5==
ARC-Authentication-Results: i=1; mx.lists.example; dkim=pass header.d=out.example; spf=pass smtp.mailfrom=out.example;
\tdmarc=pass header.from=out.example
"""
FOREIGN = """\
Received: from lists.example (lists.example [192.0.2.9]) by mx.example.org with ESMTPS id x
X-Spam-Status: No, score=-1.9 required=5.0 tests=BAYES_00,DKIM_SIGNED,DKIM_VALID autolearn=ham version=4.0.0
X-Spam-Checker-Version: SpamAssassin 4.0.0 (2022-12-13) on lists.example
Authentication-Results: mx.lists.example; dmarc=pass header.from=out.example; spf=pass; dkim=pass header.d=out.example
Received-SPF: pass (lists.example: domain of rita@out.example designates 192.0.2.7 as permitted sender)
"""
CHECKED = "DKIM pass (out.example), SPF pass, DMARC pass at mx.example.org"
UNCHECKED = "no DKIM, SPF or DMARC result that we trust"
CASES = {
    "opendkim": (OPENDKIM_AND_OPENDMARC, CHECKED),
    "forged": (FORGED, "DKIM none, SPF pass, DMARC fail at mx.example.org"),
    "rspamd": (RSPAMD, CHECKED),
    "arc": (ARC_ONLY, "DKIM none, SPF none, DMARC none at mx.example.org"),
    "foreign": (FOREIGN, UNCHECKED),
    "arc-alone": ("\n".join(ARC_ONLY.split("\n")[2:]), UNCHECKED),
}


def raw(name: str, head: str, **fields: str) -> bytes:
    return head.replace("\n", "\r\n").encode() + mail(message_id=f"<{name}@out.example>", **fields)


@pytest.mark.parametrize("name", CASES)
def test_members_see_what_the_trusted_server_found_and_nothing_else(bot: World, name: str) -> None:
    head, checks = CASES[name]
    relay = to(bot.receive(raw(name, head), "rita@out.example"), "alice@members.example")
    card = relay.words[: relay.words.index("Text of the report")]
    assert f"Checks: {checks}" in card
    assert not re.search(r"\bARC\b|lists\.example|Spam|Received-SPF", card, re.IGNORECASE)


@pytest.mark.parametrize(("name", "good"), [("opendkim", True), ("rspamd", True), ("forged", False), ("arc", False)])
def test_only_a_dmarc_pass_of_the_trusted_server_authenticates_a_follow_up(bot: World, name: str, good: bool) -> None:
    author = f"Rita <rita.{name}@out.example>"
    sent = bot.receive(mail(author=author, message_id=f"<first.{name}@out.example>"), f"rita.{name}@out.example")
    answered = str(to(sent, f"rita.{name}@out.example").mail["Message-ID"])
    again = raw(f"again.{name}", CASES[name][0], author=author, in_reply_to=answered)
    relay = to(bot.receive(again, f"rita.{name}@out.example"), "alice@members.example")
    assert ("NOT AUTHENTICATED" not in relay.text) is good
