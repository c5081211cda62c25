from gas.job import ResultTier
from gas.users import Role
from tests.shelf import Shelf


def test_a_life(shelf: Shelf) -> None:
    user = shelf.user()
    job = shelf.completed(user, 3_000_000)
    archived = shelf.archive(job)
    assert archived.result_tier is ResultTier.ARCHIVED
    assert shelf.hot_bytes(archived) == {}
    assert shelf.at_rest(job)
    shelf.change_role(user, Role.PREMIUM)
    assert shelf.now(job).result_tier is ResultTier.RESTORING
    back = shelf.thaw(job)
    assert shelf.hot_bytes(back) == shelf.bodies[job.job_id]
    print(back)
    print(shelf.objects(job))
