"""The genes of the human mitochondrion as Ensembl-style GFF3.

Extents come from the reference package; names, strands and accessions are listed here and checked against them.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from gas.annotation.codons import VERTEBRATE_MITOCHONDRIAL, reverse_complement, translate

# Symbol, strand, biotype, Ensembl gene and transcript with versions, length, RefSeq protein (version 1), along the
# genome. Ensembl and GENCODE list them like this for GRCh37 and GRCh38; the proteins are those of NC_012920.1.
_GENES = """
MT-TF   + Mt_tRNA        ENSG00000210049.1 ENST00000387314.1   71 -
MT-RNR1 + Mt_rRNA        ENSG00000211459.2 ENST00000389680.2  954 -
MT-TV   + Mt_tRNA        ENSG00000210077.1 ENST00000387342.1   69 -
MT-RNR2 + Mt_rRNA        ENSG00000210082.2 ENST00000387347.2 1559 -
MT-TL1  + Mt_tRNA        ENSG00000209082.1 ENST00000386347.1   75 -
MT-ND1  + protein_coding ENSG00000198888.2 ENST00000361390.2  956 YP_003024026
MT-TI   + Mt_tRNA        ENSG00000210100.1 ENST00000387365.1   69 -
MT-TQ   - Mt_tRNA        ENSG00000210107.1 ENST00000387372.1   72 -
MT-TM   + Mt_tRNA        ENSG00000210112.1 ENST00000387377.1   68 -
MT-ND2  + protein_coding ENSG00000198763.3 ENST00000361453.3 1042 YP_003024027
MT-TW   + Mt_tRNA        ENSG00000210117.1 ENST00000387382.1   68 -
MT-TA   - Mt_tRNA        ENSG00000210127.1 ENST00000387392.1   69 -
MT-TN   - Mt_tRNA        ENSG00000210135.1 ENST00000387400.1   73 -
MT-TC   - Mt_tRNA        ENSG00000210140.1 ENST00000387405.1   66 -
MT-TY   - Mt_tRNA        ENSG00000210144.1 ENST00000387409.1   66 -
MT-CO1  + protein_coding ENSG00000198804.2 ENST00000361624.2 1542 YP_003024028
MT-TS1  - Mt_tRNA        ENSG00000210151.2 ENST00000387416.2   69 -
MT-TD   + Mt_tRNA        ENSG00000210154.1 ENST00000387419.1   68 -
MT-CO2  + protein_coding ENSG00000198712.1 ENST00000361739.1  684 YP_003024029
MT-TK   + Mt_tRNA        ENSG00000210156.1 ENST00000387421.1   70 -
MT-ATP8 + protein_coding ENSG00000228253.1 ENST00000361851.1  207 YP_003024030
MT-ATP6 + protein_coding ENSG00000198899.2 ENST00000361899.2  681 YP_003024031
MT-CO3  + protein_coding ENSG00000198938.2 ENST00000362079.2  784 YP_003024032
MT-TG   + Mt_tRNA        ENSG00000210164.1 ENST00000387429.1   68 -
MT-ND3  + protein_coding ENSG00000198840.2 ENST00000361227.2  346 YP_003024033
MT-TR   + Mt_tRNA        ENSG00000210174.1 ENST00000387439.1   65 -
MT-ND4L + protein_coding ENSG00000212907.2 ENST00000361335.1  297 YP_003024034
MT-ND4  + protein_coding ENSG00000198886.2 ENST00000361381.2 1378 YP_003024035
MT-TH   + Mt_tRNA        ENSG00000210176.1 ENST00000387441.1   69 -
MT-TS2  + Mt_tRNA        ENSG00000210184.1 ENST00000387449.1   59 -
MT-TL2  + Mt_tRNA        ENSG00000210191.1 ENST00000387456.1   71 -
MT-ND5  + protein_coding ENSG00000198786.2 ENST00000361567.2 1812 YP_003024036
MT-ND6  - protein_coding ENSG00000198695.2 ENST00000361681.2  525 YP_003024037
MT-TE   - Mt_tRNA        ENSG00000210194.1 ENST00000387459.1   69 -
MT-CYB  + protein_coding ENSG00000198727.2 ENST00000361789.2 1141 YP_003024038
MT-TT   + Mt_tRNA        ENSG00000210195.2 ENST00000387460.2   66 -
MT-TP   - Mt_tRNA        ENSG00000210196.2 ENST00000387461.2   68 -
"""

_FEATURES = {"protein_coding": ("gene", "mRNA"), "Mt_tRNA": ("ncRNA_gene", "tRNA"), "Mt_rRNA": ("ncRNA_gene", "rRNA")}


class WrongGenes(Exception):
    """The package's genes are not the ones listed here."""


@dataclass(frozen=True)
class Gene:
    """A gene with its one transcript of one exon; `start` and `end` 1-based, inclusive."""

    symbol: str
    start: int
    end: int
    strand: str
    biotype: str
    gene: str
    transcript: str
    protein: str


def read_genes(per_base: Iterable[str], sequence: str) -> list[Gene]:
    """The 37 genes in genome order from BED lines that name the genes (';' between several) and biotypes of a base.

    Raises WrongGenes when a gene, its length or biotype differs from what Ensembl has, or a coding sequence has a stop
    inside its frame.
    """
    extents: dict[tuple[str, str], list[int]] = {}
    for line in per_base:
        _, start, end, symbols, biotypes = line.rstrip("\n").replace('"', "").split("\t")[:5]
        for key in zip(symbols.split(";"), biotypes.split(";"), strict=True):
            extent = extents.setdefault(key, [int(start) + 1, 0])
            extent[1] = int(end)
    genes = []
    for row in _GENES.split("\n")[1:-1]:
        symbol, strand, biotype, gene_id, transcript, length, protein = row.split()
        start, end = extents.pop((symbol, biotype), (0, 0))
        if end - start + 1 != int(length):
            raise WrongGenes(f"{symbol} ({biotype}) should be {length} bases long but the package has {start}-{end}.")
        gene = Gene(symbol, start, end, strand, biotype, gene_id, transcript, protein)
        if biotype == "protein_coding" and "*" in _translation(gene, sequence)[:-1]:
            raise WrongGenes(f"{symbol} has a stop codon inside its frame.")
        genes.append(gene)
    if extents:
        raise WrongGenes(f"The package has genes that are not listed here: {sorted(extents)}.")
    return genes


def _translation(gene: Gene, sequence: str) -> str:
    coding = sequence[gene.start - 1 : gene.end]
    return translate(reverse_complement(coding) if gene.strand == "-" else coding, VERTEBRATE_MITOCHONDRIAL)


def gff3(genes: Iterable[Gene], contig: str, length: int) -> str:
    """The genes as Ensembl writes them: one transcript each, one exon, and a CDS that starts in phase 0.

    Seven coding sequences end in the T or TA of a stop codon that polyadenylation completes; like Ensembl's, their CDS
    ends with the genomic bases, so the last codon is incomplete.
    """
    lines = ["##gff-version 3", f"##sequence-region   {contig} 1 {length}"]
    for gene in genes:
        gene_type, transcript_type = _FEATURES[gene.biotype]
        gene_id, gene_version = gene.gene.split(".")
        transcript_id, transcript_version = gene.transcript.split(".")
        rows = [
            (
                gene_type,
                ".",
                f"ID=gene:{gene_id};Name={gene.symbol};biotype={gene.biotype};gene_id={gene_id};version={gene_version}",
            ),
            (
                transcript_type,
                ".",
                f"ID=transcript:{transcript_id};Parent=gene:{gene_id};Name={gene.symbol}-201;biotype={gene.biotype};"
                f"transcript_id={transcript_id};version={transcript_version};tag=basic,Ensembl_canonical",
            ),
            ("exon", ".", f"Parent=transcript:{transcript_id};rank=1"),
        ]
        if gene.biotype == "protein_coding":
            about = f"ID=CDS:{gene.protein};Parent=transcript:{transcript_id};protein_id={gene.protein};version=1"
            rows.append(("CDS", "0", about))
        lines.extend(
            f"{contig}\tensembl\t{type_}\t{gene.start}\t{gene.end}\t.\t{gene.strand}\t{phase}\t{attributes}"
            for type_, phase, attributes in rows
        )
        lines.append("###")
    return "\n".join(lines) + "\n"
