"""Content-addressed artifacts: a few named files, kept under the hash of what is in them and proved by it when read."""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from stat import S_ISREG
from uuid import uuid4

from headrace.connectors.artifact_files import check_file
from headrace.errors import ArtifactError, ConnectorError

MANIFEST = "manifest.json"
#: The files have a folder of their own, so that one of them may be named as the manifest is.
FILES = "files"
ADDRESS = re.compile(r"[0-9a-f]{64}")
#: Starts the names of what is still being written, or is being thrown away; no address does.
TEMPORARY = "."
#: A folder was renamed to where one is already, or a file.
TAKEN = {errno.EEXIST, errno.ENOTEMPTY, errno.ENOTDIR}
#: What is found where no file is, or not one alone: a folder, or a file where its folder should be.
NO_FILE = {errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ELOOP}


def manifest_of(files: Mapping[str, bytes]) -> bytes:
    """The sorted JSON of each file's SHA-256.

    >>> manifest_of({"model.json": b"{}"})[:30]
    b'{"model.json":"44136fa355b3678'
    """
    hashes = {name: sha256(content).hexdigest() for name, content in files.items()}
    return json.dumps(hashes, sort_keys=True, separators=(",", ":")).encode()


def address_of(files: Mapping[str, bytes]) -> str:
    """The address of an artifact: the SHA-256 of its manifest, 64 hex digits; equal content has equal ones.

    >>> address_of({"b.json": b"1", "a.json": b"2"}) == address_of({"a.json": b"2", "b.json": b"1"})
    True
    """
    return sha256(manifest_of(files)).hexdigest()


class Artifacts:
    """The artifacts in a folder, which is made by the first that is put.

    Every method raises ConnectorError, naming the folder, when the disk fails or is full; the store is then as it was.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     artifacts = Artifacts(folder)
    ...     address = artifacts.put({"model.json": b'{"rate": 0.1}'})
    ...     artifacts.get(address)
    {'model.json': b'{"rate": 0.1}'}
    """

    def __init__(self, folder: Path | str) -> None:
        self.folder = Path(folder)

    def put(self, files: Mapping[str, bytes]) -> str:
        """Keep files and return their address; the same content again is nothing, and mends what was damaged.

        It is there as a whole or not at all, also when the machine stops: written beside, synced, then renamed.

        Raises:
            ArtifactError: no files, or one that is neither sound JSON nor sound safetensors, such as a pickle.
        """
        if not files:
            msg = "an artifact has at least one file, found none"
            raise ArtifactError(msg)
        for name, content in files.items():
            check_file(name, content)
        address = address_of(files)
        with self._translated(f"artifact {address[:12]} was not written, and the store is as it was"):
            if not self._is_whole(address):
                self._write(address, files)
            # Also when another process has just renamed it: whoever is told the address may rely on it.
            _sync(self.folder)
        return address

    def get(self, address: str) -> dict[str, bytes]:
        """The files of an artifact, every byte proved by its hash.

        Raises:
            ArtifactError: it is not there, or damaged; names the file, the hash expected and the one found.
        """
        with self._translated(f"artifact {address[:12]} cannot be read"):
            return _files_in(self.folder / address, address)

    def verify(self, address: str) -> None:
        """Raise ArtifactError unless the artifact is there and whole."""
        self.get(address)

    def all(self) -> list[str]:
        """The addresses of all artifacts, sorted, whole or not."""
        with self._translated("cannot be listed"):
            found = self.folder.iterdir() if self.folder.is_dir() else ()
            return sorted(entry.name for entry in found if ADDRESS.fullmatch(entry.name))

    def _is_whole(self, address: str) -> bool:
        try:
            self.verify(address)
        except ArtifactError:
            return False
        return True

    def _write(self, address: str, files: Mapping[str, bytes]) -> None:
        _make(self.folder)
        with self._temporary() as written:
            (written / FILES).mkdir(parents=True)
            for name, content in files.items():
                _write_synced(written / FILES / name, content)
            _write_synced(written / MANIFEST, manifest_of(files))
            _sync(written / FILES)
            _sync(written)
            self._publish(written, address)

    def _publish(self, written: Path, address: str) -> None:
        """Give what is written its name; another process may have done so first, or left it damaged."""
        while True:
            try:
                written.rename(self.folder / address)
            except OSError as error:
                if error.errno not in TAKEN:
                    raise
                if self._is_whole(address):
                    return
                self._remove_damaged(address)
            else:
                return

    def _remove_damaged(self, address: str) -> None:
        """Make room for a whole one, unless whoever mends it at the same time has put it there meanwhile."""
        place = self.folder / address
        # They may also have removed it already.
        with self._temporary() as removed, suppress(FileNotFoundError):
            place.rename(removed)
            with suppress(ArtifactError):
                _files_in(removed, address)
                _rename_unless_taken(removed, place)

    @contextmanager
    def _temporary(self) -> Iterator[Path]:
        """A name in the same folder, hence on the same disk; what has it in the end is removed."""
        path = self.folder / f"{TEMPORARY}{uuid4().hex}"
        try:
            yield path
        finally:
            _remove(path)

    @contextmanager
    def _translated(self, what: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            msg = f"artifacts in {self.folder}: {what}: {error.strerror or error}"
            raise ConnectorError(msg) from error


def _files_in(place: Path, address: str) -> dict[str, bytes]:
    """The files of the artifact in a folder, every byte proved, down from the address."""
    hashes = _hashes(place, address)
    files = {name: _proved(address, place / FILES / name, expected) for name, expected in hashes.items()}
    _check_nothing_else(address, place, {MANIFEST, FILES})
    _check_nothing_else(address, place / FILES, hashes)
    return files


def _hashes(place: Path, address: str) -> dict[str, str]:
    """The manifest, proved by the address."""
    if not ADDRESS.fullmatch(address):
        msg = f"artifact {address!r}: expected an address of 64 hex digits"
        raise ArtifactError(msg)
    if place.is_file():
        msg = f"artifact {address} is damaged: expected the folder {place}, found a file; put the same content again"
        raise ArtifactError(msg)
    if not place.is_dir():
        msg = f"artifact {address} is missing: {place.parent} has none of this address"
        raise ArtifactError(msg)
    hashes: dict[str, str] = json.loads(_proved(address, place / MANIFEST, address))
    return hashes


def _proved(address: str, file: Path, expected: str) -> bytes:
    """A file's content, if it has the expected hash."""
    named = f"artifact {address}: file {file.name!r} is"
    try:
        if not S_ISREG(file.stat().st_mode):
            msg = f"{named} damaged; expected sha256 {expected}, found a folder or what else is no file"
            raise ArtifactError(msg)
        content = file.read_bytes()
    except OSError as error:
        if error.errno not in NO_FILE:
            raise
        msg = f"{named} missing; expected sha256 {expected}, found no file"
        raise ArtifactError(msg) from error
    found = sha256(content).hexdigest()
    if found != expected:
        msg = f"{named} damaged; expected sha256 {expected}, found {found}"
        raise ArtifactError(msg)
    return content


def _check_nothing_else(address: str, folder: Path, known: Collection[str]) -> None:
    """A file that no hash speaks for is damage, too."""
    others = sorted({entry.name for entry in folder.iterdir()} - set(known))
    if others:
        msg = f"artifact {address}: file {others[0]!r} does not belong to it; expected {', '.join(sorted(known))}"
        raise ArtifactError(msg)


def _write_synced(file: Path, content: bytes) -> None:
    with file.open("xb") as out:
        out.write(content)
        out.flush()
        os.fsync(out.fileno())


def _rename_unless_taken(old: Path, new: Path) -> None:
    try:
        old.rename(new)
    except OSError as error:
        if error.errno not in TAKEN:
            raise


def _remove(path: Path) -> None:
    """Remove what is there, a folder or a file, as far as that goes: it is garbage."""
    with suppress(OSError):
        path.unlink()
    shutil.rmtree(path, ignore_errors=True)


def _make(folder: Path) -> None:
    """Make a folder and those above it, unless they are there; each name that is new is synced."""
    if not folder.is_dir():
        _make(folder.parent)
        folder.mkdir(exist_ok=True)
        _sync(folder.parent)


def _sync(folder: Path) -> None:
    """Names are on the disk only after their folder is synced."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
