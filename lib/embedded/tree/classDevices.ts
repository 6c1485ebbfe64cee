import type { Files } from "../files";
import type { Disk, NetworkPort, NvmeController, PciFunction, Profile, UsbDevice } from "../profiles/types";
import { deviceFolder } from "./pci";

/** What a driver makes of its function: network ports, disks, displays, USB devices. */
export function appear(files: Files, profile: Profile, device: PciFunction): void {
  const folder = deviceFolder(device, profile.devices);
  const { net = [], nvme, disks = [], display, usb } = device.gives ?? {};
  net.forEach((port, at) => networkPort(files, folder, port, at));
  if (nvme) nvmeController(files, folder, device, nvme);
  disks.forEach((disk, at) => scsiDisk(files, folder, disk, at));
  if (display) {
    const card = `${folder}/drm/card${display.card}`;
    files.link(`${card}/device`, folder);
    files.link(`/sys/class/drm/card${display.card}`, card);
    files.write(`/dev/dri/card${display.card}`, "");
    if (display.framebuffer) {
      files.write(`${folder}/graphics/fb0/name`, `${display.framebuffer}\n`);
      files.link(`${folder}/graphics/fb0/device`, folder);
      files.link("/sys/class/graphics/fb0", `${folder}/graphics/fb0`);
      files.write("/proc/fb", `0 ${display.framebuffer}\n`);
    }
  }
  if (usb) usbBus(files, folder, usb.bus, usb.devices);
}

/** And what goes away when the driver lets go. */
export function vanish(files: Files, profile: Profile, device: PciFunction): void {
  const folder = deviceFolder(device, profile.devices);
  const { net = [], nvme, disks = [], display, usb } = device.gives ?? {};
  const gone = [
    ...net.flatMap(({ name }) => [`/sys/class/net/${name}`]),
    ...[...disks, ...(nvme ? [nvme.disk] : [])].flatMap(diskPaths),
    ...(nvme
      ? [
          `/sys/class/nvme/${nvme.name}`,
          `/sys/class/nvme-subsystem/${nvme.subsystem}`,
          `/sys/devices/virtual/nvme-subsystem/${nvme.subsystem}`,
          `/dev/${nvme.name}`,
          `/sys/block/${pathName(nvme)}`,
          `/sys/class/block/${pathName(nvme)}`,
        ]
      : []),
    ...(display ? [`/sys/class/drm/card${display.card}`, `/dev/dri/card${display.card}`] : []),
    ...(display?.framebuffer ? ["/sys/class/graphics/fb0", "/proc/fb"] : []),
    ...(usb
      ? [`usb${usb.bus}`, ...usb.devices.map(({ port }) => port)].map(
          (name) => `/sys/bus/usb/devices/${name}`,
        )
      : []),
  ];
  for (const path of gone) files.remove(path);
  for (const name of files.list(folder)) {
    if (/^(net|nvme|ata\d+|host\d+|drm|graphics|usb\d+)$/.test(name)) files.remove(`${folder}/${name}`);
  }
}

function networkPort(files: Files, folder: string, port: NetworkPort, at: number): void {
  const node = `${folder}/net/${port.name}`;
  interfaceAttributes(files, node, port.mac, port.up, 2 + at);
  files.link(`${node}/device`, folder);
  files.link(`/sys/class/net/${port.name}`, node);
}

export function interfaceAttributes(
  files: Files,
  node: string,
  mac: string,
  up: boolean,
  index: number,
): void {
  const attributes = {
    address: mac,
    operstate: up ? "up" : "down",
    carrier: up ? "1" : "0",
    type: "1",
    ifindex: String(index),
    mtu: "1500",
  };
  for (const [name, value] of Object.entries(attributes)) files.write(`${node}/${name}`, `${value}\n`);
}

/** The namespace's path device under a multipath head: nvme0n1 is reached through nvme0c0n1. */
function pathName({ name, disk }: NvmeController): string {
  return disk.name.replace(name, `${name}c${name.slice("nvme".length)}`);
}

function nvmeController(files: Files, folder: string, device: PciFunction, nvme: NvmeController): void {
  const controller = `${folder}/nvme/${nvme.name}`;
  const attributes = {
    model: nvme.disk.model,
    serial: nvme.disk.serial,
    address: device.address,
    transport: "pcie",
    state: "live",
    subsysnqn: `nqn.2014.08.org.nvmexpress:144d144d${nvme.disk.serial}`,
  };
  for (const [name, value] of Object.entries(attributes)) files.write(`${controller}/${name}`, `${value}\n`);
  files.link(`${controller}/device`, folder);
  files.link(`/sys/class/nvme/${nvme.name}`, controller);
  files.write(`/dev/${nvme.name}`, "");

  const subsystem = `/sys/devices/virtual/nvme-subsystem/${nvme.subsystem}`;
  files.write(`${subsystem}/subsysnqn`, `${attributes.subsysnqn}\n`);
  files.link(`${subsystem}/${nvme.name}`, controller);
  files.link(`/sys/class/nvme-subsystem/${nvme.subsystem}`, subsystem);

  const head = nvme.multipath ? subsystem : controller;
  diskNode(files, `${head}/${nvme.disk.name}`, nvme.disk);
  files.link(`${head}/${nvme.disk.name}/device`, head);
  if (nvme.multipath) {
    const path = `${controller}/${pathName(nvme)}`;
    files.write(`${path}/hidden`, "1\n");
    files.link(`${path}/device`, controller);
    files.link(`/sys/block/${pathName(nvme)}`, path);
    files.link(`/sys/class/block/${pathName(nvme)}`, path);
  }
}

function scsiDisk(files: Files, folder: string, disk: Disk, at: number): void {
  const target = `${folder}/ata${at + 1}/host${at}/target${at}:0:0/${at}:0:0:0`;
  files.write(`${target}/model`, `${disk.model}\n`);
  files.write(`${target}/vendor`, "ATA     \n");
  diskNode(files, `${target}/block/${disk.name}`, disk);
  files.link(`${target}/block/${disk.name}/device`, target);
}

export function partitionName(disk: string, at: number): string {
  return /\d$/.test(disk) ? `${disk}p${at + 1}` : `${disk}${at + 1}`;
}

function partitionNumber(number: string, at: number): string {
  const [major, minor] = number.split(":");
  return `${major}:${Number(minor) + at + 1}`;
}

function diskNode(files: Files, node: string, disk: Disk): void {
  blockAttributes(files, node, disk.name, disk.number, disk.sectors);
  files.link(`/sys/block/${disk.name}`, node);
  disk.partitions.forEach((partition, at) => {
    const name = partitionName(disk.name, at);
    blockAttributes(
      files,
      `${node}/${name}`,
      name,
      partitionNumber(disk.number, at),
      partition.sectors,
      partition.uuid,
    );
    if (partition.type) {
      files.write(`/run/udev/data/b${partitionNumber(disk.number, at)}`, `E:ID_FS_TYPE=${partition.type}\n`);
    }
    files.write(`${node}/${name}/partition`, `${at + 1}\n`);
  });
}

/** The attributes that every block device has, its class links and its node in /dev. */
export function blockAttributes(
  files: Files,
  node: string,
  name: string,
  number: string,
  sectors: number,
  uuid?: string,
): void {
  files.write(`${node}/dev`, `${number}\n`);
  files.write(`${node}/size`, `${sectors}\n`);
  files.folderAt(`${node}/holders`);
  files.folderAt(`${node}/slaves`);
  files.link(`/sys/class/block/${name}`, node);
  files.link(`/sys/dev/block/${number}`, node);
  files.write(`/dev/${name}`, "");
  if (uuid) files.link(`/dev/disk/by-uuid/${uuid}`, `/dev/${name}`);
}

function diskPaths(disk: Disk): string[] {
  const parts = disk.partitions.map((partition, at) => ({
    name: partitionName(disk.name, at),
    number: partitionNumber(disk.number, at),
    uuid: partition.uuid,
  }));
  return [
    `/sys/block/${disk.name}`,
    ...[{ name: disk.name, number: disk.number, uuid: undefined }, ...parts].flatMap(
      ({ name, number, uuid }) => [
        `/sys/class/block/${name}`,
        `/sys/dev/block/${number}`,
        `/dev/${name}`,
        ...(uuid ? [`/dev/disk/by-uuid/${uuid}`] : []),
      ],
    ),
  ];
}

function usbBus(files: Files, folder: string, bus: number, devices: readonly UsbDevice[]): void {
  const hub = `${folder}/usb${bus}`;
  usbDevice(files, hub, "1d6b:0002", "xHCI Host Controller", bus, 1);
  files.link(`/sys/bus/usb/devices/usb${bus}`, hub);
  devices.forEach((device, at) => {
    usbDevice(files, `${hub}/${device.port}`, device.id, device.product, bus, at + 2);
    files.link(`/sys/bus/usb/devices/${device.port}`, `${hub}/${device.port}`);
  });
}

function usbDevice(
  files: Files,
  node: string,
  id: string,
  product: string,
  bus: number,
  number: number,
): void {
  const [idVendor, idProduct] = id.split(":");
  const attributes = {
    idVendor,
    idProduct,
    product,
    busnum: bus,
    devnum: number,
    bDeviceClass: number === 1 ? "09" : "00",
  };
  for (const [name, value] of Object.entries(attributes))
    files.write(`${node}/${name}`, `${String(value)}\n`);
}
