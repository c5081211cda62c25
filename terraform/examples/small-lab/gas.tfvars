# About the cheapest deployment that works: README.md beside this file has what it costs. Replace what is yours.

region      = "us-east-1"
domain_name = "gas.example.org"
zone_id     = "Z0123456789ABCDEFGHIJ"
alarm_email = "you@example.org"

# No NAT gateway: hosts have public addresses, and security groups that let nobody in.
egress = "public"

# One web host; another replaces it in about three minutes if it dies.
web_min = 1
web_max = 2

# No annotator runs while nothing is queued.
annotator_min       = 0
annotator_max       = 4
annotator_volume_gb = 60

log_retention_days = 30
