import {
  bool,
  computed,
  list,
  map,
  mapOf,
  number,
  object,
  optional,
  required,
  resource,
  string,
  type StateOf,
} from "./attribute";
import { selectorAttributes } from "./selector";

/** A kind of device, or one function. */
export const pciRequestAttributes = {
  vendor: optional(string, "Vendor id, hex."),
  device: optional(string, "Device id, hex."),
  class: optional(string, "PCI class, hex."),
  short_address: optional(string, "`bb:dd.f`, instead of vendor, device and class."),
} as const;

/** What a passed-through NIC gets of a virtual network. */
export const pciNicAttributes = {
  network: required(string, "Name of the virtual network."),
  network_uname: optional(string, "Name of the user whose network it is."),
  mac: optional(string, "MAC address. Default: the network's next."),
  ip: optional(string, "IPv4 address. Default: the network's next."),
  ip6: optional(string, "IPv6 address. Default: the network's next."),
  vlan_id: optional(number, "VLAN that the guest tags. Default: the network's."),
} as const;

/** One PCI slot. */
export const pciSlotAttributes = {
  device: optional(
    string,
    "PCI address: `dddd:bb:dd` (all functions) or `dddd:bb:dd.f`; several functions joined by `;`.",
  ),
  select: optional(
    object(selectorAttributes),
    "What selects the device on the host of the VM, instead of `device`; looked up at every plan.",
  ),
  mapping: optional(string, "Name of a cluster resource mapping, instead of `device`."),
  request: optional(object(pciRequestAttributes), "Any device of a kind, which OpenNebula picks."),
  nic: optional(object(pciNicAttributes), "The device is a NIC that OpenNebula connects to a network."),
  profile: optional(string, "Profile of a virtual GPU, as OpenNebula lists it."),
  pcie: optional(bool, "Present it as a PCI Express device; needs machine q35. Default false."),
  rombar: optional(bool, "Show the option ROM to the guest. Default true."),
  romfile: optional(
    string,
    "ROM file: a name under /usr/share/kvm with Proxmox VE, an absolute path with libvirt.",
  ),
  x_vga: optional(bool, "Primary display of the guest. Default false."),
  mdev: optional(
    string,
    "Mediated device: the type to create with Proxmox VE, the UUID of one instead of `device` with libvirt.",
  ),
  legacy_igd: optional(bool, "Legacy mode for Intel graphics; needs machine pc and vga none. Default false."),
  driver: optional(string, "`vfio` (default) or `keep`."),
  vendor_id: optional(string, "Vendor id shown to the guest, `0x` and four hex digits."),
  device_id: optional(string, "Device id shown to the guest."),
  sub_vendor_id: optional(string, "Subsystem vendor id shown to the guest."),
  sub_device_id: optional(string, "Subsystem device id shown to the guest."),
  managed: optional(
    bool,
    "The hypervisor takes it from its driver at start and gives it back. Default true.",
  ),
  rom: optional(bool, "Let the guest have any option ROM of it. Default true."),
  boot_order: optional(number, "Its place among what the guest boots from, from 1."),
  guest_address: optional(string, "Where the guest sees it, `dddd:bb:dd` or `dddd:bb:dd.f`."),
  unassigned: optional(
    bool,
    "Held with the others of its IOMMU group, but not shown to the guest. Default false.",
  ),
  teaming: optional(string, "Alias of the interface that stands in for it during a migration."),
  live: optional(bool, "A running VM gets and loses it at once. Default false."),
} as const;

/** One USB slot. */
export const usbSlotAttributes = {
  host: optional(string, "`vvvv:pppp` or `bus-port[.port...]`."),
  mapping: optional(string, "Name of a cluster resource mapping."),
  spice: optional(bool, "A SPICE redirection port."),
  usb3: optional(bool, "USB 3 device or port. Default false."),
  boot_order: optional(number, "Its place among what the guest boots from, from 1."),
  startup_policy: optional(
    string,
    "Whether the VM starts without it: `mandatory` (default), `requisite` or `optional`.",
  ),
  live: optional(bool, "A running VM gets and loses it at once. Default false."),
} as const;

/** One network card: on a virtual function that an engine hands out, or a virtual one beside the devices. */
export const nicAttributes = {
  profile: optional(string, "With oVirt: name or id of a vNIC profile with passthrough."),
  model: optional(
    string,
    "With Proxmox VE: its model, such as `virtio`; `virtio` of a new one, not ours if not set.",
  ),
  bridge: optional(string, "Bridge that it is on, such as `vmbr0`; not ours if not set."),
  mac: optional(string, "MAC address; the one that it has, or one that Proxmox VE makes, if not set."),
  vlan_id: optional(number, "VLAN that the bridge tags for it; not ours if not set."),
  trunks: optional(string, "VLANs that the guest tags, such as `7;20-30`; not ours if not set."),
  firewall: optional(bool, "Protected by the VM's firewall; not ours if not set."),
  link_down: optional(bool, "Its cable is pulled; not ours if not set."),
  mtu: optional(number, "MTU of a `virtio` card, 1: the bridge's; not ours if not set."),
  queues: optional(number, "Packet queues; not ours if not set."),
  rate: optional(number, "Limit in megabytes per second; not ours if not set."),
} as const;

/** A VM that is not there yet. */
export const createAttributes = {
  name: required(string, "Name of the VM, as a DNS name."),
  cores: optional(number, "Number of cores."),
  memory: optional(number, "MiB of memory."),
  os_type: optional(string, "OS type, such as `l26` or `win11`. Default `l26`; of a clone, its original's."),
  storage: optional(string, "Storage of its disks, such as `local-lvm`."),
  disk: optional(number, "GiB of a disk `scsi0` on that storage."),
  bridge: optional(string, "Bridge of a virtio network card `net0`, such as `vmbr0`."),
  clone: optional(string, "Id of the VM or template that it is a copy of, on the same node."),
  full: optional(bool, "Copy the disks of a template too, and do not build on them."),
  delete_on_destroy: optional(
    bool,
    "A destroy deletes the VM with its disks. Default false: the VM stays without our settings.",
  ),
} as const;

export const vmSchema = resource({
  typeName: "passthrough_vm",
  version: 0,
  description: "The PCI and USB devices of one existing virtual machine.",
  attributes: {
    id: computed(string, "`host/vm id`."),
    host: required(
      string,
      "Name of the host in the provider's `hosts`; with `ovirt`, of the engine in its `engines`.",
    ),
    hypervisor: required(string, "What runs the virtual machine, such as `proxmox`."),
    vm_id: required(
      string,
      "What the hypervisor calls the virtual machine: an id with Proxmox VE, a name or id with oVirt.",
    ),
    pci: optional(
      mapOf(pciSlotAttributes),
      "PCI devices by slot: `hostpci0` to `hostpci15` with Proxmox VE, elsewhere names of your own.",
    ),
    pci_order: optional(
      list(string),
      "Names of the PCI slots in the order in which the VM is to have them, with OpenNebula. Default: any.",
    ),
    usb: optional(
      mapOf(usbSlotAttributes),
      "USB devices by slot: `usb0` to `usb13` with Proxmox VE, elsewhere names of your own.",
    ),
    machine: optional(string, "Machine type, such as `q35`; not ours if not set."),
    cpu: optional(string, "CPU type, such as `host`; not ours if not set."),
    bios: optional(string, "`ovmf` or `seabios`; not ours if not set."),
    vga: optional(string, "Display, such as `none`; not ours if not set."),
    balloon: optional(
      number,
      "MiB that ballooning leaves the guest at least, 0 for no ballooning; not ours if not set.",
    ),
    boot_order: optional(list(string), "Boot devices in order, such as `hostpci0`; not ours if not set."),
    pin_to: optional(
      string,
      "Host that the VM is pinned to, by its name at the engine; not ours if not set.",
    ),
    nics: optional(
      mapOf(nicAttributes),
      "Network cards by name: `net0` to `net31` with Proxmox VE; with oVirt, on virtual functions that the engine hands out.",
    ),
    create: optional(
      object(createAttributes),
      "Makes the VM where it is not there yet; used once, changes of it do nothing to a VM that is there.",
    ),
    restart: optional(bool, "Restart a running VM so that a change takes effect. Default false."),
    peers: optional(
      list(string),
      "Ids of the VMs that this stack declares too; a device may move between them.",
    ),
    provided: optional(
      list(string),
      "What this stack makes before it changes the VM: resource mappings as `pci/name` and `usb/name`, ROM files as `rom/name`.",
    ),
    rom_ids: optional(
      map(string),
      "The devices that ROM files of this stack are for, by the file's name: `vvvv:dddd`, several with a space between.",
    ),
    settings: computed(map(string), "Our settings of the VM in the hypervisor's own words, by key."),
    previous: computed(
      map(string),
      "What settings of ours were before, by key, for a destroy to give back; absent keys were not set.",
    ),
    restart_pending: computed(bool, "The VM runs with other settings than configured until its next start."),
    created: computed(bool, "This resource made the VM."),
    node: computed(string, "The cluster node that has the VM."),
    machine_id: computed(
      string,
      "The host's machine-id; with `ovirt`, the engine's instance id and the VM's id.",
    ),
    assumed: computed(bool, "The host was not reached; this is what the state remembers."),
  },
});

export type PciSlot = StateOf<typeof pciSlotAttributes>;
export type VmNic = StateOf<typeof nicAttributes>;
export type PciRequest = StateOf<typeof pciRequestAttributes>;
export type PciNic = StateOf<typeof pciNicAttributes>;
export type UsbSlot = StateOf<typeof usbSlotAttributes>;
export type VmState = StateOf<typeof vmSchema.attributes>;
