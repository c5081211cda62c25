# ── What exists, and what it is called ───────────────────────────────────────────────────────────────────────────────

locals {
  # The processes read the same file to build the same names (gas/topology.py): `gas` and `notify` make `gas-notify`.
  topology = jsondecode(file("${path.module}/../gas/topology.json"))
  name     = var.name_prefix

  account_id = data.aws_caller_identity.current.account_id
  partition  = data.aws_partition.current.partition
  dns_suffix = data.aws_partition.current.dns_suffix
  zones      = slice(data.aws_availability_zones.usable.names, 0, var.zone_count)

  # Bucket names are shared by all accounts of the world, so the account is part of them.
  bucket_names = { for name in ["inputs", "results", "reference", "logs"] : name => "${local.name}-${name}-${local.account_id}" }

  mail_from    = coalesce(var.mail_from, "GAS <no-reply@${var.domain_name}>")
  mail_address = trimsuffix(reverse(split("<", local.mail_from))[0], ">")
  mail_domain  = split("@", local.mail_address)[1]

  secret_name = "${local.name}/web"
  site_url    = "https://${var.domain_name}"
  vault_name  = "${local.name}-${local.topology.vault}"
  uses_vault  = var.archive_backend == "glacier-vault"
}

# ── Who runs where ───────────────────────────────────────────────────────────────────────────────────────────────────

locals {
  # The agent that watches for the end of its host runs on all of them.
  processes = {
    web       = ["web", "lifecycle"]
    annotator = ["annotator", "lifecycle"]
    utility   = ["notifier", "caller", "archiver", "restorer", "thawer", "sweeper", "lifecycle"]
  }
  roles = keys(local.processes)

  log_group_names = { for role in local.roles : role => "/${local.name}/${role}" }
}
