"""format=flowed (RFC 3676): soft line breaks taken back, so that people and the command grammar see whole lines."""


def unwrapped(text: str, *, delete_space: bool) -> str:
    """`text` (LF line ends) with each paragraph on one line. `delete_space` is the DelSp=yes parameter."""
    lines: list[str] = []
    paragraph: list[str] = []
    depth = 0
    for line in text.split("\n"):
        content = line.lstrip(">")
        quoted = len(line) - len(content)
        # RFC 3676 4.4: one space was stuffed in front of what begins with a space, ">" or "From ".
        content = content[1:] if content.startswith(" ") else content
        if paragraph and quoted != depth:
            lines.append(_line(paragraph, depth))
            paragraph = []
        depth = quoted
        signature = content == "-- "
        if signature and paragraph:
            lines.append(_line(paragraph, depth))
            paragraph = []
        if content.endswith(" ") and not signature:
            paragraph.append(content[:-1] if delete_space else content)
        else:
            paragraph.append(content)
            lines.append(_line(paragraph, depth))
            paragraph = []
    if paragraph:
        lines.append(_line(paragraph, depth))
    return "\n".join(lines)


def _line(paragraph: list[str], depth: int) -> str:
    content = "".join(paragraph)
    if not depth:
        return content
    return f"{'>' * depth} {content}" if content else ">" * depth
