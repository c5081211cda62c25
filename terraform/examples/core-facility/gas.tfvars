# For hundreds of users and whole genomes all day: three zones, and nothing that one fault can stop. README.md beside
# this file has what it costs. Replace what is yours.

region      = "us-east-1"
domain_name = "gas.example.org"
zone_id     = "Z0123456789ABCDEFGHIJ"
alarm_email = "operators@example.org"
tags        = { cost-centre = "genomics" }

zone_count = 3
egress     = "nat-per-zone"

web_instance_type = "t4g.medium"
web_min           = 2
web_max           = 8
# Everybody of the institute comes from a few addresses.
rate_limit = 20000

# One annotator is always warm, so that nobody waits for a boot in working hours.
annotator_instance_types = ["c7g.4xlarge", "c6g.4xlarge", "m7g.4xlarge", "m6g.4xlarge"]
annotator_min            = 1
annotator_max            = 40
annotator_on_demand_base = 1
annotator_volume_gb      = 500
# Four times as many processors as the default's types have, so four times as many jobs may wait for each.
annotator_backlog_per_instance = 64

utility_instance_type = "t4g.medium"

bundle             = "human-GRCh38"
log_retention_days = 365
