# A deployment whose life fits into minutes: the demo's short times (scripts/demo_life.py), and nothing that protects
# it from being destroyed.
region              = "us-east-1"
domain_name         = "gas.example.org"
alarm_email         = "operator@example.org"
deletion_protection = false
force_destroy       = true
archive_backend     = "glacier-vault"
account_has_vaults  = true
free_window_seconds = 8

settings = {
  GAS_OUTBOX_SECONDS = "5"
  GAS_SWEEP_SECONDS  = "1"
  GAS_POLL_SECONDS   = "2"
  GAS_GRACE_SECONDS  = "10"
}
