"""What an EC2 instance does to become a host of GAS: its role, its settings, its reference bundle."""
