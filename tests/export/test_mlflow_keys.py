from hypothesis import given
from hypothesis import strategies as st

from sweeper.export.mlflow_keys import keys

NAMES = st.text() | st.text("./: _a\n\udc80", max_size=4) | st.sampled_from(["x" * 250, "x" * 251])


def taken(name):
    """Asks MlflowClient's own check."""
    from mlflow.exceptions import MlflowException  # a second, not when tests are collected
    from mlflow.utils.validation import _validate_param_name

    try:
        _validate_param_name(name)
    except MlflowException:
        return False
    return len(name) <= 250


@given(st.lists(NAMES, unique=True))
def test_mlflow_takes_each_key_names_that_it_takes_stay_and_none_is_lost(names):
    found = keys(names)
    assert list(found) == names
    assert len(set(found.values())) == len(names)
    for name, key in found.items():
        assert taken(key)
        assert key == name or not taken(name) or name.endswith("\n")


def test_keys_remain_readable():
    assert keys(["lr", "opt/lr", "größe", "a.b-c d:e"]) == {
        name: name for name in ("lr", "opt/lr", "größe", "a.b-c d:e")
    }
    assert keys(["a+b", "a_b", "a*b", "/x", "..", ""]) == {
        "a+b": "a_b_2",
        "a_b": "a_b",
        "a*b": "a_b_3",
        "/x": "_x",
        "..": "_.",
        "": "_",
    }
