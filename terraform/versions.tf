# ── What this needs ──────────────────────────────────────────────────────────────────────────────────────────────────

terraform {
  # 1.11 is the first that keeps write-only arguments (`secret_string_wo`) out of the state.
  required_version = ">= 1.11, < 2.0"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 5.100"
    }
  }
}

# ── The account and the region ───────────────────────────────────────────────────────────────────────────────────────

provider "aws" {
  region = var.region

  default_tags {
    tags = merge(var.tags, { "gas:name-prefix" = var.name_prefix, "gas:managed-by" = "terraform" })
  }
}

data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

data "aws_availability_zones" "usable" {
  state = "available"

  # Local zones have neither NAT gateways nor load balancers of the kind used here.
  filter {
    name   = "opt-in-status"
    values = ["opt-in-not-required"]
  }

  lifecycle {
    postcondition {
      condition     = length(self.names) >= var.zone_count
      error_message = "${var.region} has ${length(self.names)} availability zones that this account can use, fewer than zone_count (${var.zone_count})."
    }
  }
}
