"""Reads words and numbers that are nearly right: accepted if only one thing can be meant, else
refused with the cure.
"""

import io
import itertools
import math
import re
import tokenize
from typing import Any

# As Python, JSON and JavaScript write them.
_VALUES = {
    "true": True,
    "false": False,
    "null": None,
    "nan": math.nan,
    "NaN": math.nan,
    "inf": math.inf,
    "Infinity": math.inf,
}
# In upper or lower case; YAML 1.1 takes the first four for booleans.
_DOUBTFUL = {
    **dict.fromkeys(("yes", "on"), "True"),
    **dict.fromkeys(("no", "off"), "False"),
    **{"true": "True", "false": "False", "none": "None", "null": "None"},
    **{"nan": "nan", "inf": "inf", "infinity": "inf"},
}
_NUMBER = r"[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?"
_NEARLY_A_NUMBER = re.compile(r"[-+]?[.,]?[0-9][0-9.,;:_' eE+-]*[%kKMG]?")
_DECIMAL_COMMA = re.compile(r"([-+]?[0-9]+),([0-9]+)")
_THOUSANDS = re.compile(r"[-+]?[1-9][0-9]{0,2}(,[0-9]{3})+")
_LEADING_ZEROS = re.compile(r"[-+]?0[0-9]+")
_FROM_TO = re.compile(rf"({_NUMBER})\s*(?:to|\.\.+|…|–|—|~)\s*({_NUMBER})")
_OPENING, _CLOSING = "[({", "])}"


def value_of_word(word: str) -> Any:
    """Returns the value of `true`, `null`, `nan` and the like; any other word as a string.

    Raises:
        ValueError: the word may be meant as a value or as a string, such as `none`, `yes` or
            `TRUE`.
    """
    if word in _VALUES:
        return _VALUES[word]
    meant = _DOUBTFUL.get(word.lower())
    if meant is None:
        return word
    raise ValueError(
        f"{word} may be a value or a word. Write {meant} for the value, '{word}' with quotes for "
        "the word."
    )


def check_tuple(text: str) -> None:
    """Refuses a tuple without brackets that was probably meant as a number.

    Raises:
        ValueError: it is a number with a decimal comma or with commas between thousands, or one
            entry with a comma behind it.
    """
    if text.endswith(","):
        raise ValueError(
            f"{text!r} ends with a comma. Leave it out, or write a list: [{text[:-1].strip()}]."
        )
    _refuse_commas(text)


def check_strings(text: str) -> None:
    """Refuses strings side by side, which Python joins to one: `['sgd' 'adam']`.

    Raises:
        ValueError: there are any.
    """
    try:
        tokens = list(tokenize.generate_tokens(io.StringIO(text).readline))
    except (tokenize.TokenError, SyntaxError):
        return
    for one, other in itertools.pairwise(tokens):
        if one.type == other.type == tokenize.STRING:
            raise ValueError(
                f"a comma is missing between {one.string} and {other.string}. Write {one.string}, "
                f"{other.string}."
            )


def check_no_python(text: str, reason: str) -> None:
    """Refuses text that is not Python but nearly a number, a list or a range.

    Args:
        text: the text, without blanks around it.
        reason: Python's own error message.

    Raises:
        ValueError: the text is nearly one.
    """
    quotes = "Put quotes around it if it is meant as a string."
    if _LEADING_ZEROS.fullmatch(text):
        number = text.lstrip("+-").lstrip("0") or "0"
        raise ValueError(f"{text!r} has leading zeros. Write {number}. {quotes}")
    _refuse_commas(text)
    if ends := _FROM_TO.fullmatch(text):
        low, high = (float(end) for end in ends.groups())
        law = f"uniform({ends[1]}, {high - low:.12g})"
        if low.is_integer() and high.is_integer():
            law = f"randint({low:.0f}, {high + 1:.0f})"
        raise ValueError(f"{text!r} looks like a range. Write {law}. {quotes}")
    if _NEARLY_A_NUMBER.fullmatch(text):
        raise ValueError(
            f"{text!r} is nearly a number. Write digits with a point, such as 0.5 or 1e-4; several "
            f"are a list: [0.1, 0.2]. {quotes}"
        )
    if _is_nearly_a_list(text):
        blanks = " Texts with blanks need quotes." if re.search(r"[^\W\d]\s+[^\W\d]", text) else ""
        raise ValueError(f"can't read {shortened(text)!r}: {spoken(reason)}{blanks} {quotes}")


def spoken(reason: str) -> str:
    """Turns Python's complaint about a text that it can't read into a sentence with a cure."""
    if "leading zeros" in reason:
        return "leading zeros. Write 10 in place of 010; a decimal has a point: 0.01."
    return reason if reason.endswith(("?", ".")) else f"{reason}."


def is_nearly_a_number(text: str) -> bool:
    """True for a text with the digits of a number, a date or several numbers."""
    return _NEARLY_A_NUMBER.fullmatch(text) is not None


def is_number(text: str) -> bool:
    """True for a text that Python reads as one number."""
    return re.fullmatch(_NUMBER, text) is not None and not _LEADING_ZEROS.fullmatch(text)


def unclosed(text: str) -> int:
    """Counts the brackets that are opened and not closed; negative if more are closed."""
    return sum((c in _OPENING) - (c in _CLOSING) for c in text)


def shortened(text: str) -> str:
    """At most 80 characters of a text."""
    return text if len(text) <= 80 else f"{text[:77]}..."


def _refuse_commas(text: str) -> None:
    """Refuses a number with a decimal comma, or with commas between thousands."""
    decimal, thousands = _DECIMAL_COMMA.fullmatch(text), _THOUSANDS.fullmatch(text)
    if not decimal and not thousands:
        return
    numbers = [text.replace(",", "")] if thousands else []
    numbers += [text.replace(",", ".")] if decimal else []
    several = ", ".join(str(int(part)) for part in text.split(","))
    raise ValueError(
        f"{text!r} may be one number or several. Write {' or '.join(numbers)} for one number, "
        f"[{several}] for a choice."
    )


def _is_nearly_a_list(text: str) -> bool:
    """True if the text begins with a bracket that ends with it or never, or ends with a bracket
    that nothing opens. `[ab]*.csv` is no list.
    """
    if unclosed(text) < 0 and text[-1] in _CLOSING:
        return True
    if text[:1] not in tuple(_OPENING):
        return False
    ends = (end for end in range(1, len(text) + 1) if unclosed(text[:end]) == 0)
    return next(ends, len(text)) == len(text)
