# ── What each process may do ─────────────────────────────────────────────────────────────────────────────────────────

module "permissions" {
  source = "./modules/permissions"

  name            = local.name
  partition       = local.partition
  region          = var.region
  account_id      = local.account_id
  dns_suffix      = local.dns_suffix
  topology        = local.topology
  bucket_names    = local.bucket_names
  secret_name     = local.secret_name
  mail_domain     = local.mail_domain
  mail_address    = local.mail_address
  archive_backend = var.archive_backend
  key_arn         = aws_kms_key.main.arn
  log_group_names = local.log_group_names
}

# Managed ones: together they would be longer than what fits into a role.
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
resource "aws_iam_policy" "process" {
  for_each    = module.permissions.processes
  name        = "${local.name}-${each.key}"
  description = "What the process ${each.key} of GAS calls"
  policy      = each.value
}

resource "aws_iam_policy" "host" {
  for_each    = module.permissions.hosts
  name        = "${local.name}-host-${each.key}"
  description = "What every ${each.key} host of GAS does by itself"
  policy      = each.value
}

locals {
  # A role has the policies of the processes that run on its hosts, and that of the host.
  role_policy_arns = { for role, processes in local.processes : role => merge(
    { for process in processes : process => aws_iam_policy.process[process].arn if process != "lifecycle" },
    { host = aws_iam_policy.host[role].arn },
  ) }
}
