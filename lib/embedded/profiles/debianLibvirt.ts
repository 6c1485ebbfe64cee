import { debianIntel } from "./debianIntel";
import type { Profile } from "./types";

interface Domain {
  readonly name: string;
  readonly uuid: string;
  readonly memoryMebibytes: number;
  readonly mac: string;
}

/** As libvirt writes a machine of virt-install. */
const domain = ({ name, uuid, memoryMebibytes, mac }: Domain): string => `<domain type='kvm'>
  <name>${name}</name>
  <uuid>${uuid}</uuid>
  <metadata>
    <libosinfo:libosinfo xmlns:libosinfo="http://libosinfo.org/xmlns/libvirt/domain/1.0">
      <libosinfo:os id="http://debian.org/debian/12"/>
    </libosinfo:libosinfo>
  </metadata>
  <memory unit='KiB'>${memoryMebibytes * 1024}</memory>
  <currentMemory unit='KiB'>${memoryMebibytes * 1024}</currentMemory>
  <vcpu placement='static'>4</vcpu>
  <os>
    <type arch='x86_64' machine='pc-q35-7.2'>hvm</type>
  </os>
  <features>
    <acpi/>
    <apic/>
  </features>
  <cpu mode='host-passthrough' check='none' migratable='on'/>
  <on_poweroff>destroy</on_poweroff>
  <on_reboot>restart</on_reboot>
  <on_crash>destroy</on_crash>
  <devices>
    <emulator>/usr/bin/qemu-system-x86_64</emulator>
    <disk type='file' device='disk'>
      <driver name='qemu' type='qcow2'/>
      <source file='/var/lib/libvirt/images/${name}.qcow2'/>
      <target dev='vda' bus='virtio'/>
      <boot order='1'/>
      <address type='pci' domain='0x0000' bus='0x03' slot='0x00' function='0x0'/>
    </disk>
    <controller type='pci' index='0' model='pcie-root'/>
    <interface type='bridge'>
      <mac address='${mac}'/>
      <source bridge='br0'/>
      <model type='virtio'/>
      <address type='pci' domain='0x0000' bus='0x01' slot='0x00' function='0x0'/>
    </interface>
    <graphics type='vnc' port='-1' autoport='yes' passwd='secret-of-${uuid.slice(0, 4)}'>
      <listen type='address'/>
    </graphics>
    <memballoon model='virtio'>
      <address type='pci' domain='0x0000' bus='0x04' slot='0x00' function='0x0'/>
    </memballoon>
  </devices>
</domain>
`;

/** The plain Debian machine as a host of libvirt: two domains that are shut off, one that runs. */
export const debianLibvirt: Profile = {
  ...debianIntel,
  name: "debian-libvirt",
  summary:
    "Debian 12, Intel Core, GRUB, libvirt with QEMU: three domains, an RTX 2070 SUPER, a spare NVMe disk",
  hostname: "kvm1",
  libvirt: {
    domains: {
      workstation: {
        xml: domain({
          name: "workstation",
          uuid: "5b7c6d1e-3f2a-4c8b-9d10-0a1b2c3d4e01",
          memoryMebibytes: 8192,
          mac: "52:54:00:30:00:01",
        }),
      },
      storage: {
        xml: domain({
          name: "storage",
          uuid: "5b7c6d1e-3f2a-4c8b-9d10-0a1b2c3d4e02",
          memoryMebibytes: 4096,
          mac: "52:54:00:30:00:02",
        }),
      },
      "mail & web": {
        xml: domain({
          name: "mail &amp; web",
          uuid: "5b7c6d1e-3f2a-4c8b-9d10-0a1b2c3d4e03",
          memoryMebibytes: 2048,
          mac: "52:54:00:30:00:03",
        }),
        running: true,
        autostart: true,
      },
    },
  },
};
