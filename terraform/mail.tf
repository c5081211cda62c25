# ── The sender ───────────────────────────────────────────────────────────────────────────────────────────────────────

# An account begins in SES's sandbox, which sends to verified addresses only: docs/terraform.md says how to leave it.
resource "aws_sesv2_email_identity" "site" {
  email_identity = local.mail_domain
}

# Bounces come back to a domain of our own, so that SPF and DMARC align.
resource "aws_sesv2_email_identity_mail_from_attributes" "site" {
  email_identity         = aws_sesv2_email_identity.site.email_identity
  mail_from_domain       = local.bounce_domain
  behavior_on_mx_failure = "USE_DEFAULT_VALUE"
}

# ── Its records ──────────────────────────────────────────────────────────────────────────────────────────────────────

locals {
  bounce_domain = "bounce.${local.mail_domain}"
  # SES gives three. https://docs.aws.amazon.com/ses/latest/dg/send-email-authentication-dkim-easy.html
  dkim_tokens = [for number in range(3) : try(aws_sesv2_email_identity.site.dkim_signing_attributes[0].tokens[number], "pending-${number}")]

  mail_records = merge(
    { for number in range(3) : "dkim-${number}" => {
      name = "${local.dkim_tokens[number]}._domainkey.${local.mail_domain}", type = "CNAME", value = "${local.dkim_tokens[number]}.dkim.amazonses.com"
    } },
    {
      bounce = { name = local.bounce_domain, type = "MX", value = "10 feedback-smtp.${var.region}.amazonses.com" }
      spf    = { name = local.bounce_domain, type = "TXT", value = "v=spf1 include:amazonses.com ~all" }
    },
  )

  mail_is_in_zone = var.zone_id != null && endswith(".${local.mail_domain}", ".${try(trimsuffix(data.aws_route53_zone.site[0].name, "."), "")}")
}

resource "aws_route53_record" "mail" {
  for_each = { for name, record in local.mail_records : name => record if local.mail_is_in_zone }
  zone_id  = var.zone_id
  name     = each.value.name
  type     = each.value.type
  records  = [each.value.value]
  ttl      = 600
}
