import { chmodSync } from "node:fs";
import { randomBytes } from "node:crypto";
import { modulePath } from "../kernel/aliases";
import type { Files } from "../files";
import { imagesOf } from "../profiles/bootImages";
import { installOpenNebula } from "../opennebula/database";
import type { Profile } from "../profiles/types";
import { installLibvirt } from "../libvirt/daemon";
import { installBootLoader, installBuilder, isDebian } from "./bootInstallation";

/** The root file system as its installer and its administrator left it, before the first boot. */
export function install(files: Files, profile: Profile): void {
  for (const folder of [
    "/root",
    "/tmp",
    "/var/tmp",
    "/var/lib",
    "/var/log",
    "/etc/modprobe.d",
    "/etc/modules-load.d",
  ]) {
    files.folderAt(folder);
  }
  chmodSync(files.at("/tmp"), 0o1777);
  const texts: Record<string, string> = {
    "/etc/machine-id": `${randomBytes(16).toString("hex")}\n`,
    "/etc/hostname": `${profile.hostname}\n`,
    "/etc/os-release": profile.osRelease,
    ...(isDebian(profile)
      ? { "/etc/modules": "# /etc/modules: kernel modules to load at boot time.\n" }
      : {}),
    "/etc/modprobe.d/kvm.conf": "options kvm ignore_msrs=0\n",
    "/usr/share/misc/pci.ids": pciIds(profile),
    ...profile.files,
  };
  for (const [path, text] of Object.entries(texts)) files.write(path, text);
  if (isDebian(profile)) files.link("/etc/modules-load.d/modules.conf", "/etc/modules");
  files.link("/var/run", "/run");
  for (const release of profile.kernels) installKernel(files, profile, release);
  installBuilder(files, profile);
  installBootLoader(files, profile);
  if (profile.proxmox) installProxmox(files, profile.proxmox);
  for (const [name, { xml, autostart }] of Object.entries(profile.libvirt?.domains ?? {})) {
    files.write(`/etc/libvirt/qemu/${name}.xml`, xml, 0o600);
    if (autostart) files.link(`/etc/libvirt/qemu/autostart/${name}.xml`, `/etc/libvirt/qemu/${name}.xml`);
  }
  if (profile.libvirt) installLibvirt(files);
  if (profile.openNebula) installOpenNebula(files, profile.openNebula);
}

function installKernel(files: Files, profile: Profile, release: string): void {
  const modules = Object.entries(profile.modules);
  const folder = `/lib/modules/${release}`;
  files.write(imagesOf(profile).kernel(release), `Linux ${release}\n`);
  files.write(
    `${folder}/modules.alias`,
    modules
      .flatMap(([name, module]) => (module.aliases ?? []).map((alias) => `alias ${alias} ${name}\n`))
      .join(""),
  );
  files.write(
    `${folder}/modules.builtin`,
    modules.flatMap(([name, { builtin }]) => (builtin ? [`${modulePath(name)}\n`] : [])).join(""),
  );
  files.write(
    `${folder}/modules.dep`,
    modules
      .filter(([, { builtin }]) => !builtin)
      .map(
        ([name, { dependsOn = [] }]) =>
          `${modulePath(name)}:${dependsOn.map((below) => ` ${modulePath(below)}`).join("")}\n`,
      )
      .join(""),
  );
  for (const [name, { builtin }] of modules) if (!builtin) files.write(`${folder}/${modulePath(name)}`, "");
}

/** pci.ids in its own format: vendors, their devices below them, then classes. */
function pciIds({ names }: Profile): string {
  const vendors = Object.entries(names)
    .filter(([id]) => /^[0-9a-f]{4}$/.test(id))
    .sort();
  const listed = vendors.map(([vendor, name]) => {
    const devices = Object.entries(names)
      .filter(([id]) => id.startsWith(`${vendor}:`))
      .sort();
    return `${vendor}  ${name}\n${devices.map(([id, words]) => `\t${id.slice(5)}  ${words}\n`).join("")}`;
  });
  const classes =
    "C 01  Mass storage controller\n\t08  Non-Volatile memory controller\n\t\t02  NVM Express\nC 02  Network controller\n\t00  Ethernet controller\nC 03  Display controller\n\t00  VGA compatible controller\n";
  return `#\n#\tList of PCI ID's\n#\n${listed.join("")}${classes}`;
}

function installProxmox(files: Files, proxmox: NonNullable<Profile["proxmox"]>): void {
  const node = `/etc/pve/nodes/${proxmox.node}`;
  files.folderAt(`${node}/qemu-server`);
  files.folderAt(`${node}/lxc`);
  files.link("/etc/pve/local", node);
  files.link("/etc/pve/qemu-server", `${node}/qemu-server`);
  files.link("/etc/pve/lxc", `${node}/lxc`);
  for (const [id, { config }] of Object.entries(proxmox.vms))
    files.write(`${node}/qemu-server/${id}.conf`, config);
  files.write("/etc/pve/.members", `${JSON.stringify({ nodename: proxmox.node, version: 1 })}\n`);
  files.write(
    "/var/lib/dpkg/status",
    `Package: pve-manager\nStatus: install ok installed\nVersion: ${proxmox.version}\n\n`,
  );
  files.folderAt("/etc/pve/mapping");
  for (const name of proxmox.romFiles) files.write(`/usr/share/kvm/${name}`, Buffer.from([0x55, 0xaa]));
}
