import copy

from gas.annotation.reference import Bundle
from gas.annotation.transcripts import overlapping


def test_those_that_touch_a_region_and_no_others(synthetic_bundle: Bundle) -> None:
    contig = next(iter(synthetic_bundle.contigs.values()))
    everything = overlapping(synthetic_bundle, contig, 1, contig.length)
    assert len(everything) > 10
    one = everything[3]
    for first, last in ((one.end, one.end), (one.start, one.start), (one.start - 5, one.end + 5)):
        found = [each.id for each in overlapping(synthetic_bundle, contig, first, last)]
        assert found == [each.id for each in everything if each.start <= last and each.end >= first]
        assert one.id in found
    assert one.id not in [each.id for each in overlapping(synthetic_bundle, contig, one.end + 1, contig.length)]
    assert one.id not in [each.id for each in overlapping(synthetic_bundle, contig, 1, one.start - 1)]


def test_a_contig_without_genes(synthetic_bundle: Bundle) -> None:
    manifest = copy.deepcopy(synthetic_bundle.manifest)
    name, contig = next(iter(synthetic_bundle.contigs.items()))
    manifest["models"]["contigs"][name]["transcripts"] = [0, 0]
    assert overlapping(Bundle(synthetic_bundle.path, manifest), contig, 1, contig.length) == []
