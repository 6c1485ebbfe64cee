import { createHash } from "node:crypto";
import { parseBootEntry, releaseOf } from "../model/bootEntries";
import type {
  CriticalUse,
  HostFacts,
  LibvirtFacts,
  OpenNebulaFacts,
  PciDevice,
  ProxmoxFacts,
  ProxmoxVmFacts,
  QemuDriverFacts,
  ScriptLine,
} from "../model/facts";
import { mayBeOurs } from "../model/observation";
import { pciConfPath } from "../model/openNebulaPciConf";
import { paths } from "../model/paths";
import { slotOf } from "../model/pciAddress";
import { qemuConfPath } from "../model/qemuConf";
import { BrokenAnswer } from "./errors";
import { parseGrubMenu } from "./grubMenu";
import { parseLibvirt } from "./libvirt";
import { nextKernel, type SystemdBootChoice } from "./nextKernel";
import { parseSriov } from "./sriov";
import { parseSystemdBoot } from "./systemdBoot";
import { parseRecords, type Records } from "./records";
import probe from "./scripts/probe.sh";
import trialProbe from "./scripts/trialProbe.sh";
import sriov from "./scripts/sriov.sh";
import { assembleScript } from "./scripts";

/** Reads everything of HostFacts in one execution, and changes nothing. */
export const probeScript: string = assembleScript(trialProbe, sriov, probe, "probe 2>/dev/null");

/**
 * @param host name of the host, for messages
 * @param stderr the host's own words, for messages
 * @throws BrokenAnswer where the answer is cut off; an Error where it was not given as root
 */
export function parseProbe(stdout: string, host: string, stderr = ""): HostFacts {
  const answer = new Answer(parseRecords(stdout, host, stderr), host);
  answer.requireRoot();
  const release = answer.one("release");
  const packages = pairs(answer, "kernel-package");
  const installed = kernels(answer, packages);
  const bootUuids = lines(answer.file("/etc/kernel/proxmox-boot-uuids"));
  const hasBootTool = answer.has("tool", "proxmox-boot-tool");
  const grub = answer.grub();
  const osRelease = shellAssignments(answer.file("/etc/os-release"));
  return {
    machineId: answer.one("machine-id"),
    hostname: answer.one("hostname"),
    bootId: answer.one("boot-id"),
    architecture: answer.one("architecture"),
    kernel: {
      release,
      commandLine: answer.one("command-line"),
      next: nextKernel({
        installed,
        pins: {
          nextBoot: firstLine(answer.file("/etc/kernel/next-boot-pin")),
          always: firstLine(answer.file("/etc/kernel/proxmox-boot-pin")),
        },
        grubDefault: grub?.defaultEntry ?? null,
        grubEnvironment: environmentBlock(
          answer.file("/boot/grub/grubenv") ?? answer.file(paths.grubEnvironment),
        ),
        proxmoxBootTool: hasBootTool && bootUuids.length > 0,
        systemdBoot: systemdBoot(answer, installed, packages),
      }),
      installed,
    },
    distribution: {
      id: osRelease["ID"] ?? "linux",
      idLike: (osRelease["ID_LIKE"] ?? "").split(" ").filter(Boolean),
      versionId: osRelease["VERSION_ID"] ?? "",
      prettyName: osRelease["PRETTY_NAME"] ?? osRelease["ID"] ?? "Linux",
    },
    cpu: {
      vendor: CPU_VENDORS[answer.one("cpu-vendor")] ?? "other",
      virtualization: answer.some("cpu-virtualization"),
    },
    firmware: {
      efi: answer.some("efi"),
      iommuTable: answer.has("acpi-table", "DMAR")
        ? "DMAR"
        : answer.has("acpi-table", "IVRS")
          ? "IVRS"
          : null,
      product: answer.all("product").join(" "),
    },
    iommuUnits: answer.all("iommu-unit"),
    bootLoaders: {
      updateGrub: answer.has("tool", "update-grub"),
      proxmoxBootTool: hasBootTool,
      proxmoxBootUuids: bootUuids,
      espModes: espModes(decode(answer.one("boot-tool-status")), answer.some("efi")),
    },
    bootEvidence: {
      programs: KNOWN_PROGRAMS.filter((program) => answer.has("tool", program)),
      grubMenus: answer.all("grub-menu"),
      blsEnabled: grub?.blsEnabled ?? false,
      loader: pairs(answer, "efi-variable")["LoaderInfo"] ?? "",
      stub: pairs(answer, "efi-variable")["StubInfo"] ?? "",
      images: pairs(answer, "image"),
      packages,
      rootReadOnly: answer.one("root-options").split(",").includes("ro"),
      ostree: answer.some("ostree"),
      variant: osRelease["VARIANT_ID"] ?? "",
      grubMenu: parseGrubMenu(
        answer.rows("grub-folder")[0],
        decode(answer.one("grub-entries")),
        answer.some("grub-custom-foreign"),
      ),
      systemdBoot: parseSystemdBoot(
        pairs(answer, "efi-variable")["LoaderInfo"] ?? "",
        answer.rows("loader-variables")[0],
        defaultNames(answer),
      ),
    },
    initramfsTools: initramfsTools(answer),
    missingTools: missingTools(answer, bootUuids.length > 0, isDebian(osRelease)),
    modules: modules(answer),
    builtinModules: answer.all("builtin"),
    devices: devices(answer),
    sriov: parseSriov({
      physical: answer.rows("sriov"),
      virtual: answer.rows("virtual-function"),
      links: answer.rows("virtual-function-settings"),
    }),
    critical: distinct(answer.rows("critical").map(criticalUse)),
    unresolved: [...new Set(answer.all("unresolved"))],
    bootHazards: [...new Set(answer.all("hazard"))],
    files: Object.fromEntries(
      [...answer.files].flatMap(([path, bytes]) => (mayBeOurs(path) ? [[path, bytes.toString("utf8")]] : [])),
    ),
    scriptLines: answer.all("script-line").flatMap(scriptLine),
    grubForeign: grub && { linux: grub.linux, linuxDefault: grub.linuxDefault },
    record: answer.file(paths.record),
    pending: lines(answer.file("/var/lib/cdktf-passthrough/pending")),
    drain: answer.file(paths.drain),
    proxmox: proxmox(answer),
    opennebula: opennebula(answer),
    memory: Number(answer.one("memory")) || 0,
    usbDevices: answer.rows("usb").map(([port = "", id = "", kind = "", number = "", ...name]) => ({
      port,
      id,
      hub: kind === "09",
      number: Number(number) || 0,
      name: name.join("\t"),
    })),
    mediatedDevices: answer
      .rows("mediated")
      .map(([uuid = "", parent = "", type = ""]) => ({ uuid: uuid.toLowerCase(), parent, type })),
    libvirt: libvirt(answer),
    qemuDriver: qemuDriver(answer),
  };
}

/** The records of an answer, and the files that it carries. */
class Answer {
  readonly files: ReadonlyMap<string, Buffer>;

  constructor(
    private readonly records: Records,
    private readonly host: string,
  ) {
    this.files = this.unpackFiles();
  }

  rows(kind: string): readonly (readonly string[])[] {
    return this.records.get(kind) ?? [];
  }

  /** Last fields of all records of a kind. */
  all(kind: string): string[] {
    return this.rows(kind).map((fields) => fields.join("\t"));
  }

  /** Empty if there is none. */
  one(kind: string): string {
    return this.all(kind)[0] ?? "";
  }

  some(kind: string): boolean {
    return this.records.has(kind);
  }

  has(kind: string, value: string): boolean {
    return this.all(kind).includes(value);
  }

  file(path: string): string | null {
    return this.files.get(path)?.toString("utf8") ?? null;
  }

  /** What only root can read decides too much to go without it. */
  requireRoot(): void {
    if (this.one("user") === "0" || this.some("embedded")) return;
    throw new Error(
      `The probe of ${this.host} ran as user id ${this.one("user")}, but parts of it need root. ` +
        "Log in as root, or let the user run sudo without a password.",
    );
  }

  /** null where there is no GRUB, or where its settings cannot be evaluated. */
  grub(): { linux: string; linuxDefault: string; defaultEntry: string; blsEnabled: boolean } | null {
    const [linux, linuxDefault, defaultEntry, bls] = decode(this.one("grub")).split("\0");
    return linux === undefined || linuxDefault === undefined || defaultEntry === undefined
      ? null
      : { linux, linuxDefault, defaultEntry, blsEnabled: bls === "true" };
  }

  /** All files follow each other in one content; their sizes tell them apart. */
  private unpackFiles(): Map<string, Buffer> {
    const content = Buffer.from(this.one("content"), "base64");
    const sizes = this.all("size").map(Number);
    const names = this.all("file");
    if (names.length !== sizes.length || sizes.reduce((sum, size) => sum + size, 0) !== content.length) {
      throw new BrokenAnswer(
        `Files of ${this.host} changed while the probe read them: somebody is at work there. Try again.`,
      );
    }
    let start = 0;
    return new Map(
      names.map((path, at) => {
        const end = start + (sizes[at] ?? 0);
        const bytes = content.subarray(start, end);
        start = end;
        return [path, bytes];
      }),
    );
  }
}

const CPU_VENDORS: Readonly<Record<string, "intel" | "amd">> = {
  GenuineIntel: "intel",
  AuthenticAMD: "amd",
};

function systemdBoot(
  answer: Answer,
  installed: readonly string[],
  packages: Readonly<Record<string, string>>,
): SystemdBootChoice | null {
  const variables = pairs(answer, "efi-variable");
  if (!(variables["LoaderInfo"] ?? "").startsWith("systemd-boot")) return null;
  const paths = [...answer.files.keys()].filter((path) => path.includes("/loader/entries/"));
  return {
    entries: Object.fromEntries(
      paths.map((path) => [
        path.slice(path.lastIndexOf("/") + 1),
        releaseOf(parseBootEntry(answer.file(path) ?? ""), installed, packages),
      ]),
    ),
    wanted: [variables["LoaderEntryOneShot"] ?? "", ...defaultNames(answer)],
  };
}

/** What names systemd-boot's default, the strongest first. */
function defaultNames(answer: Answer): string[] {
  const settings = ["/efi", "/boot/efi", "/boot"].map(
    (esp) => answer.file(`${esp}/loader/loader.conf`) ?? "",
  );
  return [
    pairs(answer, "efi-variable")["LoaderEntryDefault"] ?? "",
    /^default[ \t]+(\S+)/m.exec(settings.join("\n"))?.[1] ?? "",
  ];
}

const KNOWN_PROGRAMS = [
  "grub-mkconfig",
  "grub2-mkconfig",
  "grubby",
  "bootctl",
  "kernel-install",
  "sdbootutil",
  "transactional-update",
  "rpm-ostree",
  "nodectl",
] as const;

/** The first value of each name. */
function pairs(answer: Answer, kind: string): Record<string, string> {
  return Object.fromEntries(
    answer
      .rows(kind)
      .map(([name = "", ...value]): [string, string] => [name, value.join("\t")])
      .reverse(),
  );
}

/** By release: what is named by its package is known by the folder of its modules, and rescue images are none. */
function kernels(answer: Answer, packages: Readonly<Record<string, string>>): string[] {
  const named = answer
    .all("kernel")
    .filter((name) => /^[\w.+~-]+$/.test(name) && !name.startsWith("0-rescue"));
  const ofPackages = Object.entries(packages).flatMap(([release, name]) =>
    named.includes(name) ? [release] : [],
  );
  const names = new Set(Object.values(packages));
  return [...new Set([...named.filter((name) => !names.has(name)), ...ofPackages])];
}

const decode = (base64: string): string => Buffer.from(base64, "base64").toString("utf8");

function lines(text: string | null): string[] {
  const all = (text ?? "").split("\n").map((line) => line.trim());
  return all.filter((line) => line !== "" && !line.startsWith("#"));
}

const firstLine = (text: string | null): string | null => lines(text)[0] ?? null;

/** `KEY=value` lines, as os-release has them. */
function shellAssignments(text: string | null): Record<string, string> {
  return Object.fromEntries(
    lines(text).flatMap((line) => {
      const [, key, value] = /^(\w+)=["']?(.*?)["']?$/.exec(line) ?? [];
      return key === undefined || value === undefined ? [] : [[key, value]];
    }),
  );
}

/** GRUB's environment block: like assignments, but nothing is quoted. */
function environmentBlock(text: string | null): Record<string, string> {
  return Object.fromEntries(
    lines(text).flatMap((line) => {
      const at = line.indexOf("=");
      return at < 0 ? [] : [[line.slice(0, at), line.slice(at + 1)]];
    }),
  );
}

/** `8357-FBD5 is configured with: uefi (versions: 6.8.12-1-pve), grub (versions: 6.8.12-1-pve)` */
function espModes(status: string, efi: boolean): Record<string, "uefi" | "grub"> {
  return Object.fromEntries(
    lines(status).flatMap((line) => {
      const [, uuid, how = ""] = /^(\S+) is configured with: (.*)$/.exec(line) ?? [];
      const modes = (["uefi", "grub"] as const).filter((mode) => new RegExp(`\\b${mode}\\b`).test(how));
      // With both on it, the firmware decides which one starts.
      const mode = modes.length > 1 ? (efi ? "uefi" : "grub") : modes[0];
      return uuid === undefined || mode === undefined ? [] : [[uuid, mode]];
    }),
  );
}

/** dracut of Debian brings an update-initramfs of its own. */
function initramfsTools(answer: Answer): string[] {
  const dracut = answer.has("tool", "dracut");
  const debian = answer.has("tool", "update-initramfs") && (!dracut || answer.has("tool", "mkinitramfs"));
  return [
    ...(debian ? ["initramfs-tools"] : []),
    ...["dracut", "mkinitcpio"].filter((tool) => answer.has("tool", tool)),
  ];
}

const NEEDED = ["flock", "sha256sum", "base64", "awk", "od", "modprobe", "ip", "timeout", "sync", "df"];

const isDebian = ({ ID = "", ID_LIKE = "" }: Record<string, string>): boolean =>
  [ID, ...ID_LIKE.split(" ")].some((id) => ["debian", "ubuntu"].includes(id));

const hasEntries = (answer: Answer): boolean =>
  [...answer.files.keys()].some((path) => path.includes("/loader/entries/"));

/** What is missing for sure; a family that is not known at all is told by the choice of the boot loader. */
function missingTools(answer: Answer, managedEsps: boolean, debian: boolean): string[] {
  const none = (...tools: readonly string[]) => !tools.some((tool) => answer.has("tool", tool));
  const needed = [
    ...NEEDED,
    ...(managedEsps ? ["proxmox-boot-tool"] : []),
    ...(debian && !managedEsps && none("grub-mkconfig", "grub2-mkconfig") && !hasEntries(answer)
      ? ["update-grub"]
      : []),
    ...(debian && none("dracut", "mkinitcpio") ? ["update-initramfs"] : []),
  ];
  return needed.filter((tool) => !answer.has("tool", tool));
}

function modules(answer: Answer): Record<string, Record<string, string>> {
  const found: Record<string, Record<string, string>> = {};
  for (const name of answer.all("module")) found[name] = {};
  for (const [module = "", name = "", ...value] of answer.rows("parameter")) {
    const parameters = found[module];
    if (parameters) parameters[name] = value.join("\t");
  }
  return found;
}

function devices(answer: Answer): PciDevice[] {
  const names = new Map(answer.rows("name").map(([key = "", ...name]) => [key, name.join("\t")]));
  const reserved = new Map<string, Set<string>>();
  for (const [group = "", type = ""] of answer.rows("reserved")) {
    // The others leave room for a guest, or are there for every device.
    if (type === "direct") reserved.set(group, new Set([...(reserved.get(group) ?? []), type]));
  }
  const found = answer.rows("device").map((fields): PciDevice => {
    const field = (at: number): string => fields[at] ?? "";
    const [vendor, device, group] = [field(1), field(2), field(11)];
    return {
      address: field(0),
      vendor,
      device,
      subsystemVendor: field(3),
      subsystemDevice: field(4),
      class: field(5),
      revision: field(6).padStart(2, "0"),
      path: field(7).split(" ").filter(Boolean),
      bridge: [1, 2].includes(parseInt(field(8), 16) & 0x7f),
      driver: field(9) || null,
      driverOverride: field(10) === "(null)" ? null : field(10) || null,
      iommuGroup: group || null,
      reservedRegions: [...(reserved.get(group) ?? [])],
      bootVga: field(12) === "1",
      modalias: field(13),
      physicalFunction: field(14) || null,
      resetMethods: field(15).split(" ").filter(Boolean),
      serial: field(16) || null,
      pcieSerial: field(18) || null,
      macs: field(17).toLowerCase().split(" ").filter(Boolean),
      name:
        names.get(`${vendor}:${device}`) ??
        (names.has(vendor) ? `${names.get(vendor)} Device ${device}` : ""),
    };
  });
  return found.map((device) => ({ ...device, pcieSerial: device.pcieSerial ?? serialOfCard(device, found) }));
}

/** The number is the card's, and its first function alone must carry it. */
function serialOfCard(device: PciDevice, all: readonly PciDevice[]): string | null {
  if (device.bridge || device.physicalFunction !== null) return null;
  const first = `${slotOf(device.address)}.0`;
  return all.find(({ address }) => address === first)?.pcieSerial ?? null;
}

/** `path:number:text`, as grep prints it. */
function scriptLine(line: string): ScriptLine[] {
  const [, path, number, text = ""] = /^(\/[^:]*):(\d+):(.*)$/.exec(line) ?? [];
  return path === undefined || text.trimStart().startsWith("#")
    ? []
    : [{ path, number: Number(number), text }];
}

function criticalUse([address = "", kind = "other", essential, ...use]: readonly string[]): CriticalUse {
  return {
    address,
    kind: kind as CriticalUse["kind"],
    essential: essential !== "0",
    use: use.join("\t"),
    ...(essential === "2" ? { neededToBoot: true } : {}),
  };
}

/** A bridge carries everything below it, often the same by several ways. */
function distinct(uses: readonly CriticalUse[]): CriticalUse[] {
  return [...new Map(uses.map((use) => [JSON.stringify(use), use])).values()];
}

function libvirt(answer: Answer): LibvirtFacts | null {
  if (!answer.some("libvirt") && !answer.some("libvirt-complaint")) return null;
  return parseLibvirt({
    complaint: answer.one("libvirt-complaint"),
    word: answer.one("libvirt"),
    domains: answer.one("domains"),
  });
}

function qemuDriver(answer: Answer): QemuDriverFacts | null {
  const services = answer.all("libvirt-service");
  const conf = answer.file(qemuConfPath);
  return services.length === 0 && conf === null ? null : { conf, services };
}

function containers(answer: Answer): ProxmoxFacts["containers"] {
  const running = answer.all("running-container");
  return Object.fromEntries(
    [...answer.files].flatMap(([path, bytes]) => {
      const id = /^\/etc\/pve\/local\/lxc\/(\d+)\.conf$/.exec(path)?.[1];
      return id === undefined
        ? []
        : [[id, { config: bytes.toString("utf8"), running: running.includes(id) }] as const];
    }),
  );
}

function proxmox(answer: Answer): ProxmoxFacts | null {
  const [row] = answer.rows("proxmox");
  if (row === undefined) return null;
  const [node = "", version = ""] = row;
  const running = new Set(answer.all("running"));
  const vms: Record<string, ProxmoxVmFacts> = {};
  for (const [path, bytes] of answer.files) {
    const [, home, id] = /^\/etc\/pve\/nodes\/([^/]+)\/qemu-server\/(\d+)\.conf$/.exec(path) ?? [];
    if (home === undefined || id === undefined) continue;
    vms[id] = {
      node: home,
      config: bytes.toString("utf8"),
      digest: createHash("sha1").update(bytes).digest("hex"),
      running: home === node && running.has(id),
    };
  }
  return {
    node,
    version,
    vms,
    containers: containers(answer),
    nodes: answer.all("node"),
    interfaces: answer.all("interface"),
    highlyAvailable: sectionNames(answer.file("/etc/pve/ha/resources.cfg"), "vm"),
    replicated: [
      ...new Set(
        sectionNames(answer.file("/etc/pve/replication.cfg")).map((job) => job.replace(/-\d+$/, "")),
      ),
    ],
    romFiles: answer.all("rom"),
    romDigests: Object.fromEntries(
      answer.rows("rom-digest").map(([name = "", digest = ""]) => [name, digest]),
    ),
    pciMappings: sectionNames(answer.file("/etc/pve/mapping/pci.cfg")),
    usbMappings: sectionNames(answer.file("/etc/pve/mapping/usb.cfg")),
    mappingFiles: {
      pci: answer.file("/etc/pve/mapping/pci.cfg") ?? "",
      usb: answer.file("/etc/pve/mapping/usb.cfg") ?? "",
    },
  };
}

/**
 * Names in a Proxmox section file: headings stand at the start of a line (`type: name`, or the name alone), what they
 * hold is indented. With `type`, only those of that type.
 */
function sectionNames(text: string | null, type?: string): string[] {
  return (text ?? "").split("\n").flatMap((line) => {
    const [, first, name] = /^([^\s#:]+)(?::\s*(\S+))?/.exec(line) ?? [];
    if (first === undefined || (type !== undefined && type !== first)) return [];
    return [name ?? first];
  });
}

function opennebula(answer: Answer): OpenNebulaFacts | null {
  if (!answer.some("opennebula")) return null;
  const [failure] = answer.all("opennebula-failure").map(decode);
  return {
    pciConf: answer.file(pciConfPath),
    hosts: decode(answer.one("opennebula-hosts")),
    vms: decode(answer.one("opennebula-vms")),
    templates: decode(answer.one("opennebula-templates")),
    networks: decode(answer.one("opennebula-networks")),
    failure: failure ?? null,
  };
}
