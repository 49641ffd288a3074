"""A Zarr store that shows what was committed and nothing else, and verifies every file that is read from it."""

from collections.abc import AsyncIterator, Iterable
from pathlib import Path

from zarr.abc.store import OffsetByteRequest, RangeByteRequest, Store, SuffixByteRequest

from .commits import Stamp
from .json_file import damaged


class CommittedStore(Store):
    """The files under `root` that have a stamp; any other key is not there, which Zarr reads as its fill value.

    stamps: by key. Reading a file that is missing, or another than was stamped, raises BadInput.
    """

    supports_writes = False
    supports_deletes = False
    supports_partial_writes = False
    supports_listing = True

    def __init__(self, root: Path, stamps: dict[str, Stamp]):
        super().__init__(read_only=True)
        self.root, self.stamps = root, stamps

    def __eq__(self, other: object) -> bool:
        return isinstance(other, CommittedStore) and (other.root, other.stamps) == (self.root, self.stamps)

    def __str__(self) -> str:
        return self.root.as_uri() if self.root.is_absolute() else str(self.root)

    def with_read_only(self, read_only: bool = False) -> "CommittedStore":
        """The same store; it is read only whatever is asked."""
        return CommittedStore(self.root, self.stamps)

    def content(self, key: str) -> bytes | None:
        """The verified bytes of a key; None where nothing was committed under it."""
        if key not in self.stamps:
            return None
        path = self.root / key
        try:
            found = path.read_bytes()
        except OSError as error:
            raise damaged(path, error.strerror or str(error)) from None
        if not self.stamps[key].fits(found):
            raise damaged(path, "its content is not what its commit marker says")
        return found

    async def get(self, key, prototype=None, byte_range=None):
        """The bytes of a key, all or a range of them."""
        from zarr.core.buffer.core import default_buffer_prototype

        found = self.content(key)
        if found is None:
            return None
        return (prototype or default_buffer_prototype()).buffer.from_bytes(_part(found, byte_range))

    async def get_partial_values(self, prototype, key_ranges: Iterable[tuple]) -> list:
        """The bytes of several keys."""
        return [await self.get(key, prototype, byte_range) for key, byte_range in key_ranges]

    async def exists(self, key: str) -> bool:
        """Whether something was committed under a key."""
        return key in self.stamps

    async def set(self, key, value) -> None:
        """Refused: a record is not changed through this store."""
        raise PermissionError(f"{self.root} is read only")

    async def set_partial_values(self, key_start_values) -> None:
        """Refused, as `set` is."""
        raise PermissionError(f"{self.root} is read only")

    async def delete(self, key) -> None:
        """Refused, as `set` is."""
        raise PermissionError(f"{self.root} is read only")

    async def list(self) -> AsyncIterator[str]:
        """All keys."""
        for key in sorted(self.stamps):
            yield key

    async def list_prefix(self, prefix: str) -> AsyncIterator[str]:
        """All keys that begin with a prefix."""
        for key in sorted(self.stamps):
            if key.startswith(prefix):
                yield key

    async def list_dir(self, prefix: str) -> AsyncIterator[str]:
        """Names of what lies directly under a prefix."""
        start = prefix.rstrip("/") + "/" if prefix.rstrip("/") else ""
        for name in sorted({key[len(start) :].split("/")[0] for key in self.stamps if key.startswith(start)}):
            yield name


def _part(content: bytes, byte_range) -> bytes:
    if isinstance(byte_range, RangeByteRequest):
        return content[byte_range.start : byte_range.end]
    if isinstance(byte_range, OffsetByteRequest):
        return content[byte_range.offset :]
    if isinstance(byte_range, SuffixByteRequest):
        return content[max(0, len(content) - byte_range.suffix) :]
    return content
