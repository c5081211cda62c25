locals {
  web_port = 8080
  # ami/supervisor/web.conf: stopwaitsecs, in which a stopping web server answers what it has begun.
  web_drain_seconds = 35
}

# ── Name and certificate ─────────────────────────────────────────────────────────────────────────────────────────────

data "aws_route53_zone" "site" {
  count   = var.zone_id == null ? 0 : 1
  zone_id = var.zone_id

  lifecycle {
    postcondition {
      condition     = endswith(".${var.domain_name}", ".${trimsuffix(self.name, ".")}")
      error_message = "domain_name (${var.domain_name}) is not in the zone that zone_id names (${self.name}). Name the zone that holds it."
    }
  }
}

resource "aws_acm_certificate" "site" {
  count             = var.certificate_arn == null ? 1 : 0
  domain_name       = var.domain_name
  validation_method = "DNS"

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_route53_record" "certificate" {
  count           = length(aws_acm_certificate.site)
  zone_id         = var.zone_id
  name            = one(aws_acm_certificate.site[0].domain_validation_options).resource_record_name
  type            = one(aws_acm_certificate.site[0].domain_validation_options).resource_record_type
  records         = [one(aws_acm_certificate.site[0].domain_validation_options).resource_record_value]
  ttl             = 300
  allow_overwrite = true
}

resource "aws_acm_certificate_validation" "site" {
  count                   = length(aws_acm_certificate.site)
  certificate_arn         = aws_acm_certificate.site[0].arn
  validation_record_fqdns = aws_route53_record.certificate[*].fqdn
}

resource "aws_route53_record" "site" {
  count   = var.zone_id == null ? 0 : 1
  zone_id = var.zone_id
  name    = var.domain_name
  type    = "A"

  alias {
    name                   = aws_lb.web.dns_name
    zone_id                = aws_lb.web.zone_id
    evaluate_target_health = true
  }
}

# ── Load balancer ────────────────────────────────────────────────────────────────────────────────────────────────────

resource "aws_lb" "web" {
  # checkov:skip=CKV2_AWS_76: AWSManagedRulesKnownBadInputsRuleSet is among the rules of firewall.tf; checkov does not look into dynamic blocks.
  name                       = "${local.name}-web"
  load_balancer_type         = "application"
  internal                   = false
  security_groups            = [aws_security_group.balancer.id]
  subnets                    = [for subnet in aws_subnet.public : subnet.id]
  drop_invalid_header_fields = true
  desync_mitigation_mode     = "strictest"
  enable_deletion_protection = var.deletion_protection

  access_logs {
    bucket  = aws_s3_bucket.this["logs"].id
    prefix  = "alb"
    enabled = true
  }

  depends_on = [aws_s3_bucket_policy.this]
}

resource "aws_lb_target_group" "web" {
  name                 = "${local.name}-web"
  port                 = local.web_port
  protocol             = "HTTP"
  vpc_id               = aws_vpc.main.id
  target_type          = "instance"
  deregistration_delay = local.web_drain_seconds

  # Whether the process answers. That a dependency fails (/readyz) is no reason to end healthy hosts.
  health_check {
    path                = "/healthz"
    matcher             = "200"
    interval            = 15
    timeout             = 5
    healthy_threshold   = 2
    unhealthy_threshold = 3
  }
}

# Plain HTTP does nothing but send to HTTPS.
resource "aws_lb_listener" "http" {
  load_balancer_arn = aws_lb.web.arn
  port              = 80
  protocol          = "HTTP"

  default_action {
    type = "redirect"

    redirect {
      port        = "443"
      protocol    = "HTTPS"
      status_code = "HTTP_301"
    }
  }
}

resource "aws_lb_listener" "https" {
  load_balancer_arn = aws_lb.web.arn
  port              = 443
  protocol          = "HTTPS"
  # TLS 1.3, and 1.2 with forward secrecy and AEAD ciphers only.
  # https://docs.aws.amazon.com/elasticloadbalancing/latest/application/describe-ssl-policies.html
  ssl_policy      = "ELBSecurityPolicy-TLS13-1-2-Res-2021-06"
  certificate_arn = var.certificate_arn != null ? var.certificate_arn : aws_acm_certificate_validation.site[0].certificate_arn

  default_action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.web.arn
  }
}
