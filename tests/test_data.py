"""Files of digits: whatever is in them, they are read whole or refused in one line."""

import io
import os
import zipfile

import numpy as np
import pytest

from reports.data import from_file
from reports.errors import UserError
from reports.files import write_text
from reports.targets.specs import of_spec

ARRAYS = {
    "x_train": np.zeros((4, 6, 6), np.uint8),
    "y_train": np.arange(4),
    "x_test": np.zeros((2, 6, 6), np.uint8),
    "y_test": np.arange(2),
}


@pytest.fixture
def archive(tmp_path):
    path = tmp_path / "digits.npz"
    np.savez_compressed(path, **ARRAYS)
    return path


def refused(path):
    with pytest.raises(UserError) as caught:
        from_file(path)
    assert len(str(caught.value).splitlines()) == 1
    return str(caught.value)


def test_a_whole_file_is_read(archive):
    assert from_file(archive).x_train.shape == (4, 6, 6, 1)


def test_a_header_that_claims_more_than_there_is_memory_for_is_refused_unread(tmp_path):
    path = tmp_path / "giant.npz"
    header = io.BytesIO()
    claims = {"descr": "|u1", "fortran_order": False, "shape": (10**6, 28, 10**4)}
    np.lib.format.write_array_header_1_0(header, claims)
    with zipfile.ZipFile(path, "w") as file:
        for name in ARRAYS:
            file.writestr(f"{name}.npy", header.getvalue())
    assert "bytes in memory" in refused(path)


def test_what_is_given_as_an_input_is_measured_before_it_is_unpacked(tmp_path, monkeypatch):
    path = tmp_path / "zeros.npz"
    np.savez_compressed(path, x=np.zeros(10_000))
    rng = np.random.default_rng(0)
    assert of_spec("x", f"@{path}:x", rng).shape == (10_000,)
    monkeypatch.setattr("reports.archives.LARGEST", 10_000)
    with pytest.raises(UserError, match="bytes in memory"):
        of_spec("x", f"@{path}:x", rng)


def test_a_small_file_that_is_large_as_floats_is_refused(tmp_path, monkeypatch):
    path = tmp_path / "zeros.npz"
    images = np.zeros((3_000, 40, 40), np.uint8)
    np.savez_compressed(path, **(ARRAYS | {"x_train": images}))
    monkeypatch.setattr("reports.archives.LARGEST", 2 * images.nbytes)
    assert path.stat().st_size < images.nbytes / 10
    assert "bytes in memory" in refused(path)


def test_a_file_is_as_open_as_its_user_has_it(tmp_path):
    before = os.umask(0o077)
    try:
        write_text(tmp_path / "mine.txt", "mine")
    finally:
        os.umask(before)
    write_text(tmp_path / "usual.txt", "usual")
    modes = [(tmp_path / name).stat().st_mode & 0o777 for name in ("mine.txt", "usual.txt")]
    assert modes == [0o600, 0o666 & ~before]
