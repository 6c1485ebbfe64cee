/** Every message a stack author can meet at synth: what was found, what was expected, the mend. */

const quote = (value: unknown): string => (typeof value === "string" ? JSON.stringify(value) : String(value));
const list = (names: readonly string[]): string => (names.length > 0 ? names.join(", ") : "none");

export const malformedAddress = (where: string, value: string): Error =>
  new Error(
    `${where}: ${quote(value)} is not a PCI address. Expected [dddd:]bb:dd.f in hex for one function, such as ` +
      "0000:01:00.0, or [dddd:]bb:dd for every function of the slot; `passthrough inspect <host>` lists them.",
  );

export const malformedDeviceId = (where: string, value: string): Error =>
  new Error(
    `${where}: ${quote(value)} is not a device id. Expected vendor and device as vvvv:dddd, four hex digits each, ` +
      "such as 10de:2204; `passthrough inspect <host>` lists them.",
  );

export const malformedClass = (where: string, value: string): Error =>
  new Error(
    `${where}: ${quote(value)} is not a PCI class. Expected two, four or six hex digits, such as 03 or 0300.`,
  );

export const malformedFourHex = (where: string, value: string): Error =>
  new Error(
    `${where}: ${quote(value)} is not a vendor's or a device's id. Expected four hex digits, such as 10de.`,
  );

export const malformedExpression = (where: string, value: string, why: string): Error =>
  new Error(
    `${where}: ${quote(value)} is not a regular expression (${why}). Expected one such as "GA10[24]".`,
  );

export const badOrdinal = (where: string, value: number): Error =>
  new Error(`${where}: nth = ${value} counts no card. Expected 1 for the first that matches, 2, and so on.`);

export const badCount = (where: string, value: number | string): Error =>
  new Error(
    `${where}: count = ${quote(String(value))} is no number of cards. Expected a whole number from 1 on, or "all".`,
  );

export const malformedHexId = (where: string, value: string): Error =>
  new Error(`${where}: ${quote(value)} is not an id. Expected 0x and four hex digits, such as 0x10de.`);

export const malformedNode = (where: string, value: string): Error =>
  new Error(
    `${where}: ${quote(value)} is not the name of a node. Expected one of the cluster, such as pve2.`,
  );

export const malformedUsbHost = (where: string, value: string): Error =>
  new Error(
    `${where}: ${quote(value)} is not a USB device. Expected vvvv:pppp, such as 046d:c52b, or bus-port[.port...], ` +
      "such as 1-2.3; `lsusb -t` on the host shows both.",
  );

export const malformedKernelParameter = (where: string, value: string, why: string): Error =>
  new Error(
    `${where}: ${quote(value)} cannot be a kernel parameter: ${why}. Expected one parameter, such as iommu=pt; ` +
      "declare each by itself.",
  );

export const contradictoryParameter = (where: string, value: string): Error =>
  new Error(
    `${where}: ${quote(value)} turns off the IOMMU that this construct turns on. Leave the parameter out, or set ` +
      "`iommu: false` if nothing of this host is to be passed through.",
  );

export const idsParameter = (where: string, value: string): Error =>
  new Error(
    `${where}: ${quote(value)} binds devices by id behind the back of the bindings. Declare them in a VfioBinding, ` +
      'such as `devices: { card: { id: "10de:2204" } }`.',
  );

export const malformedModule = (where: string, value: string): Error =>
  new Error(
    `${where}: ${quote(value)} is not the name of a kernel module. Expected letters, digits, - and _, such as vfio-pci.`,
  );

export const malformedModuleOptions = (where: string, value: string): Error =>
  new Error(
    `${where}: ${quote(value)} cannot be the options of a module. Expected name=value on one line, several with ` +
      "spaces between them, such as ignore_msrs=1.",
  );

export const malformedSoftdep = (where: string, value: string): Error =>
  new Error(
    `${where}: ${quote(value)} is not a soft dependency. Expected \`pre:\` or \`post:\` and module names on one line, ` +
      'such as "pre: vfio-pci".',
  );

export const blacklistedVfio = (where: string, value: string): Error =>
  new Error(
    `${where}: ${quote(value)} is what holds devices for the guests. Leave it out of the blacklist; name the driver ` +
      "that must not take the device, such as nouveau.",
  );

export const notOneOf = (where: string, value: unknown, expected: readonly string[]): Error =>
  new Error(`${where}: ${quote(value)} is not supported. Expected one of ${list(expected)}.`);

export const notPositive = (where: string, value: number, unit: string): Error =>
  new Error(`${where}: ${value} is not a number of ${unit}. Expected a number above 0.`);

export const badMebibytes = (where: string, value: number): Error =>
  new Error(`${where}: ${value} is not a number of MiB. Expected a whole number, 0 to switch it off.`);

export const badPort = (where: string, value: number): Error =>
  new Error(`${where}: ${value} is not a TCP port. Expected a whole number from 1 to 65535, such as 22.`);

export const badConnectionHost = (where: string, value: string): Error =>
  new Error(
    `${where}: ${quote(value)} is not a host. Expected a name, an address or an alias of the OpenSSH config file; ` +
      "the login name goes into `user` and the port into `port`.",
  );

export const relativePath = (where: string, value: string): Error =>
  new Error(
    `${where}: ${quote(value)} is relative, and Terraform runs in the stack's own folder. Expected an absolute path ` +
      "or one below ~/, such as `path.resolve(...)` of it.",
  );

export const secretInCode = (where: string): string =>
  `${where} stands in the code in plain text, and so in the synthesized stack. Give it through an ephemeral ` +
  "variable, or leave it out and use the SSH agent or `identityFile`.";

export const malformedAcsOverride = (where: string, value: string): Error =>
  new Error(
    `${where}: ${quote(value)} is nothing that ACS can be overridden for. Expected downstream, multifunction or ` +
      "id:vvvv:dddd, such as id:8086:a110.",
  );

export const noAcsOverride = (where: string): Error =>
  new Error(`${where} is empty. Expected downstream, multifunction or id:vvvv:dddd; or leave it out.`);

export const malformedPageSize = (where: string, value: string): Error =>
  new Error(`${where}: ${quote(value)} is not the size of a page. Expected such as 2M or 1G.`);

export const badPageCount = (where: string, value: number): Error =>
  new Error(`${where}: ${value} is not a number of pages. Expected a whole number.`);

export const noHugepages = (where: string): Error =>
  new Error(`${where} names no page. Expected pages by size, such as { pools: { "1G": 16 } }.`);

export const amdIommuOn = (where: string, value: string): string =>
  `${where}: ${quote(value)} does nothing. The kernel knows no such value, and AMD's IOMMU is on wherever the firmware ` +
  "offers it; leave it out.";

export const vendorIommuPt = (where: string, value: string): string =>
  `${where}: ${quote(value)} does nothing. Expected iommu=pt; set \`iommuMode: "passthrough"\`.`;

export const kernelParameterAsOption = (where: string, value: string): string =>
  `${where}: ${quote(value)} names a parameter of the kernel, which no module reads. Expected it among ` +
  "`kernelParameters`, or `hugepages`, `iommuMode` or `acsOverride`.";

export const sameName = (kind: string, name: string, one: string, other: string): Error =>
  new Error(
    `${one} and ${other} are both ${kind} ${quote(name)}. Expected names that differ; rename one of the constructs.`,
  );

export const sameConnection = (address: string, one: string, other: string): Error =>
  new Error(
    `${one} and ${other} both connect to ${address}. Expected one IommuHost for each host; give all bindings and VMs ` +
      "the same one.",
  );

export const secondProvider = (stack: string, first: string): Error =>
  new Error(
    `The stack ${stack} already has a PassthroughProvider, ${first}. Expected one for each stack; construct it before ` +
      "the first IommuHost, and only once.",
  );

export const hostStillConstructed = (name: string, path: string): Error =>
  new Error(
    `The provider's \`hosts\` name ${quote(name)}, which ${path} already connects. Expected only hosts whose IommuHost ` +
      "is gone; remove the entry.",
  );

export const otherStack = (what: string, stack: string, host: string, hostStack: string): Error =>
  new Error(
    `${what} stands in the stack ${stack}, its host ${host} in the stack ${hostStack}. Expected both in one stack; ` +
      "move one of them.",
  );

export const noDevices = (where: string): Error =>
  new Error(
    `${where} binds no devices. Expected at least one, such as \`devices: { card: { address: "0000:01:00" } }\`.`,
  );

export const emptySelector = (where: string): Error =>
  new Error(
    `${where} names no device. Expected what tells it from others, such as { address: "0000:01:00" } or { vendor: "10de" }.`,
  );

export const notLiteral = (where: string): Error =>
  new Error(
    `${where} is only known once Terraform runs. Expected a literal, such as { address: "0000:01:00" }: the host's boot ` +
      "files need it, and a plan must show it.",
  );

export const malformedKey = (where: string, value: string): Error =>
  new Error(
    `${where}: ${quote(value)} cannot name a device. Expected letters, digits, _, . and -, such as card.`,
  );

export const unknownDevice = (binding: string, key: string, known: readonly string[]): Error =>
  new Error(`${binding} has no device ${quote(key)}. Its devices are ${list(known)}.`);

export const boundTwice = (selector: string, host: string, one: string, other: string): Error =>
  new Error(
    `${one} and ${other} both bind ${selector} of ${host}. Expected each device in one binding; remove one of them.`,
  );

export const claimedTwice = (device: string, host: string, one: string, other: string): Error =>
  new Error(
    `${one} and ${other} both claim ${device} of ${host}. A device belongs to one slot of one VM; remove one of them.`,
  );

export const otherHost = (where: string, device: string, deviceHost: string, vmHost: string): Error =>
  new Error(
    `${where} takes ${device} of ${deviceHost}, and the VM is on ${vmHost}. Expected a device of the VM's own host.`,
  );

export const unknownSlot = (where: string, value: string, expected: string): Error =>
  new Error(`${where} has no slot ${quote(value)}. Expected ${expected}.`);

export const notTaken = (
  where: string,
  prop: string,
  hypervisor: string,
  expected: readonly string[],
): Error =>
  new Error(`${where}: ${hypervisor} has no \`${prop}\`. It takes ${list(expected)}; leave \`${prop}\` out.`);

export const slotWithoutSource = (where: string, sources: readonly string[]): Error =>
  new Error(`${where} names nothing to attach. Expected one of ${list(sources)}.`);

export const slotWithManySources = (where: string, given: readonly string[]): Error =>
  new Error(`${where} names ${given.join(" and ")}. Expected only one of them.`);

export const pcieWithoutQ35 = (where: string, machine: string): Error =>
  new Error(
    `${where} asks for \`pcie\`, and the machine is ${quote(machine)}. Expected a q35 machine; set \`machine: "q35"\`, ` +
      "or leave `pcie` out.",
  );

export const legacyIgdWithQ35 = (where: string, machine: string): Error =>
  new Error(
    `${where} asks for \`legacyIgd\`, and the machine is ${quote(machine)}. Expected machine pc; set \`machine: "pc"\`, ` +
      "or leave `legacyIgd` out.",
  );

export const secondPrimaryDisplay = (where: string, one: string, other: string): Error =>
  new Error(`${where}: ${one} and ${other} both set \`xVga\`. A VM has one primary display; expected one.`);

export const romfileIsPath = (where: string, value: string): Error =>
  new Error(
    `${where}: ${quote(value)} is a path. Expected the name of a file under /usr/share/kvm, such as gpu.rom; copy it ` +
      "there.",
  );

export const malformedMappingName = (where: string, value: string): Error =>
  new Error(
    `${where}: ${quote(value)} is not the name of a resource mapping. Expected a letter, then letters, digits, _ and -, ` +
      "such as gpu; the construct's id is taken where `name` is not set.",
  );

export const malformedLine = (where: string, value: string): Error =>
  new Error(
    `${where}: ${quote(value)} cannot stand in the cluster's configuration. Expected one line of at most 4096 ` +
      "characters, without blanks at its ends.",
  );

export const emptyMapping = (where: string): Error =>
  new Error(
    `${where} maps no devices. Expected at least one, such as \`devices: { card: gpu.device("card") }\`.`,
  );

export const mappedWithoutHost = (where: string): Error =>
  new Error(`${where} is of no IommuHost. Expected a device of a VfioBinding, or { host, address }.`);

export const malformedUsbId = (where: string, value: string): Error =>
  new Error(
    `${where}: ${quote(value)} is not the id of a USB device. Expected vendor and product, such as 046d:c52b; ` +
      "`lsusb` on the host lists them.",
  );

export const malformedUsbPort = (where: string, value: string): Error =>
  new Error(
    `${where}: ${quote(value)} is not a USB port. Expected bus-port[.port...], such as 1-4.2; \`lsusb -t\` on the host ` +
      "shows them.",
  );

export const malformedRomFileName = (where: string, value: string): Error =>
  new Error(
    `${where}: ${quote(value)} cannot name a ROM file. Expected a name without a path that ends in .rom or .bin: letters, ` +
      "digits, ., _, + and -, such as gpu.rom.",
  );

export const unreadableRom = (where: string, value: string, words: string): Error =>
  new Error(`${where}: Unable to read ${quote(value)}: ${words}`);

export const notARom = (where: string, value: string, words: string): Error =>
  new Error(
    `${where}: ${quote(value)} is no option ROM: ${words}. Expected one as the card has it, such as a dump of its own; a ` +
      "file that a vendor's flash tool makes has a header before it, which is to be cut off.",
  );

export const romfileIsNoPath = (where: string, value: string): Error =>
  new Error(
    `${where}: ${quote(value)} is not the path of a ROM file. Expected an absolute path on the host, of letters, digits ` +
      "and ._+@:,/-, such as /var/lib/libvirt/vbios/gpu.rom.",
  );

export const badBootOrder = (where: string, value: number): Error =>
  new Error(`${where}: ${value} is not a place in the boot order. Expected a whole number from 1 on.`);

export const badDomainName = (where: string, value: string): Error =>
  new Error(
    `${where}: ${quote(value)} is not the name of a libvirt domain. Expected the name that \`virsh list --all\` shows, ` +
      "without line breaks, control characters and slashes.",
  );

export const malformedValue = (where: string, value: string): Error =>
  new Error(
    `${where}: ${quote(value)} cannot stand in a VM's configuration. Expected a value without commas, spaces or line ` +
      "breaks.",
  );

export const badVmId = (value: unknown): Error =>
  new Error(
    `${quote(value)} is not the id of a VM. Expected a whole number from 100 to 999999999, as \`qm list\` shows it.`,
  );

export const badEngineName = (where: string, value: string): Error =>
  new Error(
    `${where}: ${quote(value)} is not a name of an engine. Expected letters, digits, ., _, + and -, as the ` +
      "Administration Portal shows it, or an id.",
  );

export const nicWithout = (where: string, option: string, system: string): Error =>
  new Error(`${where} has no ${option}, and ${system} needs it. Declare ${option}.`);

export const badEngineUrl = (where: string, value: string): Error =>
  new Error(
    `${where}: ${quote(value)} is not the address of an engine. Expected https:// and its name, without a login, such as ` +
      "https://engine.example.",
  );

export const badFingerprint = (where: string, value: string): Error =>
  new Error(
    `${where}: ${quote(value)} is not a SHA-256 fingerprint. Expected 64 hex digits, with or without colons; ` +
      "`openssl x509 -noout -fingerprint -sha256` prints it.",
  );

export const badPem = (where: string): Error =>
  new Error(
    `${where} holds no certificate. Expected PEM (-----BEGIN CERTIFICATE----- ...); a path goes into \`caFile\`.`,
  );

export const manyTrusts = (where: string, given: readonly string[]): Error =>
  new Error(`${where} sets ${given.join(" and ")}. Expected one of ca, caFile, fingerprint.`);

export const passwordInCode = (where: string): string =>
  `${where} stands in the code in plain text, and so in the synthesized stack. Give it through an ephemeral ` +
  "variable, or leave it out and set PASSTHROUGH_OVIRT_PASSWORD.";

export const sameEngine = (url: string, one: string, other: string): Error =>
  new Error(`${one} and ${other} both are the engine at ${url}. Expected one OvirtEngine for each engine.`);

export const sameVm = (vm: string, one: string, other: string): Error =>
  new Error(
    `${one} and ${other} both describe ${vm}. Expected one PassthroughVm for each VM; put all slots into one of them.`,
  );

export const notBuilt = (missing: string): Error =>
  new Error(
    `The provider is not built: ${missing} is missing. Run \`npm run build\` in the checkout of cdktf-passthrough, or ` +
      "install the package again.",
  );

export const frontEndWithoutPlace = (where: string, given: readonly string[]): Error =>
  new Error(
    `${where} names ${given.length === 0 ? "no machine" : given.join(" and ")}. Expected either \`connection\`, or ` +
      "`host` where the front end is a host of the stack too.",
  );

export const secondFilter = (frontEnd: string, one: string, other: string): Error =>
  new Error(
    `${one} and ${other} both describe what the hosts of ${frontEnd} list. Expected one OpenNebulaPciFilter for each ` +
      "front end; put everything into one of them.",
  );

export const emptyPciFilter = (where: string): Error =>
  new Error(`${where} is empty. Expected at least one pattern, such as 10de:*; 0:0 lists no device.`);

export const malformedPciFilter = (where: string, value: string): Error =>
  new Error(
    `${where}: ${quote(value)} is not a PCI filter. Expected vendor:device[:class] in hex, each of them empty or * for ` +
      "any, such as 10de:*, *:10d3 or 8086::0c03.",
  );

export const malformedShortAddress = (where: string, value: string): Error =>
  new Error(
    `${where}: ${quote(value)} is not an address for OpenNebula. Expected bus, device and function, such as 07:00.0; it ` +
      "knows PCI domain 0000 alone.",
  );

export const malformedShortHex = (where: string, value: string): Error =>
  new Error(`${where}: ${quote(value)} is not an id. Expected up to four hex digits, such as 10de.`);

export const malformedMac = (where: string, value: string): Error =>
  new Error(
    `${where}: ${quote(value)} is not a MAC address. Expected six pairs of hex digits, such as 02:00:c0:a8:00:0a.`,
  );

export const badVlanId = (where: string, value: number): Error =>
  new Error(`${where}: ${value} is not a VLAN. Expected a whole number from 1 to 4094.`);

export const malformedDeviceName = (where: string, value: string): Error =>
  new Error(
    `${where}: ${quote(value)} is not a device name. Expected a regular expression on one line, such as ^MegaRAID.`,
  );

export const malformedOpenNebulaName = (where: string, value: string): Error =>
  new Error(
    `${where}: ${quote(value)} is not a name or id of OpenNebula. Expected one as its commands list it, on one line.`,
  );

export const devicesOfTwoHosts = (where: string, one: string, other: string): Error =>
  new Error(
    `${where} names ${one} and ${other}, which are of two hosts. Expected the devices of one machine: the one that ` +
      "OpenNebula knows by this name.",
  );

export const noDeviceAccess = (path: string): Error =>
  new Error(`${path}: of is empty. Expected at least one VfioBinding or VirtualFunctions of the host.`);

export const deviceAccessElsewhere = (path: string, devices: string, host: string): Error =>
  new Error(
    `${path}: ${devices} is of another host than ${host}. Expected devices of that host alone: each host has its own list.`,
  );

export const secondDeviceAccess = (host: string, one: string, other: string): Error =>
  new Error(
    `${one} and ${other} both keep the device nodes of ${host}. Expected one LibvirtDeviceAccess for each host; name ` +
      "every binding in one of them.",
  );

export const badPanicSeconds = (where: string, value: number): Error =>
  new Error(
    `${where}: ${value} is not a number of seconds that the kernel takes. Expected a whole number, 0 or more.`,
  );

export const badSecondsOrNone = (where: string, value: number): Error =>
  new Error(`${where}: ${value} is not a number of seconds. Expected 0 or more.`);

export const namesSlot = (where: string, value: string): Error =>
  new Error(
    `${where}: ${quote(value)} names a slot. Expected one function, such as ${value}.0: each function of a card makes its ` +
      "own virtual ones.",
  );

export const badFunctionCount = (where: string, value: number): Error =>
  new Error(`${where}: ${value} is not a number of virtual functions. Expected a whole number from 1.`);

export const unknownFunction = (where: string, number: number | string, count: number): Error =>
  new Error(
    `${where}: There is no virtual function ${number}. Expected a number from 0 to ${count - 1}, or a higher \`count\`.`,
  );

export const sameMac = (where: string, mac: string, one: string, other: string): Error =>
  new Error(
    `${where}: Functions ${one} and ${other} both have the MAC address ${mac}. Expected addresses that differ.`,
  );

export const physicalTwice = (address: string, host: string, one: string, other: string): Error =>
  new Error(
    `${one} and ${other} both make the virtual functions of ${address} of ${host}. Expected one VirtualFunctions for each ` +
      "physical function, with the count for all guests together.",
  );

export const physicalBound = (address: string, host: string, functions: string, binding: string): Error =>
  new Error(
    `${functions} makes virtual functions of ${address} of ${host}, which ${binding} gives to vfio-pci: only its own ` +
      "driver makes them. Give the guests its functions, or the whole card.",
  );

export const immovableWithoutManager = (where: string): Error =>
  new Error(
    `${where}.immovable: Nothing moves the guests of this host, so all of them shut down. Expected \`managedBy\` beside it, or nothing.`,
  );
