import { bool, computed, list, optional, required, resource, string, type StateOf } from "./attribute";

export const romFileSchema = resource({
  typeName: "passthrough_rom_file",
  version: 0,
  description: "A ROM file in /usr/share/kvm of a Proxmox VE host.",
  attributes: {
    id: computed(string, "`host/name`."),
    host: required(string, "Name of the host in the provider's `hosts`."),
    name: required(string, "Name of the file, as a VM's `romfile` names it; ends in `.rom` or `.bin`."),
    source: required(string, "The file here, absolute or relative to the folder that Terraform runs in."),
    users: optional(
      list(string),
      "Ids of the VMs of this stack that name it; they are changed before it goes.",
    ),
    sha256: computed(string, "sha256 of the file on the host."),
    images: computed(
      list(string),
      "What the declared file holds, an image each: `vvvv:dddd BIOS`, `vvvv:dddd UEFI`.",
    ),
    created: computed(bool, "This resource put the file there, so its destroy removes it."),
    machine_id: computed(string, "The host's machine-id."),
    assumed: computed(bool, "The host was not reached; this is what the state remembers."),
  },
});

export type RomFileState = StateOf<typeof romFileSchema.attributes>;
