"""Filters: what URLs say and what they mean."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gas.annotation import terms
from gas.explore import filters
from gas.explore.filters import CLINVAR, IMPACTS, KINDS, BadFilter, Filter, Genotype, Region

NUMBERS = st.floats(0, 1).map(lambda value: value + 0.0)
WORDS = st.text("ABCabc019-._", min_size=1, max_size=8)
REGIONS = st.builds(
    lambda contig, start, more: Region(contig, start, min(start + more, filters.LAST_POSITION)),
    WORDS,
    st.integers(1, 10**8),
    st.integers(0, 10**6),
)
FILTERS = st.builds(
    Filter,
    gene=st.lists(WORDS, max_size=3, unique=True).map(tuple),
    region=st.lists(REGIONS, max_size=3, unique=True).map(tuple),
    consequence=st.sets(st.sampled_from(terms.NAMES), max_size=3).map(
        lambda chosen: tuple(name for name in terms.NAMES if name in chosen)
    ),
    impact=st.sets(st.sampled_from(IMPACTS)).map(lambda chosen: tuple(name for name in IMPACTS if name in chosen)),
    clinvar=st.sets(st.sampled_from(list(CLINVAR))).map(
        lambda chosen: tuple(name for name in CLINVAR if name in chosen)
    ),
    max_af=st.none() | NUMBERS,
    min_qual=st.none() | st.floats(-1e9, 1e9).map(lambda value: value + 0.0),
    passed=st.booleans(),
    gt=st.lists(st.builds(Genotype, WORDS, st.sampled_from(KINDS)), max_size=3, unique=True).map(tuple),
    text=st.text(max_size=20).map(str.strip),
)


@given(FILTERS)
def test_a_filter_is_read_back_from_its_address(wanted: Filter) -> None:
    assert filters.parse(wanted.params()) == wanted


def test_what_people_type() -> None:
    read = filters.parse(
        [
            ("gene", " BRCA1, TP53;MT-ND1 "),
            ("region", "chr17:43,044,295-43,125,364, chrX 2:5"),
            ("impact", "HIGH"),
            ("impact", "LOW"),
            ("max_af", "1e-3"),
            ("min_af", ""),
            ("passed", "1"),
            ("gt", ""),
            ("gt", "NA:12:het"),
            ("sort", "POS"),
        ]
    )
    assert read == Filter(
        gene=("BRCA1", "TP53", "MT-ND1"),
        region=(Region("chr17", 43044295, 43125364), Region("chrX"), Region("2", 5, 5)),
        impact=("HIGH", "LOW"),
        max_af=0.001,
        passed=True,
        gt=(Genotype("NA:12", "het"),),
    )
    assert filters.parse([("min_af", "0")]).params() == [("min_af", "0")]


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("impact", "HUGE", "no impact 'HUGE'; there are: HIGH, MODERATE, LOW, MODIFIER"),
        ("consequence", "missense", "no consequence 'missense'; there are: the Sequence Ontology's terms"),
        ("clinvar", "bad", "no clinvar 'bad'"),
        ("region", "chr1:5-x", "'chr1:5-x' is no region: write chr1:1000-2000"),
        ("region", "chr1:9-2", "ends before it begins"),
        ("region", "chr1:0", "positions count from 1"),
        ("region", " ".join(f"c{n}" for n in range(201)), "At most 200 regions"),
        ("gene", " ".join(f"G{n}" for n in range(201)), "At most 200 values of `gene`"),
        ("max_af", "1 %", "'1 %' is no frequency: write a number from 0 to 1"),
        ("max_af", "nan", "no frequency"),
        ("min_af", "-0.1", "no frequency"),
        ("min_qual", "inf", "no quality"),
        ("passed", "yes", "`passed` is 1"),
        ("gt", "het", "'het' is no genotype: write SAMPLE:KIND"),
        ("gt", "NA1:half", "no genotype"),
        ("text", "x" * 101, "has 101 characters; at most 100"),
    ],
)
def test_a_filter_that_makes_no_sense_is_refused_in_one_sentence(name: str, value: str, says: str) -> None:
    with pytest.raises(BadFilter) as refused:
        filters.parse([(name, value)])
    assert list(refused.value.faults) == [name]
    assert says in refused.value.faults[name]


def test_every_fault_is_told_at_once() -> None:
    with pytest.raises(BadFilter) as refused:
        filters.parse([("max_af", "0.1"), ("min_af", "0.2"), ("impact", "HUGE")])
    assert set(refused.value.faults) == {"min_af", "impact"}
    assert "(0.2) is above the highest (0.1)" in str(refused.value)
