# ── The image ────────────────────────────────────────────────────────────────────────────────────────────────────────

data "aws_ec2_instance_type" "host" {
  for_each      = toset(concat([var.web_instance_type, var.utility_instance_type], var.annotator_instance_types))
  instance_type = each.key
}

data "aws_ami" "host" {
  most_recent = true
  owners      = ["self"]

  filter {
    name   = var.ami_id == null ? "name" : "image-id"
    values = [coalesce(var.ami_id, "gas-*")]
  }

  dynamic "filter" {
    for_each = var.ami_id == null ? [data.aws_ec2_instance_type.host[var.web_instance_type].supported_architectures] : []

    content {
      name   = "architecture"
      values = filter.value
    }
  }

  lifecycle {
    postcondition {
      condition = alltrue([for type in data.aws_ec2_instance_type.host : contains(type.supported_architectures, self.architecture)])
      error_message = format("The image %s is for %s, but these instance types are not: %s. Bake the image for the other architecture, or choose other types.",
      self.id, self.architecture, join(", ", [for name, type in data.aws_ec2_instance_type.host : name if !contains(type.supported_architectures, self.architecture)]))
    }
  }
}

locals {
  image = {
    id               = data.aws_ami.host.id
    architecture     = data.aws_ami.host.architecture
    root_device_name = data.aws_ami.host.root_device_name
  }
  # What `gas ops hosts` shows as the release.
  release = lookup(data.aws_ami.host.tags, "gas:version", data.aws_ami.host.name)

  # A host finds its role and its settings by these.
  host_tags = { for role in local.roles : role => merge(var.tags, {
    Name              = "${local.name}-${role}"
    "gas:role"        = role
    "gas:name-prefix" = local.name
    "gas:version"     = local.release
  }) }
}

# ── Three groups ─────────────────────────────────────────────────────────────────────────────────────────────────────

module "web" {
  source = "./modules/fleet"

  name               = "${local.name}-web"
  tags               = local.host_tags.web
  image              = local.image
  instance_types     = [var.web_instance_type]
  capacity           = { min = var.web_min, max = var.web_max }
  subnet_ids         = local.host_subnets.web
  security_group_ids = [aws_security_group.host["web"].id]
  public_address     = local.public_address.web
  volume_gb          = 20
  policy_arns        = local.role_policy_arns.web
  target_group_arns  = [aws_lb_target_group.web.arn]
  start_seconds      = 300
  warmup_seconds     = 60
  drain_seconds      = 120
  max_lifetime_days  = var.max_instance_lifetime_days
  rollback_alarms    = local.rollback_alarms.web
  log_group_name     = local.log_group_names.web
  log_retention_days = var.log_retention_days
  kms_key_arn        = aws_kms_key.main.arn

  depends_on = [aws_ssm_parameter.setting, aws_route.out]
}

module "annotator" {
  source = "./modules/fleet"

  name               = "${local.name}-annotator"
  tags               = local.host_tags.annotator
  image              = local.image
  instance_types     = var.annotator_instance_types
  spot               = { on_demand_base = var.annotator_on_demand_base }
  capacity           = { min = var.annotator_min, max = var.annotator_max }
  subnet_ids         = local.host_subnets.annotator
  security_group_ids = [aws_security_group.host["annotator"].id]
  public_address     = local.public_address.annotator
  volume_gb          = var.annotator_volume_gb
  policy_arns        = local.role_policy_arns.annotator
  # The first host of a big reference bundle has tens of gigabytes to fetch.
  start_seconds      = 1800
  warmup_seconds     = var.annotator_warmup_seconds
  drain_seconds      = 900
  max_lifetime_days  = var.max_instance_lifetime_days
  rollback_alarms    = local.rollback_alarms.annotator
  log_group_name     = local.log_group_names.annotator
  log_retention_days = var.log_retention_days
  kms_key_arn        = aws_kms_key.main.arn

  depends_on = [aws_ssm_parameter.setting, aws_route.out]
}

module "utility" {
  source = "./modules/fleet"

  name           = "${local.name}-utility"
  tags           = local.host_tags.utility
  image          = local.image
  instance_types = [var.utility_instance_type]
  # Always one; the second is room for its successor.
  capacity           = { min = 1, max = 2 }
  subnet_ids         = local.host_subnets.utility
  security_group_ids = [aws_security_group.host["utility"].id]
  public_address     = local.public_address.utility
  volume_gb          = 20
  policy_arns        = local.role_policy_arns.utility
  start_seconds      = 300
  warmup_seconds     = 60
  drain_seconds      = 300
  max_lifetime_days  = var.max_instance_lifetime_days
  rollback_alarms    = local.rollback_alarms.utility
  log_group_name     = local.log_group_names.utility
  log_retention_days = var.log_retention_days
  kms_key_arn        = aws_kms_key.main.arn

  depends_on = [aws_ssm_parameter.setting, aws_route.out]
}
