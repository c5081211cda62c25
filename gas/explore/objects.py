"""An object in S3 as a source of bytes: exactly the version that was there when it was first looked at."""

from dataclasses import dataclass

from gas.storage import ObjectInfo, ObjectMissing, Storage


@dataclass(frozen=True)
class StoredObject:
    """Raises ObjectMissing or ObjectChanged, or botocore's errors, when read."""

    storage: Storage
    bucket: str
    key: str
    info: ObjectInfo

    @classmethod
    def find(cls, storage: Storage, bucket: str | None, key: str | None) -> "StoredObject":
        """The object as it is now. Raises ObjectMissing when there is none, or none is named."""
        found = storage.head(bucket, key) if bucket and key else None
        if found is None or not bucket or not key:
            raise ObjectMissing(key)
        return cls(storage, bucket, key, found)

    @property
    def identity(self) -> str:
        return f"s3://{self.bucket}/{self.key}?{self.info.version}&{self.info.etag}"

    @property
    def size(self) -> int:
        return self.info.size

    def read(self, start: int, length: int) -> bytes:
        info = self.info
        return b"".join(self.storage.stream(self.bucket, self.key, info.version, info.etag, start, length))
