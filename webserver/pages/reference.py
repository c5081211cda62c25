"""What the upload page's script must know to judge a file by its first bytes: the same tables that intake uses."""

import bottle

from gas.annotation import assemblies, formats
from webserver.bundles import local_bundle
from webserver.web import Route, Visit


def show(visit: Visit) -> bottle.HTTPResponse:
    """The bundle that files are annotated with, the assemblies that can be told apart, and what is no VCF.

    `contigs` and `assembly` are null where the bundle is not on this host: then nobody can say what fits.
    """
    settings = visit.services.settings
    bundle = local_bundle(settings.bundles_dir, settings.bundle)
    own = assemblies.named_assembly(bundle.assembly) if bundle else None
    return visit.json(
        {
            "bundle": settings.bundle,
            "assembly": bundle.assembly if bundle else None,
            "contigs": [
                {"name": contig.name, "length": contig.length, "synonyms": list(contig.synonyms)}
                for contig in bundle.contigs.values()
            ]
            if bundle
            else None,
            "assemblies": [
                {"name": name, "own": name == own, "called": list(assemblies.NAMES[name]), "lengths": lengths}
                for name, lengths in assemblies.lengths_of_all().items()
            ],
            "other_mitochondrion": assemblies.HG19_MITOCHONDRION,
            "foreign": [
                {"begins": magic.hex(), "what": what, "advice": advice} for magic, what, advice in formats.FOREIGN
            ],
        }
    )


ROUTES = (Route("GET", "/annotate/reference", show),)
