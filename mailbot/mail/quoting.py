"""What of a text its author wrote, and what they only quote: the members' own words, for what leaves the group.

In: the text of a mail (LF line ends). Out: the same without quoted lines and the line that introduces them, without
what follows a mail program's separator or a copied header block, and without the signature block. Never raises.

Mail programs disagree about all of it, so this errs on one side: what might be somebody else's words is left out. The
writer sees the very text that went out.
"""

import re

ATTRIBUTION_LINES = 4
"""Lines that one attribution is wrapped into at most."""
LONGEST = 1_000
"""Characters of what may be a separator or an attribution; longer ones are prose, and would be slow to tell."""
_HEADERS_NEEDED = 2
"""Fields in a row that make a copied header block; one alone is a line of prose."""

# Outlook, Thunderbird, Gmail, Yahoo, Apple Mail, Proton and Lotus, in the languages that they are used in most.
_ORIGINAL = (
    r"original (?:message|appointment|email)|forwarded (?:message|by .*)|reply message|message d'origine"
    r"|message (?:original|transf(?:é|e)r(?:é|e))|urspr(?:ü|ue)ngliche (?:nachricht|mail)|weitergeleitete nachricht"
    r"|messaggio (?:originale|inoltrato)|mensaje (?:original|reenviado)|mensagem (?:original|encaminhada)"
    r"|oorspronkelijk bericht|doorgestuurd bericht|ursprungligt meddelande|opprinnelig melding|oprindelig meddelelse"
    r"|oryginalna wiadomo(?:ś|s)(?:ć|c)"
    r"|исходное сообщение|пересылаемое сообщение|原始邮件|原始郵件|元のメッセージ|원본 메시지"
)
_SEPARATOR = re.compile(
    r"_{30,}"
    r"|(?:begin|start of) forwarded message:?|anfang der weitergeleiteten (?:nachricht|e-mail):?"
    r"|début du message (?:transféré|réexpédié)\s*:?|inizio messaggio inoltrato:?|inicio del mensaje reenviado:?"
    r"|-{2,}\s*\w[^\n]{0,80}\bwrote\s*-{2,}",
    re.IGNORECASE,
)
_HEADING = re.compile(rf"(?:{_ORIGINAL})\s*:?", re.IGNORECASE)
"""What stands between the rules of a separator."""
_RULE = "-_*="
_BLANK = " \t\r\n\x0b\x0c\u00a0\u3000"
_FIELD = re.compile(
    r"[*\s>|]{0,8}(?:from|sent|date|to|cc|bcc|subject|reply-to|message-id|organi[sz]ation|importance|attachments"
    r"|von|gesendet|datum|an|kopie|betreff|de|envoyé|envoyée|date d'envoi|à|objet|enviado(?: el)?|para|asunto"
    r"|assunto|risposta|rispondi a"
    r"|a|data|da|inviato|oggetto|van|verzonden|aan|onderwerp|från|skickat|till|ämne|fra|sendt|til|emne|od|wysłano|do|temat"
    r"|от|отправлено|кому|тема|дата|发件人|发送时间|收件人|主题|抄送|日期|寄件者|收件者|主旨|差出人|送信日時|宛先|件名"
    r"|보낸 사람|보낸 날짜|받는 사람|제목)\*?\s?:\*?(?:\s+\S.*)?",
    re.IGNORECASE,
)
# "On Tue, 24 Nov 2026 at 09:00, Jane Roe <jane@x> wrote:", and the same elsewhere; with a date or an address in it.
_WROTE = (
    r"(?:wrote|writes|schrieb|a écrit|écrivait|escribió|ha scritto|schreef|skrev|napisał\S{0,3}|pisze|escreveu|пишет"
    r"|написал\S{0,3}|写道|寫道|書きました|のメール|のメッセージ|작성)"
)
_ATTRIBUTION = re.compile(
    rf"(?=.*[\d@])(?:on|am|le|el|il giorno|il|op|den|w dniu|dnia|em|в|no dia)\s.{{3,400}}{_WROTE}.{{0,200}}:"
    r"|\d.{3,300}<[^<>\s]+@[^<>\s]+>\s*:"
    rf"|.{{1,200}}<[^<>\s]+@[^<>\s]+>\s*{_WROTE}.{{0,100}}:"
    r"|at .{0,100}\d.{0,100}, you wrote:"
    r"|.{0,200}[\d@].{0,200}(?:写道|寫道|書きました|のメッセージ|작성)\s*:"
    r"|(?:in (?:article|message)|quoting|zitat von|quotando)\s.{3,300}:",
    re.IGNORECASE,
)
_COLON = {0xFF1A: ":"}
"""The wide colon of East Asian mail programs."""
# RFC 3676 4.3, with the space that many programs lose. What phones and OpenPGP tools add stands there too.
_SIGNATURE = re.compile(r"--[ \t\u00a0]?")
_QUOTED = re.compile(r"[ \t\u00a0]{0,4}(?:[>\uff1e\u203a]|&gt;|[A-Za-z]{1,3}>)")
_OTHER_FIELD = re.compile(r"[*]?[\w' -]{1,25}[*]?\s?:(?:\s.*)?")
"""A field of a copied header in a language that we do not know."""
_DATED = re.compile(r"\b(?:19|20)\d\d\b|\b\d{1,2}[:.]\d\d\b|@")
"""What an attribution in any language holds: a year, a time, or an address."""


def own_text(text: str) -> str:
    """The words of the author alone, without blank lines around them; "" if there are none."""
    lines = text.split("\n")
    looked_at = text.translate(_COLON).split("\n")
    end = _cut(looked_at)
    keep = [True] * end
    number = 0
    while number < end:
        if not _is_quoted(looked_at[number]):
            number += 1
            continue
        keep[number] = False
        # What introduces it: the paragraph's last lines, over blank ones.
        if number == 0 or not _is_quoted(looked_at[number - 1]):
            _drop_attribution(looked_at, number, keep)
        number += 1
    shown = [line.rstrip() for number, line in enumerate(lines[:end]) if keep[number]]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(shown)).strip("\n")


def _is_quoted(line: str) -> bool:
    return _QUOTED.match(line) is not None


def _cut(lines: list[str]) -> int:
    """Where the author's part ends for good: a separator, a copied header block, a signature block, or an attribution
    whose quote is not marked."""
    for number, line in enumerate(lines):
        bare = line.strip(" \t\r\u00a0")
        if _SIGNATURE.fullmatch(line.rstrip("\r")) or _is_separator(bare) or _is_header_block(lines, number):
            return number
        if bare and not _is_quoted(line):
            span = _attribution_span(lines, number)
            if span and not _quote_follows(lines, number + span):
                return number
    return len(lines)


def _is_separator(bare: str) -> bool:
    if len(bare) > LONGEST:
        return False
    # The rules are taken off by hand: of a row of hyphens an expression would try every part.
    heading = bare.lstrip(_RULE + _BLANK)
    rule = bare[: len(bare) - len(heading)].rstrip(_BLANK)[-2:]
    if len(rule) == 2 and set(rule) <= set(_RULE) and _HEADING.fullmatch(heading.rstrip(_RULE + _BLANK)):
        return True
    return _SEPARATOR.fullmatch(bare) is not None


def _is_header_block(lines: list[str], number: int) -> bool:
    """Whether fields of a mail's header stand here in a row, as Outlook puts them over what it quotes."""
    found: set[str] = set()
    for line in lines[number : number + 2 * _HEADERS_NEEDED + 6]:
        if _FIELD.fullmatch(line.rstrip()) and not _is_quoted(line):
            found.add(line.strip(" *>|\t").split(":")[0].strip(" *").lower())
            if len(found) >= _HEADERS_NEEDED:
                return True
        elif not found or (line.strip() and not _OTHER_FIELD.fullmatch(line.rstrip())):
            return False
    return False


def _attribution_span(lines: list[str], number: int) -> int:
    """How many lines the attribution that begins here has; 0 if none does."""
    joined = ""
    for count, line in enumerate(lines[number : number + ATTRIBUTION_LINES], 1):
        if not line.strip() or _is_quoted(line):
            return 0
        joined = f"{joined}{'' if joined.endswith('<') else ' '}{line.strip()}".strip()
        if len(joined) <= LONGEST and joined.endswith(":") and _ATTRIBUTION.fullmatch(joined):
            return count
    return 0


def _quote_follows(lines: list[str], number: int) -> bool:
    for line in lines[number : number + 3]:
        if line.strip():
            return _is_quoted(line)
    return False


def _drop_attribution(lines: list[str], quote: int, keep: list[bool]) -> None:
    """Leave out the attribution above line `quote`, where a quote begins."""
    last = quote - 1
    while last >= 0 and not lines[last].strip():
        last -= 1
    if last < 0 or not lines[last].rstrip().endswith(":"):
        return
    spans = []
    for first in range(last, max(last - ATTRIBUTION_LINES, -1), -1):
        if not lines[first].strip() or _is_quoted(lines[first]):
            break
        spans.append(first)
    known = (first for first in spans if _attribution_span(lines, first) == last - first + 1)
    # In a language that we do not know, it is the line above the quote if there is a date in it.
    first = next(known, last if _DATED.search(lines[last]) else last + 1)
    for dropped in range(first, last + 1):
        keep[dropped] = False
