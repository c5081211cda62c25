# One role's hosts: where they come from, how many there are, and how they come and go. What makes their number change
# is outside (scaling.tf), and so is what they may do.

terraform {
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 5.100"
    }
  }
}

# ── The host ─────────────────────────────────────────────────────────────────────────────────────────────────────────

resource "aws_launch_template" "this" {
  name = var.name
  # As `gas ops release` writes it, so that a plan after one is quiet.
  description            = "GAS ${var.tags["gas:version"]}"
  image_id               = var.image.id
  instance_type          = var.instance_types[0]
  update_default_version = true
  ebs_optimized          = true

  # No user data: an instance knows its role from its tags, and reads its settings from Parameter Store.

  iam_instance_profile {
    arn = aws_iam_instance_profile.this.arn
  }

  metadata_options {
    http_endpoint               = "enabled"
    http_tokens                 = "required"
    http_put_response_hop_limit = 1
    instance_metadata_tags      = "enabled"
  }

  network_interfaces {
    associate_public_ip_address = var.public_address
    security_groups             = var.security_group_ids
    delete_on_termination       = true
  }

  block_device_mappings {
    device_name = var.image.root_device_name

    ebs {
      volume_type           = "gp3"
      volume_size           = var.volume_gb
      encrypted             = true
      delete_on_termination = true
    }
  }

  dynamic "tag_specifications" {
    for_each = ["instance", "volume", "network-interface"]

    content {
      resource_type = tag_specifications.value
      tags          = var.tags
    }
  }
}

# ── The group ────────────────────────────────────────────────────────────────────────────────────────────────────────

resource "aws_autoscaling_group" "this" {
  name                    = var.name
  min_size                = var.capacity.min
  max_size                = var.capacity.max
  vpc_zone_identifier     = var.subnet_ids
  target_group_arns       = var.target_group_arns
  health_check_type       = length(var.target_group_arns) > 0 ? "ELB" : "EC2"
  default_instance_warmup = var.warmup_seconds
  max_instance_lifetime   = var.max_lifetime_days * 86400
  termination_policies    = ["OldestLaunchTemplate", "OldestInstance"]
  capacity_rebalance      = var.spot != null
  enabled_metrics         = ["GroupDesiredCapacity", "GroupInServiceInstances", "GroupMaxSize", "GroupPendingInstances", "GroupTerminatingInstances"]
  # A fault of one host is no reason for an apply to fail; alarms watch the group.
  wait_for_capacity_timeout = "0"

  dynamic "launch_template" {
    for_each = var.spot == null ? [aws_launch_template.this] : []

    content {
      id      = launch_template.value.id
      version = launch_template.value.latest_version
    }
  }

  dynamic "mixed_instances_policy" {
    for_each = var.spot == null ? [] : [var.spot]

    content {
      instances_distribution {
        on_demand_base_capacity                  = mixed_instances_policy.value.on_demand_base
        on_demand_percentage_above_base_capacity = 0
        spot_allocation_strategy                 = "price-capacity-optimized"
      }

      launch_template {
        launch_template_specification {
          launch_template_id = aws_launch_template.this.id
          version            = aws_launch_template.this.latest_version
        }

        dynamic "override" {
          for_each = var.instance_types

          content {
            instance_type = override.value
          }
        }
      }
    }
  }

  # The new host is there before the old one goes.
  instance_maintenance_policy {
    min_healthy_percentage = 100
    max_healthy_percentage = 200
  }

  # A new version of the launch template replaces the hosts, and goes back by itself if an alarm rings.
  instance_refresh {
    strategy = "Rolling"

    preferences {
      min_healthy_percentage = 100
      max_healthy_percentage = 200
      auto_rollback          = true
      skip_matching          = true
      # Protected hosts have a job in hand: they drain like the others, and what they cannot finish goes back.
      scale_in_protected_instances = "Refresh"

      dynamic "alarm_specification" {
        for_each = length(var.rollback_alarms) > 0 ? [var.rollback_alarms] : []

        content {
          alarms = alarm_specification.value
        }
      }
    }
  }

  dynamic "tag" {
    for_each = var.tags

    content {
      key                 = tag.key
      value               = tag.value
      propagate_at_launch = false
    }
  }

  lifecycle {
    # Scaling decides it, between min and max.
    ignore_changes = [desired_capacity]
  }

  # The first hosts start at once, and may do nothing before.
  depends_on = [aws_iam_role_policy_attachment.this]
}

# In service only once a host says so; gone only once it has put down its work. agents/lifecycle.py knows both by name.
resource "aws_autoscaling_lifecycle_hook" "this" {
  for_each = {
    launch = { transition = "LAUNCHING", seconds = var.start_seconds, otherwise = "ABANDON" }
    drain  = { transition = "TERMINATING", seconds = var.drain_seconds, otherwise = "CONTINUE" }
  }
  name                   = "${var.name}-${each.key}"
  autoscaling_group_name = aws_autoscaling_group.this.name
  lifecycle_transition   = "autoscaling:EC2_INSTANCE_${each.value.transition}"
  heartbeat_timeout      = each.value.seconds
  default_result         = each.value.otherwise
}

# ── Who it is ────────────────────────────────────────────────────────────────────────────────────────────────────────

resource "aws_iam_role" "this" {
  name        = var.name
  description = "Hosts of ${var.name}"

  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "ec2.amazonaws.com" } }]
  })
}

resource "aws_iam_role_policy_attachment" "this" {
  for_each   = var.policy_arns
  role       = aws_iam_role.this.name
  policy_arn = each.value
}

resource "aws_iam_instance_profile" "this" {
  name = var.name
  role = aws_iam_role.this.name
}

# ── What it says ─────────────────────────────────────────────────────────────────────────────────────────────────────

resource "aws_cloudwatch_log_group" "this" {
  # checkov:skip=CKV_AWS_338: How long is a matter of cost and of data protection: log_retention_days.
  name              = var.log_group_name
  retention_in_days = var.log_retention_days
  kms_key_id        = var.kms_key_arn
}
