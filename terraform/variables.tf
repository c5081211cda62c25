# Prices are us-east-1's of 2026 on demand, in US dollars for a month of 730 hours, without data transfer.

# ── What it is called and where it is ────────────────────────────────────────────────────────────────────────────────

variable "region" {
  type        = string
  description = "AWS region of everything, such as eu-central-1."

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.region))
    error_message = "region must be the code of an AWS region, such as us-east-1 or eu-central-1; it is \"${var.region}\"."
  }
}

variable "name_prefix" {
  type        = string
  default     = "gas"
  description = "First part of every name. Two deployments in one account need two."

  validation {
    # The longest name is that of a bucket: PREFIX-reference-ACCOUNT, 63 characters at most; a load balancer has 32.
    condition     = can(regex("^[a-z][a-z0-9-]{1,18}[a-z0-9]$", var.name_prefix)) && !strcontains(var.name_prefix, "--")
    error_message = "name_prefix must be 3 to 20 lower-case letters, digits and single hyphens, and begin with a letter; it is \"${var.name_prefix}\"."
  }
}

variable "tags" {
  type        = map(string)
  default     = {}
  description = "Tags of everything, for instance for your cost report."

  validation {
    condition     = alltrue([for key in keys(var.tags) : !startswith(key, "gas:") && !startswith(key, "aws:")])
    error_message = "tags must not begin with \"gas:\" or \"aws:\"; GAS and AWS set those themselves."
  }
  validation {
    # Hosts read their tags through the metadata service, which bars other characters.
    # https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/work-with-tags-in-IMDS.html
    condition     = alltrue([for key in keys(var.tags) : can(regex("^[A-Za-z0-9+=.,_:@-]+$", key))])
    error_message = "tags may be named with letters, digits and + - = . , _ : @ only, because hosts read them through the metadata service: no spaces and no slashes."
  }
}

variable "deletion_protection" {
  type        = bool
  default     = true
  description = "Refuse to delete tables and the load balancer, and keep deleted secrets for a week. Set it to false, apply, and only then destroy."
}

variable "force_destroy" {
  type        = bool
  default     = false
  description = "Let `terraform destroy` delete buckets with everything in them. Never needed in daily life."
}

# ── The site ─────────────────────────────────────────────────────────────────────────────────────────────────────────

variable "domain_name" {
  type        = string
  description = "Host name of the site, such as gas.example.org."

  validation {
    condition     = can(regex("^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\\.)+[a-z]{2,}$", var.domain_name))
    error_message = "domain_name must be a host name in lower case, without https:// or a path, such as gas.example.org; it is \"${var.domain_name}\"."
  }
}

variable "zone_id" {
  type        = string
  default     = null
  description = "Route 53 hosted zone that domain_name is in (`aws route53 list-hosted-zones`). Terraform then makes the certificate, the site's address and the records for mail. Null: your DNS is elsewhere; set certificate_arn, and enter the records of the output dns_records yourself."

  validation {
    condition     = var.zone_id == null || can(regex("^[A-Z0-9]{4,32}$", var.zone_id))
    error_message = "zone_id must be the id of a hosted zone, such as Z0123456789ABCDEFGHIJ; it is not the zone's name."
  }
}

variable "certificate_arn" {
  type        = string
  default     = null
  description = "ACM certificate for domain_name in the same region. Null: one is made and validated by DNS, which needs zone_id."

  validation {
    condition     = var.certificate_arn != null || var.zone_id != null
    error_message = "The site is served over HTTPS only and needs a certificate: set zone_id (Terraform then makes one and proves by DNS that the name is yours), or certificate_arn (one that ACM has issued for domain_name in this region)."
  }
  validation {
    condition     = var.certificate_arn == null || can(regex("^arn:[a-z-]+:acm:${var.region}:[0-9]{12}:certificate/.+$", var.certificate_arn))
    error_message = "certificate_arn must be the ARN of an ACM certificate in ${var.region}: a load balancer cannot use one of another region."
  }
}

variable "mail_from" {
  type        = string
  default     = null
  description = "Sender of mail, such as `GAS <no-reply@example.org>`; its domain becomes an SES identity. Null: no-reply@ at domain_name."

  validation {
    condition     = var.mail_from == null || can(regex("^([^<>@]+<[^<>@ ]+@[^<>@ ]+[.][^<>@ ]+>|[^<>@ ]+@[^<>@ ]+[.][^<>@ ]+)$", var.mail_from))
    error_message = "mail_from must be a mail address, alone or as in `GAS <no-reply@example.org>`."
  }
}

variable "rate_limit" {
  type        = number
  default     = 2000
  description = "Requests from one address in five minutes above which the firewall refuses it. Status pages poll, so a lecture hall behind one address needs room."

  validation {
    # https://docs.aws.amazon.com/waf/latest/developerguide/waf-rule-statement-type-rate-based-high-level-settings.html
    condition     = var.rate_limit >= 10 && var.rate_limit <= 2000000000
    error_message = "rate_limit must be from 10 to 2,000,000,000 requests in five minutes, the range of AWS WAF."
  }
}

# ── Network ──────────────────────────────────────────────────────────────────────────────────────────────────────────

variable "vpc_cidr" {
  type        = string
  default     = "10.40.0.0/16"
  description = "Address range of the VPC. Take another one only if you will peer it with a network that uses this."

  validation {
    condition     = can(cidrnetmask(var.vpc_cidr)) && try(tonumber(split("/", var.vpc_cidr)[1]), 0) >= 16 && try(tonumber(split("/", var.vpc_cidr)[1]), 32) <= 22
    error_message = "vpc_cidr must be an IPv4 range from /16 to /22, such as 10.40.0.0/16."
  }
}

variable "zone_count" {
  type        = number
  default     = 2
  description = "Availability zones to spread over, 2 or 3. A third makes Spot interruptions rarer and costs nothing by itself; it adds to what egress charges by zone."

  validation {
    condition     = contains([2, 3], var.zone_count)
    error_message = "zone_count must be 2 or 3: a load balancer needs two zones, and subnets are laid out for three; it is ${var.zone_count}."
  }
}

variable "egress" {
  type        = string
  default     = "nat"
  description = <<-TEXT
    How hosts reach what is outside the VPC (S3 and DynamoDB never count: their gateway endpoints are free, always there, and carry nearly all bytes):
    "nat" (default): private subnets and one NAT gateway. About $33 a month, $0.045 a GB. If its zone fails, hosts elsewhere work on but reach neither Globus nor AWS.
    "nat-per-zone": one in each zone; about $33 a zone.
    "endpoints": annotators, who read strangers' files, get no way to the internet at all but interface endpoints for the AWS services they call; about $7.30 for each service and zone ($131 with 2 zones). Web and utility hosts, which need Globus and SES, are as with "public".
    "public": no NAT. Every host has a public address ($3.65 a host and month) in a public subnet; its security group still lets nobody in but the load balancer. The cheapest.
  TEXT

  validation {
    condition     = contains(["nat", "nat-per-zone", "endpoints", "public"], var.egress)
    error_message = "egress must be \"nat\", \"nat-per-zone\", \"endpoints\" or \"public\"; it is \"${var.egress}\"."
  }
}

# ── Hosts: all roles ─────────────────────────────────────────────────────────────────────────────────────────────────

variable "ami_id" {
  type        = string
  default     = null
  description = "Image that `make image` baked. Null: the newest image of this account named gas-*. Name one in production, so that a release is a change you can see and take back."

  validation {
    condition     = var.ami_id == null || can(regex("^ami-[0-9a-f]{8,17}$", var.ami_id))
    error_message = "ami_id must look like ami-0123456789abcdef0; it is \"${coalesce(var.ami_id, "null")}\"."
  }
}

variable "max_instance_lifetime_days" {
  type        = number
  default     = 30
  description = "Hosts older than this are replaced, so that none drifts."

  validation {
    # https://docs.aws.amazon.com/autoscaling/ec2/userguide/asg-max-instance-lifetime.html
    condition     = var.max_instance_lifetime_days >= 1 && var.max_instance_lifetime_days <= 365
    error_message = "max_instance_lifetime_days must be from 1 to 365, the range of EC2 Auto Scaling."
  }
}

variable "settings" {
  type        = map(string)
  default     = {}
  description = "Further settings of docs/settings.md for all hosts, such as { GAS_LOG_LEVEL = \"DEBUG\" }. They win over what Terraform works out."

  validation {
    condition     = alltrue([for name in keys(var.settings) : can(regex("^GAS_[A-Z0-9_]+$", name))])
    error_message = "settings may only hold GAS_* names (docs/settings.md lists them)."
  }
  validation {
    condition     = alltrue([for name, value in var.settings : length(value) > 0])
    error_message = "settings must not be empty: Parameter Store cannot keep an empty value. Leave the setting out instead."
  }
}

# ── Hosts: web ───────────────────────────────────────────────────────────────────────────────────────────────────────

variable "web_instance_type" {
  type        = string
  default     = "t4g.small"
  description = "Instance type of web hosts, of the image's architecture. A t4g.small is $12.26 a month."
}

variable "web_min" {
  type        = number
  default     = 2
  description = "Web hosts that always run. 2 survive the loss of a zone; 1 is cheaper and is replaced in about three minutes."

  validation {
    condition     = var.web_min >= 1 && floor(var.web_min) == var.web_min
    error_message = "web_min must be a whole number, 1 or more: without a web host there is no site."
  }
}

variable "web_max" {
  type        = number
  default     = 6
  description = "Web hosts at most."

  validation {
    condition     = var.web_max >= var.web_min
    error_message = "web_max (${var.web_max}) must not be below web_min (${var.web_min})."
  }
}

variable "web_requests_per_target" {
  type        = number
  default     = 3000
  description = "Requests a minute and web host that scaling aims at."

  validation {
    condition     = var.web_requests_per_target > 0
    error_message = "web_requests_per_target must be above 0."
  }
}

# ── Hosts: annotators ────────────────────────────────────────────────────────────────────────────────────────────────

variable "annotator_instance_types" {
  type        = list(string)
  default     = ["c7g.xlarge", "c6g.xlarge", "m7g.xlarge", "m6g.xlarge"]
  description = "Instance types of annotators, all of the image's architecture and of about the same size. The more there are, the rarer are Spot interruptions."

  validation {
    condition     = length(var.annotator_instance_types) >= 1 && length(distinct(var.annotator_instance_types)) == length(var.annotator_instance_types)
    error_message = "annotator_instance_types must name at least one instance type, and none twice."
  }
}

variable "annotator_min" {
  type        = number
  default     = 0
  description = "Annotators that always run. 0: none runs while nothing is queued, and the first job of a quiet time waits about three minutes for its host."

  validation {
    condition     = var.annotator_min >= 0 && floor(var.annotator_min) == var.annotator_min
    error_message = "annotator_min must be a whole number, 0 or more."
  }
}

variable "annotator_max" {
  type        = number
  default     = 10
  description = "Annotators at most: the bound on what a busy hour costs."

  validation {
    condition     = var.annotator_max >= max(var.annotator_min, 1)
    error_message = "annotator_max (${var.annotator_max}) must be at least 1 and not below annotator_min (${var.annotator_min})."
  }
}

variable "annotator_on_demand_base" {
  type        = number
  default     = 0
  description = "The first so many annotators are on demand, the others Spot at about a third of the price. Jobs outlive interruptions; on demand only makes them rarer."

  validation {
    condition     = var.annotator_on_demand_base >= 0 && var.annotator_on_demand_base <= var.annotator_max
    error_message = "annotator_on_demand_base must be from 0 to annotator_max (${var.annotator_max})."
  }
}

variable "annotator_backlog_per_instance" {
  type        = number
  default     = 16
  description = "Waiting jobs for each annotator that scaling aims at: the time a job may wait, divided by the time one takes, times the jobs that a host does at once. docs/capacity.md shows what follows from it."

  validation {
    condition     = var.annotator_backlog_per_instance > 0
    error_message = "annotator_backlog_per_instance must be above 0."
  }
}

variable "annotator_warmup_seconds" {
  type        = number
  default     = 120
  description = "From launch to first job. Scaling does not count a younger host."

  validation {
    condition     = var.annotator_warmup_seconds >= 0 && var.annotator_warmup_seconds <= 3600
    error_message = "annotator_warmup_seconds must be from 0 to 3600."
  }
}

variable "annotator_volume_gb" {
  type        = number
  default     = 100
  description = "Disk of an annotator in GB, for the reference bundle and the files of the jobs in hand; $0.08 a GB and month while the host lives."

  validation {
    condition     = var.annotator_volume_gb >= 20 && var.annotator_volume_gb <= 16384
    error_message = "annotator_volume_gb must be from 20 to 16384."
  }
}

# ── Hosts: utility ───────────────────────────────────────────────────────────────────────────────────────────────────

variable "utility_instance_type" {
  type        = string
  default     = "t4g.small"
  description = "Instance type of the one host that runs notifier, caller, archiver, restorer, thawer and sweeper. A t4g.small is $12.26 a month."
}

# ── What users may do ────────────────────────────────────────────────────────────────────────────────────────────────

variable "bundle" {
  type        = string
  default     = "mitochondrion"
  description = "Reference bundle that jobs are annotated with: a folder under bundles/ of the bucket for reference data."

  validation {
    condition     = can(regex("^[A-Za-z0-9][A-Za-z0-9._-]*$", var.bundle))
    error_message = "bundle must be the name of a bundle's folder: letters, digits, dots, hyphens and underscores."
  }
}

variable "free_window_seconds" {
  type        = number
  default     = 300
  description = "How long a free user's result can be downloaded before it is archived."

  validation {
    condition     = var.free_window_seconds >= 0 && floor(var.free_window_seconds) == var.free_window_seconds
    error_message = "free_window_seconds must be a whole number of seconds, 0 or more."
  }
}

variable "archive_backend" {
  type        = string
  default     = "s3-glacier"
  description = "Where free users' results go: \"s3-glacier\" (objects of storage class GLACIER in the results bucket) or \"glacier-vault\". Vaults take no new customers since 15 December 2025: an account has them only if it already had one by then."

  validation {
    condition     = contains(["s3-glacier", "glacier-vault"], var.archive_backend)
    error_message = "archive_backend must be \"s3-glacier\" or \"glacier-vault\"; it is \"${var.archive_backend}\"."
  }
  validation {
    condition     = var.archive_backend != "glacier-vault" || var.account_has_vaults
    error_message = "AWS opens Glacier vaults to no new customers since 15 December 2025. To see whether this account may have one, run `aws glacier list-vaults --account-id -` in ${var.region}: if it lists a vault, set account_has_vaults = true; if it is empty or refused, an apply would fail when the vault is made, so take archive_backend = \"s3-glacier\", which does the same."
  }
}

variable "account_has_vaults" {
  type        = bool
  default     = false
  description = "You have looked, and this account already uses Glacier vaults (`aws glacier list-vaults --account-id -`). Asked for only with archive_backend = \"glacier-vault\"."
}

variable "retrieval_tier" {
  type        = string
  default     = "Expedited"
  description = "How fast archives come back: Expedited (1 to 5 minutes, $0.03 a GB and $10 for 1,000), Standard (3 to 5 hours, $0.01 a GB) or Bulk (5 to 12 hours, free)."

  validation {
    condition     = contains(["Expedited", "Standard", "Bulk"], var.retrieval_tier)
    error_message = "retrieval_tier must be Expedited, Standard or Bulk; it is \"${var.retrieval_tier}\"."
  }
}

variable "input_expiry_days" {
  type        = number
  default     = null
  description = "Uploads are deleted this many days after they came. A job can then no longer be retried. Null: they stay until their owner deletes the job."

  validation {
    condition     = var.input_expiry_days == null || try(var.input_expiry_days >= 15, false)
    error_message = "input_expiry_days must be null or at least 15: a message may wait in its queue for 14 days, and its job needs the upload."
  }
}

# ── Seeing ───────────────────────────────────────────────────────────────────────────────────────────────────────────

variable "log_retention_days" {
  type        = number
  default     = 90
  description = "How long logs are kept; $0.50 a GB to take in, $0.03 a GB and month to keep."

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.log_retention_days)
    error_message = "log_retention_days must be one of CloudWatch's: 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288 or 3653."
  }
}

variable "alarm_email" {
  type        = string
  default     = null
  description = "Who gets the alarms by mail, after confirming the first one. Null: subscribe to the topic of the output alarm_topic_arn yourself."

  validation {
    condition     = var.alarm_email == null || can(regex("^[^@ ]+@[^@ ]+[.][^@ ]+$", var.alarm_email))
    error_message = "alarm_email must be a mail address."
  }
}

variable "runbook_url" {
  type        = string
  default     = "docs/runbook.md"
  description = "Where your operators read docs/runbook.md, such as its page at your Git host: each alarm links to its section."
}
