# One Proxmox VE host hands a GPU to one VM, in Terraform's own language. In this folder, first:
#   npx passthrough install-provider

terraform {
  required_version = ">= 1.5"
  required_providers {
    # No version: the provider is the one that install-provider put into terraform.d.
    passthrough = { source = "cdktf-passthrough.local/cdktf/passthrough" }
  }
}

variable "connection" {
  description = "How the host is reached over SSH; more attributes: see the provider block in the reference."
  type = object({
    host          = string
    port          = optional(number)
    user          = optional(string)
    identity_file = optional(string)
    host_key      = optional(string)
  })
  default = { host = "10.0.0.11", user = "root" }
}

locals {
  gpu = { address = "0000:01:00" } # every function of the slot: the GPU and its sound
}

provider "passthrough" {
  hosts = { pve1 = var.connection }
}

resource "passthrough_iommu_host" "pve1" {
  host              = "pve1"
  owner             = "examples/terraform/pve1"
  kernel_parameters = ["iommu=pt"]

  # What the bindings hold, as the host's boot must know it: binding/device.
  devices = { "gpu/card" = local.gpu }
}

# The reboot event. It is replaced when a reboot becomes due; that is a permission, not an order: the command decides on
# the host, and proves the result.
resource "terraform_data" "pve1_reboot" {
  triggers_replace = { generation = passthrough_iommu_host.pve1.reboot_generation }
  # Informs and triggers nothing.
  input = { reason = passthrough_iommu_host.pve1.reboot_reason }

  provisioner "local-exec" {
    command = "node '${path.module}/passthrough/passthrough.cjs' reboot"
    # What came from a host never becomes part of a command line, and no secret belongs here.
    environment = {
      PASSTHROUGH_HOST       = "pve1"
      PASSTHROUGH_CONNECTION = jsonencode(var.connection)
      PASSTHROUGH_DIGEST     = passthrough_iommu_host.pve1.declaration_digest
    }
  }
}

resource "passthrough_vfio_binding" "gpu" {
  host       = "pve1"
  name       = "gpu"
  devices    = { card = local.gpu }
  depends_on = [terraform_data.pve1_reboot]
}

resource "passthrough_vm" "workstation" {
  host       = "pve1"
  hypervisor = "proxmox"
  vm_id      = "100"
  machine    = "q35"
  pci = {
    hostpci0 = {
      device = passthrough_vfio_binding.gpu.addresses["card"]
      pcie   = true
      x_vga  = true
    }
  }
}
