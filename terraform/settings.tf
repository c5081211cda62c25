# ── The hosts' environment ───────────────────────────────────────────────────────────────────────────────────────────

# A host reads /PREFIX/env/common and /PREFIX/env/ROLE, one parameter a setting, and writes its environment file from
# them. docs/settings.md explains each. Nothing here is secret: what is, processes read from Secrets Manager themselves.

locals {
  common_settings = {
    AWS_DEFAULT_REGION = var.region
    GAS_REGION         = var.region
    GAS_ACCOUNT_ID     = local.account_id
    GAS_NAME_PREFIX    = local.name
    GAS_SITE_URL       = local.site_url
    GAS_INPUTS_BUCKET  = local.bucket_names.inputs
    GAS_RESULTS_BUCKET = local.bucket_names.results
    GAS_MAIL_FROM      = local.mail_from
    GAS_SECRETS_NAME   = local.secret_name

    # gas/host/bundle.py brings the reference bundle from there when a host boots.
    GAS_REFERENCE_BUCKET = local.bucket_names.reference

    # Where the image has its disk.
    GAS_BUNDLES_DIR = "/var/lib/gas/bundles"
    GAS_SCRATCH_DIR = "/var/lib/gas/scratch"

    GAS_BUNDLE          = var.bundle
    GAS_FREE_WINDOW     = tostring(var.free_window_seconds)
    GAS_ARCHIVE_BACKEND = var.archive_backend
    GAS_RETRIEVAL_TIER  = var.retrieval_tier
  }

  # The image knows which programs a role runs, and as many of them as there are cores.
  role_settings = {
    web = { GAS_WEB_HOST = "0.0.0.0", GAS_WEB_PORT = tostring(local.web_port) }
  }

  # Path → name → value.
  settings = merge(
    { common = merge(local.common_settings, var.settings) },
    { for role in local.roles : role => lookup(local.role_settings, role, {}) },
  )

  parameters = merge([for path, settings in local.settings : {
    for name, value in settings : "/${local.name}/env/${path}/${name}" => value
  }]...)
}

resource "aws_ssm_parameter" "setting" {
  # checkov:skip=CKV2_AWS_34: Nothing in it is secret.
  for_each = local.parameters
  name     = each.key
  type     = "String"
  value    = each.value
}
