import io
import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sweeper.record.columns import column, one_kind_a_column
from sweeper.record.lines import decode
from sweeper.space.conditions import ABSENT

NUMBERS = st.integers() | st.floats(allow_nan=False) | st.integers(-(2**70), 2**70)
PLAIN = st.none() | st.booleans() | NUMBERS | st.text(st.characters(exclude_categories=()))
VALUES = st.recursive(PLAIN, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner))


def read(cell):
    """What a cell stands for: None where it is empty."""
    is_empty = not isinstance(cell, list | dict) and pd.isna(cell)
    return None if is_empty else cell.item() if isinstance(cell, np.generic) else cell


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([0, 1e-4], "float64"),
        ([0, 1e-4, None, ABSENT], "float64"),
        ([3, None], "Int64"),
        ([3, ABSENT, None], "Int64"),
        ([True, None], "boolean"),
        ([3, 4], "int64"),
        ([0.5, 2**53 + 1], "object"),  # which no float is
        ([0.5, 10**400], "object"),
        ([True, 1], "object"),
        ([None, "relu"], "object"),
        ([None, ABSENT], "object"),
    ],
)
def test_a_column_has_the_type_of_its_values(values, kind):
    made = column(values)
    assert str(made.dtype) == kind
    assert [read(cell) for cell in made] == [None if v is ABSENT else v for v in values]


@pytest.mark.slow
@given(st.lists(st.just(ABSENT) | VALUES, max_size=4) | st.lists(NUMBERS | st.none(), max_size=4))
def test_what_a_column_and_a_parquet_file_hold_is_read_back(values):
    expected = [None if value is ABSENT else value for value in values]
    made = column(values)
    assert [read(cell) for cell in made] == expected
    file = io.BytesIO()
    one_kind_a_column(pd.DataFrame({"x": made})).to_parquet(file)
    written = pd.read_parquet(file)
    cells = [read(cell) for cell in written["x"]]
    if "x" in written.attrs["json"]:
        cells = [cell if cell is None else decode(json.loads(cell)) for cell in cells]
    elif made.dtype == "object":
        expected = [v if v is None else v.encode("utf-8", "replace").decode() for v in expected]
    else:
        assert written["x"].dtype == made.dtype
    assert cells == expected
