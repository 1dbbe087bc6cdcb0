import io
import os
import zipfile

from sweeper.worker.packed_folder import pack, unpack


def test_files_arrive_and_links_and_pipes_do_not(tmp_path):
    (tmp_path / "secret").write_text("no")
    folder = tmp_path / "there"
    (folder / "deep" / "er").mkdir(parents=True)
    contents = {"model.pt": os.urandom(100_000), "deep/er/ä.txt": b"", "deep/log": b"x"}
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    os.utime(folder / "model.pt", (0, 0))  # zip archives begin in 1980
    (folder / "link").symlink_to(tmp_path / "secret")
    os.mkfifo(folder / "pipe")
    packed = pack(folder)
    assert not folder.exists()
    unpack(packed, tmp_path / "here")
    found = {p: p.read_bytes() for p in (tmp_path / "here").rglob("*") if p.is_file()}
    assert {str(p.relative_to(tmp_path / "here")): c for p, c in found.items()} == contents


def test_no_name_leads_out_of_the_folder(tmp_path):
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("../../out", "x")
        file.writestr("/etc/out", "x")
    unpack(archive.getvalue(), tmp_path / "a" / "b")
    inside = {p for p in tmp_path.rglob("*") if p.is_file()}
    assert all(p.is_relative_to(tmp_path / "a" / "b") for p in inside)
    assert len(inside) == 2
