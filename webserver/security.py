"""What protects the pages: response headers, the origin rule for POST, cookies, redirects within the site."""

import ipaddress
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

# Two years, what browsers' preload lists ask for. https://hstspreload.org/
HSTS = "max-age=63072000"

# How much of an address is kept: no more than tells one institution from another.
NETWORK_BITS = {4: 24, 6: 48}

FIXED_HEADERS = (
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "same-origin"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
    # For browsers that do not know frame-ancestors.
    ("X-Frame-Options", "DENY"),
)


@dataclass(frozen=True)
class Cookies:
    """The names of the site's cookies and the flags that they are set with."""

    session: str
    sign_in: str
    shared: str
    secure: bool


@dataclass(frozen=True)
class Allowance:
    """What one page may do that others may not: read from these origins, and use style elements of these digests."""

    origins: tuple[str, ...] = ()
    styles: tuple[str, ...] = ()


NOTHING_MORE = Allowance()


@dataclass(frozen=True)
class Policy:
    """Who the site is and which other origins its pages may send uploads to."""

    site_origin: str
    upload_origins: tuple[str, ...]

    def content_security_policy(self, nonce: str, more: Allowance = NOTHING_MORE) -> str:
        """The CSP header's value: only what is named is allowed, and no inline code without this response's nonce."""
        uploads = " ".join(("'self'", *self.upload_origins))
        styles = "".join(f" '{digest}'" for digest in more.styles)
        return "; ".join(
            (
                "default-src 'none'",
                f"script-src 'self' 'nonce-{nonce}'",
                f"style-src 'self' 'nonce-{nonce}'{styles}",
                # Bootstrap's stylesheet draws its check marks and arrows with data: images.
                "img-src 'self' data:",
                "font-src 'self'",
                f"connect-src {' '.join((uploads, *more.origins))}",
                f"form-action {uploads}",
                "base-uri 'none'",
                "frame-ancestors 'none'",
            )
        )

    def headers(self, nonce: str, more: Allowance = NOTHING_MORE) -> list[tuple[str, str]]:
        """The headers that every response carries."""
        headers = [("Content-Security-Policy", self.content_security_policy(nonce, more)), *FIXED_HEADERS]
        if self.site_origin.startswith("https:"):
            headers.append(("Strict-Transport-Security", HSTS))
        return headers


def origin_of(url: str) -> str:
    """Scheme, host and port of a URL, as a browser writes them in `Origin`."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}".lower()


def cookies_for(site_url: str) -> Cookies:
    """Cookie names and flags for a site.

    `__Host-` binds a cookie to exactly this host over TLS; a link's cookie is for one path only, which `__Host-` does
    not allow. Not every browser takes a Secure cookie over plain
    http, so a developer's loopback address gets unprefixed names; plain http anywhere else is refused (ValueError).
    https://developer.mozilla.org/docs/Web/HTTP/Reference/Headers/Set-Cookie#cookie_prefixes
    """
    parts = urlsplit(site_url)
    if parts.scheme == "https":
        return Cookies("__Host-gas", "__Host-gas-sign-in", "__Secure-gas-shared", secure=True)
    if is_loopback(parts.hostname or ""):
        return Cookies("gas", "gas-sign-in", "gas-shared", secure=False)
    raise ValueError(
        f"GAS_SITE_URL is {site_url}: a site that others can reach must be https, or cookies could be read"
    )


def is_loopback(host: str) -> bool:
    """True for this machine's own addresses."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def network_of(forwarded: str, peer: str) -> str:
    """The network that a request came from, too large to be a person: "203.0.113.0/24"; empty where it is not known.

    `forwarded`: the header X-Forwarded-For, whose last address is the one that our load balancer saw; what stands
    before it, anybody may have written. `peer`: who is connected to us, where there is no balancer.
    https://docs.aws.amazon.com/elasticloadbalancing/latest/application/x-forwarded-headers.html
    """
    try:
        address = ipaddress.ip_address((forwarded.rsplit(",", 1)[-1] or peer).strip())
    except ValueError:
        return ""
    address = getattr(address, "ipv4_mapped", None) or address
    bits = NETWORK_BITS[address.version]
    return str(ipaddress.ip_network((address, bits), strict=False))


def foreign_request(headers: Mapping[str, str], site_origin: str) -> str | None:
    """Why a state-changing request is refused as another site's, or None when it is our own page's.

    Every browser sends `Origin` with a POST and, to a trustworthy address, `Sec-Fetch-Site`; neither can be forged
    by a page. A script without a browser must say `Origin` itself.
    https://words.filippo.io/csrf/
    """
    fetch_site = headers.get("Sec-Fetch-Site")
    if fetch_site is not None:
        return None if fetch_site == "same-origin" else f"Sec-Fetch-Site was {fetch_site}"
    origin = headers.get("Origin")
    if origin is None:
        return "neither Sec-Fetch-Site nor Origin was sent"
    return None if origin.lower() == site_origin else f"Origin was {origin}"


def inside(path: str | None, default: str = "/annotations") -> str:
    """`path` if it leads to a page of this site, else `default`.

    Browsers drop tabs and line ends from an address and read `\\` as `/`, so that `/\\evil.example` would leave.
    """
    if not path or not path.startswith("/") or path.startswith("//"):
        return default
    if any(character == "\\" or not character.isprintable() or character.isspace() for character in path):
        return default
    parts = urlsplit(path)
    return path if not parts.scheme and not parts.netloc else default


def merge_headers(given: Iterable[tuple[str, str]], ours: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """The response's own headers and ours, ours winning where both name the same."""
    ours = list(ours)
    names = {name.lower() for name, _ in ours}
    return [(name, value) for name, value in given if name.lower() not in names] + ours
