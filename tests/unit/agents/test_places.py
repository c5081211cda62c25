from dataclasses import replace

from agents import places
from gas.storage import result_key
from tests.deployment import Deployment, new_job

NAMES = ("annotated.vcf.gz", "annotated.vcf.gz.tbi")


def test_only_result_files_of_folders_that_are_not_in_use_are_deleted(place: Deployment) -> None:
    """The second attempt made the result; claims 1 to 3 have moved it, a fourth is under way."""
    bucket, new = place.settings.results_bucket, new_job()
    keys = {
        folder: [result_key(new.user_id, new.job_id, folder, name) for name in (*NAMES, "job.log")]
        for folder in ("2", "t1", "t2", "t3", "t4", "t11")
    }
    for key in (key for folder in keys.values() for key in folder):
        place.storage.s3.put_object(Bucket=bucket, Key=key, Body=b"x")

    def left() -> set[str]:
        listed = place.storage.s3.list_objects_v2(Bucket=bucket, Prefix=f"{new.user_id}/{new.job_id}/")
        return {entry["Key"] for entry in listed["Contents"]}

    job = replace(
        new,
        attempt=2,
        tier_attempt=3,
        s3_results_bucket=bucket,
        s3_key_result_file=keys["t3"][0],
        s3_key_index_file=keys["t3"][1],
    )
    assert (places.of_claim(job), places.in_use(job)) == ("t3", {"t3"})
    not_yet = {*keys["t4"], *keys["t11"]}
    for _ in range(2):
        places.clear(place.storage, job, spare={"2", "t3"})
        assert left() == {*keys["2"], *keys["t3"], *not_yet}
    places.clear(place.storage, job, spare=places.in_use(job))
    assert left() == {keys["2"][2], *keys["t3"], *not_yet}
    places.clear(place.storage, job, spare=set())
    assert left() == {keys["2"][2], *not_yet}
