import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sweeper.space.reading import read_value
from sweeper.space.words import unclosed, value_of_word


@st.composite
def in_any_case(draw, words):
    word = draw(st.sampled_from(words))
    return "".join(draw(st.sampled_from((c.lower(), c.upper()))) for c in word)


@pytest.mark.parametrize(
    ("word", "value"),
    [("true", True), ("false", False), ("null", None), ("inf", math.inf), ("Infinity", math.inf)],
)
def test_words_of_json_are_values(word, value):
    assert read_value(word) is value or read_value(word) == value
    assert read_value(f"[{word}, sgd, {{'a': {word}}}]") == [value, "sgd", {"a": value}]
    assert read_value(f"'{word}'") == word


# YAML 1.1 has 22 ways to write a boolean; y and n are words here, as in PyYAML.
WORDS = ("true", "false", "yes", "no", "on", "off", "null", "none", "nan", "inf", "infinity")


@given(in_any_case(WORDS))
def test_a_word_that_may_be_a_value_never_is_a_string(word):
    assert read_value(f"['{word}']") == [word]
    if word in ("true", "false", "null", "nan", "NaN", "inf", "Infinity", "True", "False", "None"):
        assert not isinstance(read_value(word), str)
        assert not isinstance(read_value(f"[{word}]")[0], str)
        return
    for text in (word, f"[{word}, sgd]", f"({word},)", f"{{'a': {word}}}"):
        with pytest.raises(
            ValueError, match=f"^{word} may be a value or a word. Write .* '{word}'"
        ):
            read_value(text)


@given(st.from_regex(r"[a-z_]\w*", fullmatch=True))
def test_any_other_word_is_itself(word):
    if word.lower() not in WORDS:
        assert value_of_word(word) == word


@given(st.integers(-99, 99), st.integers(0, 999))
def test_a_decimal_comma_is_told_with_both_cures(whole, part):
    cure = rf"Write .*{whole}\.{part} for one number, \[{whole}, {part}\] for a choice"
    with pytest.raises(ValueError, match=cure):
        read_value(f"{whole},{part}")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("1,000", r"Write 1000 or 1\.000 for one number, \[1, 0\]"),
        ("1,000,000", "Write 1000000 for one number"),
        ("0,001", r"Write 0\.001 for one number"),
        ("010", r"leading zeros\. Write 10\. Put quotes"),
        ("-007", r"leading zeros\. Write 7\."),
        ("[010, 020]", "leading zeros. Write 10 in place of 010"),
        ("loguniform(0,001, 1)", r"a decimal has a point: 0\.01"),
        ("1.2.3", "is nearly a number"),
        ("0.1 0.2 0.3", r"several are a list: \[0\.1, 0\.2\]"),
        ("1;2;3", "is nearly a number"),
        ("1:30", "is nearly a number"),
        ("10%", "is nearly a number"),
        ("10k", "is nearly a number"),
        ("2024-01-01", "is nearly a number"),
        ("1 to 10", r"looks like a range\. Write randint\(1, 11\)\. "),
        ("0.1..0.5", r"looks like a range\. Write uniform\(0\.1, 0\.4\)\. "),
        ("1e-4 … 1", r"looks like a range\. Write uniform\(1e-4, 0\.9999\)\."),
        ("sgd,", r"ends with a comma. Leave it out, or write a list: \[sgd\]"),
        ("[1, 2],", "ends with a comma"),
        ("[32, 64", "'\\[' was never closed"),
        ("32, 64]", r"unmatched '\]'"),
        ("[1, 2]]", r"unmatched '\]'"),
        ("(1, 2]", "does not match"),
        ("[0.1 0.2]", r"Perhaps you forgot a comma\? Put quotes"),
        ("[cosine annealing, step]", "Texts with blanks need quotes"),
        ("{'a': 1 'b': 2}", "comma"),
        ("[7b, 13b]", "can't read '\\[7b, 13b\\]': invalid decimal literal"),
        ("['sgd' 'adam']", "a comma is missing between 'sgd' and 'adam'"),
        ("{'a': 'b' 'c'}", "a comma is missing between 'b' and 'c'"),
        ("'a' 'b'", "a comma is missing"),
    ],
)
def test_what_is_nearly_right_is_refused_with_the_cure(text, told):
    with pytest.raises(ValueError, match=told):
        read_value(text)


@given(st.text("0123456789.,:;_ eE+-", max_size=12).map(lambda rest: f"1{rest}"))
def test_what_looks_like_a_number_never_is_a_string(text):
    try:
        value = read_value(text)
    except ValueError:
        return
    assert not isinstance(value, str)


entries = st.sampled_from(
    ["1", "0.5", "sgd", "'a'", "cosine annealing", "true", "1e-3", "7b", "-1"]
)
separators = st.sampled_from([", ", " ", "; ", ",", " ,", ",, ", ": "])


@given(
    st.lists(entries, min_size=1, max_size=4), st.data(), st.sampled_from(["[]", "()", "[", "]"])
)
def test_what_looks_like_a_list_never_is_a_string(parts, data, brackets):
    inside = "".join(
        itertools.chain.from_iterable((part, data.draw(separators)) for part in parts[:-1])
    )
    text = f"{brackets.strip(')]')}{inside}{parts[-1]}{brackets.strip('[(')}"
    try:
        value = read_value(text)
    except ValueError:
        return
    if brackets == "()" and len(parts) == 1:
        assert value == read_value(parts[0])  # round brackets alone make no tuple
    else:
        assert isinstance(value, list | tuple)
        assert len(value) == len(parts)


@pytest.mark.parametrize(
    "text", ["[ab]*.csv", "{a}: x", "7b", "3x3", "~", "a b (c)", "resnet-18", "x, y: z", "1 a-b"]
)
def test_other_strings_stay_strings(text):
    assert read_value(text) == text


def test_brackets_are_counted():
    assert [unclosed(text) for text in ("", "f(", "f()", "1)", "[(")] == [0, 1, 0, -1, 2]
