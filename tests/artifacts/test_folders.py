"""Folders that hold other files are refused before anything is written."""

import pytest

from artifacts.files import RunError
from artifacts.folders import check_folder, check_report


def test_a_folder_below_a_file_is_refused(tmp_path):
    check_folder(tmp_path / "new" / "report")
    (tmp_path / "file").touch()
    with pytest.raises(NotADirectoryError, match="file is a file: name a folder"):
        check_folder(tmp_path / "file" / "report")


def test_a_report_is_written_beside_folders_and_hidden_files_alone(tmp_path):
    (tmp_path / "runs").mkdir()
    (tmp_path / ".DS_Store").touch()
    check_report(tmp_path, "index.html")
    (tmp_path / "notes.txt").touch()
    with pytest.raises(RunError, match=r"not such a report \(it holds notes\.txt\)"):
        check_report(tmp_path, "index.html")
    (tmp_path / "index.html").touch()
    check_report(tmp_path, "index.html")
