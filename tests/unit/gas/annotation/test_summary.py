"""Counts, and that parts add up in any order."""

import json
import random

from gas.annotation import frequencies
from gas.annotation.summary import Summary

RECORDS = [
    ("1", "A", ["G"], ["G|missense_variant&splice_region_variant|MODERATE|X", "G|intron_variant|MODIFIER|X"]),
    ("1", "c", ["t"], ["T|upstream_gene_variant|MODIFIER|X", "T|stop_gained|HIGH|Y"]),
    ("chr10", "A", ["C", "AT"], ["C|intron_variant|MODIFIER|X"]),
    ("chr2", "ATT", ["A", "GCC", "<DEL>"], []),
    ("2", "G", ["*", "."], []),
    ("2", "GA", ["TCC", "A]1:5]"], []),
    ("X", "A" * 100, ["A"], ["-|made_up_term|LOW|X"]),
    ("X", "N", ["A"], []),
]


def summed(records: list[tuple[str, str, list[str], list[str]]]) -> Summary:
    summary = Summary()
    for chrom, ref, alts, csq in records:
        summary.add_variant(chrom, ref, alts)
        summary.add_csq(csq)
    return summary


def test_counts() -> None:
    counts = summed(RECORDS).to_dict()
    assert counts["by_type"] == {
        "SNV": 4,
        "deletion": 2,
        "MNV": 1,
        "breakend": 1,
        "indel": 1,
        "insertion": 1,
        "no alternative allele": 1,
        "overlapping deletion (*)": 1,
        "symbolic allele": 1,
    }
    assert counts["by_consequence"] == {"intron_variant": 1, "made_up_term": 1, "missense_variant": 1, "stop_gained": 1}
    assert counts["by_impact"] == {"HIGH": 1, "LOW": 1, "MODERATE": 1, "MODIFIER": 1}
    assert counts["all_consequences"]["intron_variant"] == 2
    assert counts["all_consequences"]["splice_region_variant"] == 1
    assert list(counts["by_chromosome"]) == ["1", "2", "chr2", "chr10", "X"]
    assert counts["substitutions"] == {"A>C": 1, "A>G": 1, "C>T": 1, "N>A": 1}
    assert counts["ti_tv"] == 2.0
    assert counts["indel_lengths"] == {"-51 or more": 1, "-2": 1, "+1": 2}


def test_parts_add_up_in_any_order() -> None:
    whole = summed(RECORDS)
    for seed in range(5):
        shuffled = random.Random(seed).sample(RECORDS, len(RECORDS))
        parts = [summed(shuffled[:3]), summed(shuffled[3:])]
        total = Summary()
        for part in parts:
            total.add(part)
        assert total.to_json() == whole.to_json()


def test_nothing_counted_is_no_error() -> None:
    counts = json.loads(Summary().to_json())
    assert counts["ti_tv"] is None
    assert counts["by_type"] == {}


def test_what_overlays_know_is_shown_in_order() -> None:
    summary = summed(RECORDS)
    assert summary.to_dict()["clinvar_classes"] == summary.to_dict()["by_frequency"] == {}
    summary.clinvar_classes.update({"Benign": 1, "Pathogenic": 2})
    summary.by_frequency.update({"unknown": 9, "above 0.5": 3})
    counts = summary.to_dict()
    assert list(counts["clinvar_classes"].items()) == [("Pathogenic", 2), ("Benign", 1)]
    assert list(counts["by_frequency"]) == [*frequencies.BINS, "unknown"]
    assert (counts["by_frequency"]["up to 0.0001"], counts["by_frequency"]["above 0.5"]) == (0, 3)
