# ── Zones and subnets ────────────────────────────────────────────────────────────────────────────────────────────────

resource "aws_vpc" "main" {
  cidr_block           = var.vpc_cidr
  enable_dns_hostnames = true
  enable_dns_support   = true
  tags                 = { Name = local.name }
}

# What nobody chose must allow nothing.
resource "aws_default_security_group" "none" {
  vpc_id = aws_vpc.main.id
  tags   = { Name = "${local.name}-unused" }
}

locals {
  # Sixteenths of the range: the first three public, the fifth to seventh private.
  zone_numbers = { for number, zone in local.zones : zone => number }

  # Which roles have a public address instead of a way out through NAT (variable egress).
  public_address = { for role in local.roles : role => var.egress == "public" || (var.egress == "endpoints" && role != "annotator") }
  host_subnets = { for role in local.roles : role =>
    [for subnet in(local.public_address[role] ? aws_subnet.public : aws_subnet.private) : subnet.id]
  }
}

resource "aws_subnet" "public" {
  for_each          = local.zone_numbers
  vpc_id            = aws_vpc.main.id
  availability_zone = each.key
  cidr_block        = cidrsubnet(var.vpc_cidr, 4, each.value)
  tags              = { Name = "${local.name}-public-${each.key}" }
}

resource "aws_subnet" "private" {
  for_each          = local.zone_numbers
  vpc_id            = aws_vpc.main.id
  availability_zone = each.key
  cidr_block        = cidrsubnet(var.vpc_cidr, 4, each.value + 4)
  tags              = { Name = "${local.name}-private-${each.key}" }
}

# ── The way out ──────────────────────────────────────────────────────────────────────────────────────────────────────

locals {
  nat_zones = { nat = slice(local.zones, 0, 1), nat-per-zone = local.zones }
  # Zone of a private subnet → zone of its NAT gateway; empty without any.
  nat_of = { for zone in local.zones : zone => var.egress == "nat-per-zone" ? zone : local.zones[0] if contains(keys(local.nat_zones), var.egress) }
}

resource "aws_internet_gateway" "main" {
  vpc_id = aws_vpc.main.id
  tags   = { Name = local.name }
}

resource "aws_eip" "nat" {
  for_each = toset(lookup(local.nat_zones, var.egress, []))
  domain   = "vpc"
  tags     = { Name = "${local.name}-nat-${each.key}" }
}

resource "aws_nat_gateway" "main" {
  for_each      = aws_eip.nat
  allocation_id = each.value.id
  subnet_id     = aws_subnet.public[each.key].id
  tags          = { Name = "${local.name}-${each.key}" }
  depends_on    = [aws_internet_gateway.main]
}

resource "aws_route_table" "public" {
  vpc_id = aws_vpc.main.id
  tags   = { Name = "${local.name}-public" }
}

resource "aws_route_table" "private" {
  for_each = local.zone_numbers
  vpc_id   = aws_vpc.main.id
  tags     = { Name = "${local.name}-private-${each.key}" }
}

resource "aws_route" "out" {
  for_each               = merge({ public = null }, local.nat_of)
  route_table_id         = each.value == null ? aws_route_table.public.id : aws_route_table.private[each.key].id
  destination_cidr_block = "0.0.0.0/0"
  gateway_id             = each.value == null ? aws_internet_gateway.main.id : null
  nat_gateway_id         = each.value == null ? null : aws_nat_gateway.main[each.value].id
}

resource "aws_route_table_association" "public" {
  for_each       = aws_subnet.public
  subnet_id      = each.value.id
  route_table_id = aws_route_table.public.id
}

resource "aws_route_table_association" "private" {
  for_each       = aws_subnet.private
  subnet_id      = each.value.id
  route_table_id = aws_route_table.private[each.key].id
}

# ── AWS from inside ──────────────────────────────────────────────────────────────────────────────────────────────────

# Free, and nearly all bytes go this way.
resource "aws_vpc_endpoint" "gateway" {
  for_each          = toset(["s3", "dynamodb"])
  vpc_id            = aws_vpc.main.id
  service_name      = "com.amazonaws.${var.region}.${each.key}"
  vpc_endpoint_type = "Gateway"
  route_table_ids   = concat([aws_route_table.public.id], [for table in aws_route_table.private : table.id])
  tags              = { Name = "${local.name}-${each.key}" }
}

# All that an annotator calls, and what a shell through Session Manager needs.
resource "aws_vpc_endpoint" "interface" {
  for_each            = toset(var.egress == "endpoints" ? ["autoscaling", "ec2messages", "kms", "logs", "monitoring", "sns", "sqs", "ssm", "ssmmessages"] : [])
  vpc_id              = aws_vpc.main.id
  service_name        = "com.amazonaws.${var.region}.${each.key}"
  vpc_endpoint_type   = "Interface"
  subnet_ids          = [for subnet in aws_subnet.private : subnet.id]
  security_group_ids  = [aws_security_group.endpoints.id]
  private_dns_enabled = true
  tags                = { Name = "${local.name}-${each.key}" }
}

# ── The way in for operators ─────────────────────────────────────────────────────────────────────────────────────────

# `aws ec2-instance-connect ssh` and plain ssh come through here; IAM decides for whom. Free. No port is open outside.
resource "aws_ec2_instance_connect_endpoint" "ssh" {
  subnet_id          = values(aws_subnet.private)[0].id
  security_group_ids = [aws_security_group.ssh.id]
  preserve_client_ip = false
  tags               = { Name = "${local.name}-ssh" }
}

# ── What was refused ─────────────────────────────────────────────────────────────────────────────────────────────────

# Refused connections only: the accepted ones are S3's and the load balancer's, which have logs of their own.
resource "aws_flow_log" "refused" {
  vpc_id                   = aws_vpc.main.id
  traffic_type             = "REJECT"
  log_destination_type     = "s3"
  log_destination          = aws_s3_bucket.this["logs"].arn
  max_aggregation_interval = 60
  tags                     = { Name = "${local.name}-refused" }
  depends_on               = [aws_s3_bucket_policy.this]
}
