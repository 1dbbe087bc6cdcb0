import pytest
from made_results import made


def many_columns(number: int):
    names = [f"{'a_name_that_is_long_and_begins_alike_' * 2}{i}" for i in range(number)]
    return made([0.5, 0.25], columns={name: [i, i + 0.5] for i, name in enumerate(names)})


def test_names_that_begin_alike_are_shortened_for_the_eye_only():
    text = many_columns(3).table()
    assert text.splitlines()[0].count("a_name_that_is_long_and_begins_alike_") == 3
    cells = text.splitlines()[1].split()
    assert cells == ["1", "0.25", "0.5", "1.5", "2.5", "4", "finished", "1.0"]


@pytest.mark.parametrize("width", [40, 80, 200])
def test_what_finds_no_room_is_named(width):
    *lines, last = many_columns(30).table(width=width).splitlines()
    assert all(len(line) <= width for line in (*lines, last))
    assert last.startswith("no room for: a_name")
    assert lines[1].split()[:2] == ["1", "0.25"]


def test_on_a_narrow_screen_a_value_has_its_status_unless_all_are_the_same():
    names = {name: [0.125, 0.25] for name in ("learning_rate", "weight_decay")}
    narrow = made([None, 0.25], columns=names).table(width=45)
    assert narrow.splitlines()[1].split()[:3] == ["1", "0.25", "finished"]
    assert "no room for: learning_rate" in narrow
    alike = made([0.5, 0.25], columns=names).table(width=45).splitlines()
    assert alike[0].split() == ["trial", "validation_error", "learning_rate"]


def test_printed_results_are_the_table_the_statuses_and_the_best(capsys):
    results = made([0.5, 0.25], columns={"lr": [0.1, 0.2]})
    print(results)
    assert capsys.readouterr().out.splitlines() == [
        "trial  validation_error   lr  epochs  status    runtime_s",
        "    1              0.25  0.2       4  finished        1.0",
        "    0               0.5  0.1       4  finished        1.0",
        "",
        "2 finished",
        "best: 0.25 with {'lr': 0.2}",
    ]
