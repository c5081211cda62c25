# The image of every host, in two layers: `base` is Debian 13 with what a host needs of it, baked when that changes;
# `application` is the wheel on top, baked for each release, in a minute or two. docs/images.md says how.
#
# This file is read by Packer 1.6.6 too, which is what Debian has: `make image-test` validates it without AWS. What only
# a newer Packer knows is in plugins.pkr.hcl.

variable "region" {
  type    = string
  default = "us-east-1"
}

variable "version" {
  type        = string
  description = "The release, as the tag gas:version."
}

variable "files" {
  type        = string
  description = "What `make image-files` has put together: the wheel, the requirements, setup.py, ami/."
}

variable "subnet_id" {
  type        = string
  default     = ""
  description = "Where the instance that becomes the image is started; the default VPC's where it is empty."
}

locals {
  stamp = formatdate("YYYYMMDD-hhmm", timestamp())
  # Debian's own account. https://wiki.debian.org/Cloud/AmazonEC2Image
  debian = "136693071363"
}

source "amazon-ebs" "layer" {
  region                      = var.region
  subnet_id                   = var.subnet_id
  associate_public_ip_address = true
  ssh_username                = "admin"
  # Nothing is asked of AWS from inside: the instance has no role, and so no credentials that could be stolen.
  temporary_key_pair_type = "ed25519"
  ebs_optimized           = true
  encrypt_boot            = true
  # The key that Packer came in with goes.
  ssh_clear_authorized_keys = true

  launch_block_device_mappings {
    device_name           = "/dev/xvda"
    volume_type           = "gp3"
    volume_size           = 8
    throughput            = 125
    iops                  = 3000
    delete_on_termination = true
  }
}

build {
  name = "base"

  source "amazon-ebs.layer" {
    name          = "arm64"
    instance_type = "t4g.small"
    ami_name      = "debian-for-gas-arm64-${local.stamp}"
    source_ami_filter {
      filters     = { name = "debian-13-arm64-*", virtualization-type = "hvm", root-device-type = "ebs" }
      owners      = [local.debian]
      most_recent = true
    }
  }

  source "amazon-ebs.layer" {
    name          = "amd64"
    instance_type = "t3a.small"
    ami_name      = "debian-for-gas-amd64-${local.stamp}"
    source_ami_filter {
      filters     = { name = "debian-13-amd64-*", virtualization-type = "hvm", root-device-type = "ebs" }
      owners      = [local.debian]
      most_recent = true
    }
  }

  provisioner "file" {
    source      = "${var.files}/"
    destination = "/tmp/gas"
  }

  provisioner "shell" {
    execute_command  = "sudo env {{ .Vars }} bash {{ .Path }}"
    environment_vars = ["GAS_SOURCE=/tmp/gas", "GAS_REGION=${var.region}"]
    scripts = [for script in [
      "provision/10-packages.sh",
      "provision/20-agents.sh",
      "provision/30-hardening.sh",
      "provision/90-clean.sh",
    ] : "${var.files}/ami/${script}"]
  }
}

build {
  name = "application"

  source "amazon-ebs.layer" {
    name          = "arm64"
    instance_type = "t4g.small"
    ami_name      = "gas-arm64-${var.version}-${local.stamp}"
    tags          = { "gas:version" = var.version }
    source_ami_filter {
      filters     = { name = "debian-for-gas-arm64-*" }
      owners      = ["self"]
      most_recent = true
    }
  }

  source "amazon-ebs.layer" {
    name          = "amd64"
    instance_type = "t3a.small"
    ami_name      = "gas-amd64-${var.version}-${local.stamp}"
    tags          = { "gas:version" = var.version }
    source_ami_filter {
      filters     = { name = "debian-for-gas-amd64-*" }
      owners      = ["self"]
      most_recent = true
    }
  }

  provisioner "file" {
    source      = "${var.files}/"
    destination = "/tmp/gas"
  }

  provisioner "shell" {
    execute_command  = "sudo env {{ .Vars }} bash {{ .Path }}"
    environment_vars = ["GAS_SOURCE=/tmp/gas"]
    scripts = [for script in [
      "provision/50-users.sh",
      "provision/60-application.sh",
      "provision/65-engine.sh",
      "provision/70-services.sh",
      "provision/80-manifest.sh",
      "provision/90-clean.sh",
      "verify/image.sh",
    ] : "${var.files}/ami/${script}"]
  }

  # Beside the image, too.
  provisioner "file" {
    direction   = "download"
    source      = "/usr/share/gas/manifest.json"
    destination = "${var.files}/manifest-${source.name}.json"
  }

  provisioner "file" {
    direction   = "download"
    source      = "/usr/share/gas/sbom.cdx.json"
    destination = "${var.files}/sbom-${source.name}.cdx.json"
  }
}
