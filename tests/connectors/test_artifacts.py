"""Artifacts: what was put comes back byte for byte, or is refused by name."""

from __future__ import annotations

import json
import os
import pickle
import resource
import shutil
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Callable
from hashlib import sha256
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import save

from headrace.connectors.artifact_files import check_file
from headrace.connectors.artifacts import Artifacts, address_of
from headrace.errors import ArtifactError, ConnectorError

MODEL = {"model.json": b'{"rate": 0.1}', "encoders.json": b"[1, 2]"}


def safetensors(header: object, data: bytes = b"", length: int | None = None) -> bytes:
    """A file of the format, written by hand."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return (len(text) if length is None else length).to_bytes(8, "little") + text + data


def tensor(dtype: str = "F32", shape: object = (2,), offsets: object = (0, 8)) -> dict[str, object]:
    return {"dtype": dtype, "shape": shape, "data_offsets": offsets}


def tree(folder: Path) -> dict[str, bytes]:
    """Every file under a folder, hidden ones too."""
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


@pytest.fixture
def artifacts(tmp_path: Path) -> Artifacts:
    return Artifacts(tmp_path / "deep" / "artifacts")


def test_what_was_put_comes_back_and_the_same_again_is_nothing(artifacts: Artifacts) -> None:
    weights = safetensors({"weights": tensor()}, b"\x00" * 8)
    address = artifacts.put({**MODEL, "weights.safetensors": weights})
    before = tree(artifacts.folder)
    assert artifacts.put({"weights.safetensors": weights, **dict(reversed(MODEL.items()))}) == address
    assert artifacts.get(address) == {**MODEL, "weights.safetensors": weights}
    assert (artifacts.all(), tree(artifacts.folder)) == ([address], before)


def test_the_address_is_the_hash_of_the_sorted_hashes() -> None:
    manifest = {name: sha256(content).hexdigest() for name, content in sorted(MODEL.items())}
    assert address_of(MODEL) == sha256(json.dumps(manifest, separators=(",", ":")).encode()).hexdigest()


@given(st.dictionaries(st.from_regex(r"[a-z]{1,8}\.json", fullmatch=True), st.integers(), min_size=1, max_size=4))
def test_content_and_names_decide_the_address_and_nothing_else(values: dict[str, int]) -> None:
    files = {name: str(value).encode() for name, value in values.items()}
    name = min(files)
    assert address_of(files) == address_of(dict(reversed(files.items())))
    assert address_of({**files, name: files[name] + b" "}) != address_of(files)
    assert address_of({**files, f"x{name}": files[name]}) != address_of(files)


def test_every_damaged_byte_is_found(artifacts: Artifacts) -> None:
    address = artifacts.put(MODEL)
    for file in [file for file in (artifacts.folder / address).rglob("*") if file.is_file()]:
        whole = file.read_bytes()
        for place in range(len(whole)):
            damaged = bytearray(whole)
            damaged[place] ^= 1
            file.write_bytes(bytes(damaged))
            with pytest.raises(ArtifactError, match=rf"{file.name}.*damaged.*{sha256(damaged).hexdigest()}"):
                artifacts.verify(address)
        file.write_bytes(whole)
    artifacts.verify(address)


def test_a_damaged_file_is_named_with_expected_and_found_hash(artifacts: Artifacts) -> None:
    address = artifacts.put(MODEL)
    (artifacts.folder / address / "files" / "model.json").write_bytes(b"{}")
    expected, found = sha256(MODEL["model.json"]).hexdigest(), sha256(b"{}").hexdigest()
    with pytest.raises(ArtifactError, match=f"'model.json' is damaged; expected sha256 {expected}, found {found}"):
        artifacts.get(address)


def test_a_missing_file_an_added_one_and_a_missing_artifact_are_named(artifacts: Artifacts) -> None:
    address = artifacts.put(MODEL)
    file = artifacts.folder / address / "files" / "encoders.json"
    file.with_name("more.json").write_bytes(b"{}")
    with pytest.raises(ArtifactError, match=r"'more\.json' does not belong to it"):
        artifacts.verify(address)
    file.unlink()
    with pytest.raises(ArtifactError, match=r"'encoders\.json' is missing; expected sha256 [0-9a-f]{64}"):
        artifacts.verify(address)
    with pytest.raises(ArtifactError, match="is missing"):
        artifacts.get("0" * 64)
    with pytest.raises(ArtifactError, match="64 hex digits"):
        artifacts.get("../../etc/passwd")


def test_putting_the_content_again_mends_what_was_damaged(artifacts: Artifacts) -> None:
    address = artifacts.put(MODEL)
    (artifacts.folder / address / "manifest.json").unlink()
    assert artifacts.put(MODEL) == address
    assert artifacts.get(address) == MODEL
    assert [entry.name for entry in artifacts.folder.iterdir()] == [address]


def folder_for_a_file(place: Path) -> None:
    (place / "files" / "model.json").unlink()
    (place / "files" / "model.json").mkdir()


def folder_for_the_manifest(place: Path) -> None:
    (place / "manifest.json").unlink()
    (place / "manifest.json").mkdir()


def pipe_for_a_file(place: Path) -> None:
    (place / "files" / "model.json").unlink()
    os.mkfifo(place / "files" / "model.json")


def loop_for_a_file(place: Path) -> None:
    (place / "files" / "model.json").unlink()
    (place / "files" / "model.json").symlink_to("model.json")


def file_for_the_files(place: Path) -> None:
    shutil.rmtree(place / "files")
    (place / "files").write_text("no folder")


def file_for_the_artifact(place: Path) -> None:
    shutil.rmtree(place)
    place.write_text("no folder")


def link_for_the_artifact(place: Path) -> None:
    shutil.rmtree(place)
    place.symlink_to("nowhere")


def file_beside_the_manifest(place: Path) -> None:
    (place / "stray.json").write_text("{}")


DAMAGE = {
    folder_for_a_file: "file 'model.json' is damaged; expected sha256 .*, found a folder",
    folder_for_the_manifest: "file 'manifest.json' is damaged; expected sha256",
    pipe_for_a_file: "file 'model.json' is damaged; expected sha256",
    loop_for_a_file: "file 'model.json' is missing; expected sha256",
    file_for_the_files: r"file '\w+\.json' is missing; expected sha256",
    file_for_the_artifact: "is damaged: expected the folder .*, found a file",
    link_for_the_artifact: "is missing",
    file_beside_the_manifest: r"file 'stray\.json' does not belong to it; expected files, manifest\.json",
}


@pytest.mark.parametrize("damage", DAMAGE, ids=lambda damage: damage.__name__)
def test_damage_of_every_kind_is_named_and_mended(artifacts: Artifacts, damage: Callable[[Path], None]) -> None:
    address = artifacts.put(MODEL)
    damage(artifacts.folder / address)
    with pytest.raises(ArtifactError, match=DAMAGE[damage]):
        artifacts.verify(address)
    assert artifacts.put(MODEL) == address
    assert artifacts.get(address) == MODEL
    assert [entry.name for entry in artifacts.folder.iterdir()] == [address]


def test_a_mender_leaves_what_another_has_mended(artifacts: Artifacts, monkeypatch: pytest.MonkeyPatch) -> None:
    address = artifacts.put(MODEL)
    place, rename = artifacts.folder / address, Path.rename
    (place / "manifest.json").unlink()
    mended: list[int] = []

    def late(self: Path, target: Path) -> Path:
        # The other mends it after this one saw the damage, and before it removes what is there.
        if self == place and not mended:
            mended.append(0)
            assert Artifacts(artifacts.folder).put(MODEL) == address
            mended[0] = place.stat().st_ino
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", late)
    assert artifacts.put(MODEL) == address
    assert mended == [place.stat().st_ino]
    assert artifacts.get(address) == MODEL
    assert [entry.name for entry in artifacts.folder.iterdir()] == [address]


def test_every_folder_that_was_made_is_synced_in_its_parent(
    artifacts: Artifacts, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced, fsync = [], os.fsync

    def noted(descriptor: int) -> None:
        synced.append(Path(f"/proc/self/fd/{descriptor}").readlink())
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", noted)
    artifacts.put(MODEL)
    assert {artifacts.folder, artifacts.folder.parent, artifacts.folder.parent.parent} <= set(synced)
    assert artifacts.folder.parents[2] not in synced


@pytest.mark.parametrize("name", ["model.pkl", "MODEL.PT", "weights.pth", "a.bin", "a.npz"])
def test_a_pickle_is_refused_by_its_name(artifacts: Artifacts, name: str) -> None:
    with pytest.raises(ArtifactError, match=rf"{name}' is a pickle by its name"):
        artifacts.put({**MODEL, name: b"{}"})
    assert artifacts.all() == []


def zipped() -> bytes:
    """What `torch.save` writes: a zip with a pickle in it."""
    out = BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps([1]))
    return out.getvalue()


@pytest.mark.parametrize("name", ["model.json", "weights.safetensors"])
@pytest.mark.parametrize("content", [*(pickle.dumps({"a": 1.5}, protocol) for protocol in range(2, 6)), zipped()])
def test_a_pickle_is_refused_by_its_content(name: str, content: bytes) -> None:
    with pytest.raises(ArtifactError, match=f"'{name}' is a pickle by its content"):
        check_file(name, content)


@pytest.mark.parametrize("protocol", [0, 1])
def test_a_pickle_without_a_mark_is_no_sound_file_either(protocol: int) -> None:
    with pytest.raises(ArtifactError, match="is no sound json"):
        check_file("model.json", pickle.dumps({"a": [1]}, protocol))
    with pytest.raises(ArtifactError, match="is no sound safetensors"):
        check_file("weights.safetensors", pickle.dumps({"a": [1]}, protocol))


@pytest.mark.parametrize("name", ["", "a", ".json", "a.txt", "../a.json", "a/b.json", ".hidden.json", "a\n.json"])
def test_a_name_that_is_no_file_of_an_artifact_is_refused(name: str) -> None:
    with pytest.raises(ArtifactError, match="expected a name"):
        check_file(name, b"{}")


NO_JSON = [b"", b"{", b"NaN", b'{"a": Infinity}', b'{"a": 1, "a": 2}', b"\xff", b"[" * 99_999]


@pytest.mark.parametrize("content", NO_JSON, ids=range(len(NO_JSON)))
def test_json_that_does_not_parse_everywhere_alike_is_refused(content: bytes) -> None:
    with pytest.raises(ArtifactError, match=r"'model\.json' is no sound json"):
        check_file("model.json", content)


UNSOUND = {
    "empty": b"",
    "shorter than its length": safetensors({}, length=3)[:10],
    "length beyond the file": safetensors({}, length=2**63),
    "no header": safetensors(b"", b"\x00" * 8),
    "no object": safetensors([1]),
    "space in front": safetensors(b" {}"),
    "tensor beyond the file": safetensors({"a": tensor()}, b"\x00" * 7),
    "bytes behind the last tensor": safetensors({"a": tensor()}, b"\x00" * 9),
    "gap between tensors": safetensors({"a": tensor(), "b": tensor(offsets=(9, 17))}, b"\x00" * 17),
    "tensors that overlap": safetensors({"a": tensor(), "b": tensor(offsets=(4, 12))}, b"\x00" * 12),
    "offsets that do not fit the shape": safetensors({"a": tensor(shape=(3,))}, b"\x00" * 8),
    "negative shape": safetensors({"a": tensor(shape=(-1, -2))}, b"\x00" * 8),
    "shape of truth": safetensors({"a": tensor(shape=(True, 2))}, b"\x00" * 8),
    "three offsets": safetensors({"a": tensor(offsets=(0, 8, 8))}, b"\x00" * 8),
    "type of objects": safetensors({"a": tensor(dtype="object")}, b"\x00" * 8),
    "type that is a list": safetensors({"a": tensor(dtype=["F32"])}, b"\x00" * 8),  # type: ignore[arg-type]
    "more than the format has": safetensors({"a": {**tensor(), "code": "x"}}, b"\x00" * 8),
    "metadata that is no text": safetensors({"__metadata__": {"a": 1}}),
    "one name twice": safetensors(b'{"a":{},"a":{}}'),
}


@pytest.mark.parametrize("content", UNSOUND.values(), ids=UNSOUND.keys())
def test_safetensors_with_an_unsound_header_are_refused(content: bytes) -> None:
    with pytest.raises(ArtifactError, match="is no sound safetensors"):
        check_file("weights.safetensors", content)


NUMPY_TYPES = ["<f8", "<f4", "<f2", "<i8", "<i2", "|u1", "|b1"]


@given(
    st.dictionaries(
        st.text(min_size=1, max_size=5).filter(lambda name: name != "__metadata__"),
        st.tuples(st.sampled_from(NUMPY_TYPES), st.lists(st.integers(0, 3), max_size=3)),
        max_size=4,
    )
)
def test_whatever_the_library_writes_is_sound(shapes: dict[str, tuple[str, list[int]]]) -> None:
    arrays = {name: np.zeros(shape, dtype) for name, (dtype, shape) in shapes.items()}
    check_file("weights.safetensors", save(arrays, {"format": "np"}))


def test_safetensors_whose_length_looks_like_a_pickle_are_sound() -> None:
    # A header of 0x0280 bytes: the file begins as a pickle of protocol 2 does.
    header = json.dumps({"a": tensor()}).encode().ljust(0x280)
    content = safetensors(header, b"\x00" * 8)
    assert content.startswith(pickle.dumps(1, 2)[:2])
    check_file("weights.safetensors", content)


def test_an_artifact_without_files_is_refused(artifacts: Artifacts) -> None:
    with pytest.raises(ArtifactError, match="at least one file"):
        artifacts.put({})


def limited(code: str, folder: Path, largest: int) -> subprocess.CompletedProcess[str]:
    """Run code in a process that may write no file beyond a size: a disk that is full, as a process sees it."""
    return subprocess.run(
        [sys.executable, "-P", "-c", code, str(folder)],
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (largest, largest)),
        capture_output=True,
        text=True,
        check=False,
    )


PUT_TOO_MUCH = """
import sys
from headrace.connectors.artifacts import Artifacts
from headrace.errors import ConnectorError
try:
    Artifacts(sys.argv[1]).put({"a.json": b"1", "large.json": b"[" + b"1," * 50_000 + b"1]"})
except ConnectorError as error:
    print(error)
"""


def test_a_full_disk_leaves_the_store_as_it_was(artifacts: Artifacts) -> None:
    artifacts.put(MODEL)
    before = tree(artifacts.folder)
    told = limited(PUT_TOO_MUCH, artifacts.folder, 20_000).stdout
    assert f"artifacts in {artifacts.folder}" in told
    assert "was not written, and the store is as it was: File too large" in told
    assert tree(artifacts.folder) == before
    assert len(list(artifacts.folder.iterdir())) == 1


#: Large enough that writing takes most of the time.
PUT_FOR_EVER = """
import sys
from itertools import count
from headrace.connectors.artifacts import Artifacts
header = b'{"a":{"dtype":"U8","shape":[40000000],"data_offsets":[0,40000000]}}'
file = len(header).to_bytes(8, "little") + header + bytes(40_000_000)
for number in count():
    Artifacts(sys.argv[1]).put({"number.json": b"%d" % number, "weights.safetensors": file})
"""


def unfinished(folder: Path) -> list[str]:
    """What is being written: the manifest comes last."""
    entries = folder.iterdir() if folder.is_dir() else ()
    return [entry.name for entry in entries if not (entry / "manifest.json").exists()]


def test_what_a_killed_writer_left_is_no_artifact(artifacts: Artifacts) -> None:
    with subprocess.Popen([sys.executable, "-P", "-c", PUT_FOR_EVER, str(artifacts.folder)]) as writer:
        while not (artifacts.all() and unfinished(artifacts.folder)) and writer.poll() is None:
            time.sleep(0.001)
        writer.kill()
    (left,) = unfinished(artifacts.folder)
    assert left not in artifacts.all()
    for address in artifacts.all():
        artifacts.verify(address)


def test_of_many_who_put_the_same_each_finds_it_whole(artifacts: Artifacts) -> None:
    start, found = threading.Barrier(6), []

    def put(number: int) -> None:
        start.wait()
        for round_ in range(20):
            address = artifacts.put({"round.json": str(round_).encode()})
            found.append(artifacts.get(address)["round.json"] == str(round_).encode())

    threads = [threading.Thread(target=put, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [True] * 120
    assert len(list(artifacts.folder.iterdir())) == 20


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(ConnectorError, match="file"):
        Artifacts(tmp_path / "file" / "artifacts").put(MODEL)
