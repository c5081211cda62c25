# Who may talk to whom. A host is reached by the load balancer (web only) and by ssh through the endpoint, by nobody
# else; hosts never talk to each other.

# ── Groups ───────────────────────────────────────────────────────────────────────────────────────────────────────────

resource "aws_security_group" "balancer" {
  name        = "${local.name}-balancer"
  description = "The load balancer"
  vpc_id      = aws_vpc.main.id
  tags        = { Name = "${local.name}-balancer" }
}

resource "aws_security_group" "host" {
  # checkov:skip=CKV2_AWS_5: The launch templates of modules/fleet have them.
  for_each    = toset(local.roles)
  name        = "${local.name}-${each.key}"
  description = "Hosts of the role ${each.key}"
  vpc_id      = aws_vpc.main.id
  tags        = { Name = "${local.name}-${each.key}" }
}

resource "aws_security_group" "ssh" {
  name        = "${local.name}-ssh"
  description = "The endpoint that operators reach hosts through"
  vpc_id      = aws_vpc.main.id
  tags        = { Name = "${local.name}-ssh" }
}

resource "aws_security_group" "endpoints" {
  name        = "${local.name}-endpoints"
  description = "Interface endpoints of AWS services"
  vpc_id      = aws_vpc.main.id
  tags        = { Name = "${local.name}-endpoints" }
}

# ── Users → load balancer → web ──────────────────────────────────────────────────────────────────────────────────────

resource "aws_vpc_security_group_ingress_rule" "balancer" {
  # checkov:skip=CKV_AWS_260: Port 80 only sends to 443.
  for_each          = { http = 80, https = 443 }
  security_group_id = aws_security_group.balancer.id
  description       = "${each.key} from anywhere${each.key == "http" ? ", to be sent to https" : ""}"
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "tcp"
  from_port         = each.value
  to_port           = each.value
}

resource "aws_vpc_security_group_egress_rule" "balancer" {
  security_group_id            = aws_security_group.balancer.id
  description                  = "To the web servers"
  referenced_security_group_id = aws_security_group.host["web"].id
  ip_protocol                  = "tcp"
  from_port                    = local.web_port
  to_port                      = local.web_port
}

resource "aws_vpc_security_group_ingress_rule" "web" {
  security_group_id            = aws_security_group.host["web"].id
  description                  = "From the load balancer"
  referenced_security_group_id = aws_security_group.balancer.id
  ip_protocol                  = "tcp"
  from_port                    = local.web_port
  to_port                      = local.web_port
}

# ── Operators → ssh endpoint → hosts ─────────────────────────────────────────────────────────────────────────────────

resource "aws_vpc_security_group_egress_rule" "ssh" {
  for_each                     = aws_security_group.host
  security_group_id            = aws_security_group.ssh.id
  description                  = "ssh to ${each.key} hosts"
  referenced_security_group_id = each.value.id
  ip_protocol                  = "tcp"
  from_port                    = 22
  to_port                      = 22
}

resource "aws_vpc_security_group_ingress_rule" "ssh" {
  # checkov:skip=CKV_AWS_24: Not from anywhere: from the endpoint's group only.
  for_each                     = aws_security_group.host
  security_group_id            = each.value.id
  description                  = "ssh from the endpoint for operators"
  referenced_security_group_id = aws_security_group.ssh.id
  ip_protocol                  = "tcp"
  from_port                    = 22
  to_port                      = 22
}

# ── Hosts → AWS, Globus, package mirrors ─────────────────────────────────────────────────────────────────────────────

locals {
  # With egress = "endpoints" annotators reach the gateways' and endpoints' addresses, and nothing else.
  confined = toset(var.egress == "endpoints" ? ["annotator"] : [])
}

resource "aws_vpc_security_group_egress_rule" "https" {
  for_each          = setsubtract(local.roles, local.confined)
  security_group_id = aws_security_group.host[each.key].id
  description       = "https to AWS, Globus and package mirrors"
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
}

resource "aws_vpc_security_group_egress_rule" "gateways" {
  for_each          = length(local.confined) > 0 ? aws_vpc_endpoint.gateway : {}
  security_group_id = aws_security_group.host["annotator"].id
  description       = "https to ${each.key}"
  prefix_list_id    = each.value.prefix_list_id
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
}

resource "aws_vpc_security_group_egress_rule" "endpoints" {
  for_each                     = local.confined
  security_group_id            = aws_security_group.host[each.key].id
  description                  = "https to interface endpoints"
  referenced_security_group_id = aws_security_group.endpoints.id
  ip_protocol                  = "tcp"
  from_port                    = 443
  to_port                      = 443
}

# Private DNS leads every host of the VPC to the endpoints, not only the annotators.
resource "aws_vpc_security_group_ingress_rule" "endpoints" {
  for_each                     = var.egress == "endpoints" ? aws_security_group.host : {}
  security_group_id            = aws_security_group.endpoints.id
  description                  = "https from ${each.key} hosts"
  referenced_security_group_id = each.value.id
  ip_protocol                  = "tcp"
  from_port                    = 443
  to_port                      = 443
}
