"""Other sites' pages on a variant, by the assembly of the bundle that annotated it."""

import re
from dataclasses import dataclass
from urllib.parse import quote, urlencode


@dataclass(frozen=True)
class Link:
    """`site`: its name; `url`: the page."""

    site: str
    url: str


@dataclass(frozen=True)
class _Human:
    """How the sites name an assembly of the human genome."""

    ensembl: str
    ucsc: str
    clinvar: str
    gnomad: str


_GRCH38 = _Human("https://www.ensembl.org", "hg38", "chrpos38", "gnomad_r4")
_GRCH37 = _Human("https://grch37.ensembl.org", "hg19", "chrpos37", "gnomad_r2_1")
# rCRS is the mitochondrion of GRCh38.
_ASSEMBLIES = {"grch38": _GRCH38, "hg38": _GRCH38, "rcrs": _GRCH38, "grch37": _GRCH37, "hg19": _GRCH37}
_CHROMOSOME = re.compile(r"(?:chr)?([1-9]|1\d|2[0-2]|X|Y|MT|M)")
_BASES = re.compile(r"[ACGT]+")
# The browser shows so much on both sides.
_AROUND = 25


def links(assembly: str, contig: str, position: int, ref: str, alt: str, names: str = "") -> list[Link]:
    """Links for a variant of a human chromosome; none for what the sites do not know.

    `assembly` as the bundle names it, such as "GRCh38" or "GRCh38.p14"; `names` may hold an rs number.
    """
    human = _ASSEMBLIES.get(assembly.lower().partition(".")[0])
    chromosome = _CHROMOSOME.fullmatch(contig)
    if human is None or chromosome is None:
        return []
    name = "MT" if chromosome[1] in ("M", "MT") else chromosome[1]
    end = position + len(ref) - 1
    rs = re.search(r"\brs\d+\b", names)
    place = f"{name}:{max(position - _AROUND, 1)}-{end + _AROUND}"
    ensembl = f"Variation/Explore?v={rs[0]}" if rs else f"Location/View?r={quote(place, safe=':-')}"
    ucsc = f"chr{'M' if name == 'MT' else name}:{max(position - _AROUND, 1)}-{end + _AROUND}"
    term = rs[0] if rs else f"{name}[chr] AND {position}[{human.clinvar}]"
    found = [
        Link("Ensembl", f"{human.ensembl}/Homo_sapiens/{ensembl}"),
        Link("ClinVar", f"https://www.ncbi.nlm.nih.gov/clinvar/?{urlencode({'term': term})}"),
    ]
    if _BASES.fullmatch(ref) and _BASES.fullmatch(alt):
        own = f"{'M' if name == 'MT' else name}-{position}-{ref}-{alt}"
        # Mitochondrial variants are in gnomAD from version 3.1 on, which knows GRCh38 alone.
        dataset = _GRCH38.gnomad if name == "MT" else human.gnomad
        found.append(Link("gnomAD", f"https://gnomad.broadinstitute.org/variant/{own}?dataset={dataset}"))
    query = urlencode({"db": human.ucsc, "position": ucsc}, safe=":-")
    return [*found, Link("UCSC", f"https://genome.ucsc.edu/cgi-bin/hgTracks?{query}")]
