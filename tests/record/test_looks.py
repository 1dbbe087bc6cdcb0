from sweeper.record.looks import append_look, read_looks

HUGE = int("9" * 400)  # beyond what a float holds


def test_looks_survive_a_line_cut_short_and_lines_that_are_none(tmp_path):
    look = {"time": "now", "trial": 0, "config": {}, "test_error": 0.5}
    whole = [look, look | {"test_error": None}, look | {"test_error": HUGE}]
    whole.append({name: value for name, value in look.items() if name != "test_error"})
    for one in whole:
        append_look(tmp_path, one)
    with open(tmp_path / "test_looks.jsonl", "a") as file:
        file.write('{"time": "n')
    append_look(tmp_path, look)
    assert read_looks(tmp_path) == ([look, look | {"test_error": None}, look], 3)
