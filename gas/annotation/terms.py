"""Consequence terms of the Sequence Ontology in Ensembl's order of severity, with their impact.

A set of terms is an int with one bit a term: https://www.ensembl.org/info/genome/variation/prediction/predicted_data.html
"""

from functools import lru_cache

_TERMS = (
    ("transcript_ablation", "HIGH"),
    ("splice_acceptor_variant", "HIGH"),
    ("splice_donor_variant", "HIGH"),
    ("stop_gained", "HIGH"),
    ("frameshift_variant", "HIGH"),
    ("stop_lost", "HIGH"),
    ("start_lost", "HIGH"),
    ("transcript_amplification", "HIGH"),
    ("feature_elongation", "HIGH"),
    ("feature_truncation", "HIGH"),
    ("inframe_insertion", "MODERATE"),
    ("inframe_deletion", "MODERATE"),
    ("missense_variant", "MODERATE"),
    ("protein_altering_variant", "MODERATE"),
    ("splice_donor_5th_base_variant", "LOW"),
    ("splice_region_variant", "LOW"),
    ("splice_donor_region_variant", "LOW"),
    ("splice_polypyrimidine_tract_variant", "LOW"),
    ("incomplete_terminal_codon_variant", "LOW"),
    ("start_retained_variant", "LOW"),
    ("stop_retained_variant", "LOW"),
    ("synonymous_variant", "LOW"),
    ("coding_sequence_variant", "MODIFIER"),
    ("mature_miRNA_variant", "MODIFIER"),
    ("5_prime_UTR_variant", "MODIFIER"),
    ("3_prime_UTR_variant", "MODIFIER"),
    ("non_coding_transcript_exon_variant", "MODIFIER"),
    ("intron_variant", "MODIFIER"),
    ("NMD_transcript_variant", "MODIFIER"),
    ("non_coding_transcript_variant", "MODIFIER"),
    ("coding_transcript_variant", "MODIFIER"),
    ("upstream_gene_variant", "MODIFIER"),
    ("downstream_gene_variant", "MODIFIER"),
    ("intergenic_variant", "MODIFIER"),
)
NAMES = tuple(name for name, _ in _TERMS)
(
    TRANSCRIPT_ABLATION,
    SPLICE_ACCEPTOR,
    SPLICE_DONOR,
    STOP_GAINED,
    FRAMESHIFT,
    STOP_LOST,
    START_LOST,
    TRANSCRIPT_AMPLIFICATION,
    FEATURE_ELONGATION,
    FEATURE_TRUNCATION,
    INFRAME_INSERTION,
    INFRAME_DELETION,
    MISSENSE,
    PROTEIN_ALTERING,
    SPLICE_DONOR_5TH_BASE,
    SPLICE_REGION,
    SPLICE_DONOR_REGION,
    SPLICE_POLYPYRIMIDINE_TRACT,
    INCOMPLETE_TERMINAL_CODON,
    START_RETAINED,
    STOP_RETAINED,
    SYNONYMOUS,
    CODING_SEQUENCE,
    MATURE_MIRNA,
    UTR5,
    UTR3,
    NON_CODING_EXON,
    INTRON,
    NMD_TRANSCRIPT,
    NON_CODING_TRANSCRIPT,
    CODING_TRANSCRIPT,
    UPSTREAM,
    DOWNSTREAM,
    INTERGENIC,
) = (1 << rank for rank in range(len(_TERMS)))


@lru_cache(maxsize=4096)
def describe(terms: int) -> str:
    """CSQ's fields Consequence and IMPACT, joined by '|': the terms by severity and the most severe one's impact."""
    present = [term for rank, term in enumerate(_TERMS) if terms >> rank & 1]
    return "&".join([name for name, _ in present]) + "|" + present[0][1]
