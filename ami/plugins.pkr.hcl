# What Packer 1.6.6 does not know, and the check without AWS therefore does not see: plug-ins that are installed by
# `packer init`. Packer 1.7 and newer wants them; `packer build ami/` reads both files.
#
# `metadata_options` is not here: it belongs into the source, which one file must hold whole. Without it the instance
# that is baked on also answers metadata requests of version 1. It has no role, so there is nothing to be had; hosts get
# version 2 only, from their launch template.

packer {
  required_version = ">= 1.7.0"

  required_plugins {
    amazon = {
      source  = "github.com/hashicorp/amazon"
      version = "~> 1.3"
    }
  }
}
