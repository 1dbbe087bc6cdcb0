"""Text from outside, safe to print: it can neither move the cursor nor change colours."""


def printable(text: str) -> str:
    r"""The text with control characters written out, such as `\x1b`; newlines and tabs stay."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c in "\n\t" else repr(c)[1:-1] for c in text)


def short(text: str, most: int) -> str:
    """At most `most` characters of the first line."""
    line = printable(text.partition("\n")[0])
    return line if len(line) <= most else line[: most - 1] + "…"
