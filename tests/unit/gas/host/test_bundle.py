import json
import shutil
from collections import namedtuple
from pathlib import Path
from typing import Any

import pytest

from gas.annotation import reference
from gas.annotation.reference import Bundle
from gas.annotation.transcripts import overlapping
from gas.host import bundle
from gas.host.failures import NotReady
from tests.conftest import AwsStandIn

Usage = namedtuple("Usage", "total used free")


@pytest.fixture(scope="session")
def built(bundles: Path) -> Bundle:
    """A small bundle."""
    return reference.load(bundles / "test-bundle")


@pytest.fixture
def bucket(aws_standin: AwsStandIn, unique: str, built: Bundle) -> str:
    """A bucket with the bundle in it."""
    s3 = aws_standin.client("s3")
    s3.create_bucket(Bucket=unique)
    for path in built.path.rglob("*"):
        if path.is_file():
            s3.put_object(
                Bucket=unique, Key=f"bundles/test-bundle/{path.relative_to(built.path)}", Body=path.read_bytes()
            )
    return unique


class Watched:
    """S3, with a note of what was asked for."""

    def __init__(self, s3: Any) -> None:
        self._s3 = s3
        self.asked: dict[str, str] = {}

    def get_object(self, **options: str) -> Any:
        self.asked[options["Key"].removeprefix("bundles/test-bundle/")] = options.get("Range", "")
        return self._s3.get_object(**options)


@pytest.fixture
def s3(aws_standin: AwsStandIn) -> Watched:
    return Watched(aws_standin.client("s3"))


def fetch(s3: Watched, bucket: str, folder: Path) -> Bundle:
    return bundle.fetch(s3, bucket, "test-bundle", folder, spare=0)


def test_a_bundle_arrives_whole_and_opens(s3: Watched, bucket: str, built: Bundle, tmp_path: Path) -> None:
    opened = fetch(s3, bucket, tmp_path)
    assert opened.manifest == built.manifest
    opened.verify()
    assert [path.name for path in tmp_path.iterdir()] == ["test-bundle"]


def test_a_part_is_fetched_and_opens_without_the_rest(s3: Watched, bucket: str, built: Bundle, tmp_path: Path) -> None:
    for _ in range(2):
        opened = bundle.fetch(s3, bucket, "test-bundle", tmp_path, spare=0, only=bundle.SHOWN)
    models = {f"models/{name}" for name in ("transcripts.npy", "exons.npy", "texts.bin")}
    assert set(s3.asked) == {"manifest.json", "sequence.bin"} | models
    opened.verify()
    contig = opened.contigs["1"]
    assert opened.sequence("1")[:] == built.sequence("1")[:]
    assert [one.id for one in overlapping(opened, contig, 1, 600)] == ["T1"]


def test_a_second_boot_fetches_nothing(s3: Watched, bucket: str, tmp_path: Path) -> None:
    fetch(s3, bucket, tmp_path)
    s3.asked.clear()
    fetch(s3, bucket, tmp_path)
    assert list(s3.asked) == ["manifest.json"]


def test_an_interrupted_fetch_goes_on_where_it_was(s3: Watched, bucket: str, built: Bundle, tmp_path: Path) -> None:
    work = tmp_path / ".test-bundle.fetching"
    shutil.copytree(built.path, work)
    sequence = work / "sequence.bin"
    sequence.write_bytes(sequence.read_bytes()[:70])
    fetch(s3, bucket, tmp_path).verify()
    assert s3.asked == {"manifest.json": "", "sequence.bin": "bytes=70-"}


def test_another_bundle_of_the_name_takes_its_place(s3: Watched, bucket: str, built: Bundle, tmp_path: Path) -> None:
    shutil.copytree(built.path, tmp_path / "test-bundle")
    old = {**built.manifest, "builder": "gas 0.0"}
    (tmp_path / "test-bundle" / "manifest.json").write_text(json.dumps(old))
    assert fetch(s3, bucket, tmp_path).manifest == built.manifest
    assert [path.name for path in tmp_path.iterdir()] == ["test-bundle"]


def test_a_wrong_checksum_is_named_and_the_file_fetched_anew(
    aws_standin: AwsStandIn, s3: Watched, bucket: str, built: Bundle, tmp_path: Path
) -> None:
    key, right = "bundles/test-bundle/sequence.bin", (built.path / "sequence.bin").read_bytes()
    aws_standin.client("s3").put_object(Bucket=bucket, Key=key, Body=right[:-1] + b"N")
    with pytest.raises(NotReady, match=rf"s3://{bucket}/{key} has the SHA-256 [0-9a-f]+, its manifest.json says"):
        fetch(s3, bucket, tmp_path)
    assert not (tmp_path / "test-bundle").exists()
    aws_standin.client("s3").put_object(Bucket=bucket, Key=key, Body=right)
    fetch(s3, bucket, tmp_path).verify()


def test_a_disk_that_is_too_small_is_known_beforehand(
    s3: Watched, bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(100, 0, 100))
    with pytest.raises(NotReady, match=r"needs [\d,]+ bytes more, and 0 beside it; .* has 100 free"):
        fetch(s3, bucket, tmp_path)
    assert list(s3.asked) == ["manifest.json"]


def test_a_disk_that_fills_up_meanwhile_is_named(bucket: str, s3: Watched) -> None:
    """/dev/full answers every write as a full disk does."""
    with pytest.raises(NotReady, match=r"Trying: the disk is full"), bundle.in_words("Trying"):
        bundle._fetch_file(
            s3, bucket, "bundles/test-bundle/sequence.bin", Path("/dev/full"), {"bytes": 5, "sha256": ""}
        )


def test_a_bundle_that_is_not_there_names_where_it_should_be(s3: Watched, bucket: str, tmp_path: Path) -> None:
    with pytest.raises(NotReady, match=rf"^Fetching the reference bundle s3://{bucket}/bundles/human: .*NoSuchKey"):
        bundle.fetch(s3, bucket, "human", tmp_path)


@pytest.mark.parametrize(
    ("manifest", "said"),
    [
        ("no JSON", "is none"),
        ("[]", "is none"),
        ('{"files": {"../x": {"bytes": 1, "sha256": ""}}}', "outside of the bundle"),
        ('{"files": {"/x": {"bytes": 1, "sha256": ""}}}', "outside of the bundle"),
    ],
)
def test_a_manifest_that_is_none_is_refused(
    aws_standin: AwsStandIn, s3: Watched, bucket: str, tmp_path: Path, manifest: str, said: str
) -> None:
    aws_standin.client("s3").put_object(Bucket=bucket, Key="bundles/test-bundle/manifest.json", Body=manifest.encode())
    with pytest.raises(NotReady, match=said):
        fetch(s3, bucket, tmp_path)


def test_an_empty_file_is_a_file_too(s3: Watched, bucket: str, tmp_path: Path) -> None:
    empty = {"bytes": 0, "sha256": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"}
    bundle._fetch_file(s3, bucket, "bundles/test-bundle/empty", tmp_path / "empty", empty)
    assert (tmp_path / "empty").stat().st_size == 0
    assert s3.asked == {}
