import { Annotations, Token, type IResolvable } from "cdktf";
import type { Construct, IConstruct } from "constructs";
import { iommuHostSchema, type DeviceSelector, type ConfigOf } from "../schema";
import { adviceAgainst } from "./advice";
import { checkBeforeReboot, writtenBeforeReboot, type BeforeReboot } from "./BeforeReboot";
import { claimedBy, claimOnce, type Claim } from "./claims";
import { checkConnection, type Connection } from "./connection";
import * as errors from "./errors";
import { checkSettings, declaredSettings, type HostSettings } from "./hostSettings";
import { managedByBlock } from "./ManagedHost";
import { nameInStack, requireStackOf } from "./names";
import type { ProviderHost } from "./PassthroughProvider";
import { PassthroughResource, type PassthroughResourceProps } from "./PassthroughResource";
import { projectId } from "./project";
import { rebootEvent } from "./RebootEvent";
import type { RebootGroup } from "./RebootGroup";
import * as valid from "./validation";
import type { Guest, VmPlace } from "./VmTarget";

export interface IommuHostProps extends PassthroughResourceProps, HostSettings {
  /** How the host is reached over SSH. */
  readonly connection: Connection;
  /**
   * Turn the IOMMU on with the parameter that the host's CPU needs.
   * @default true
   */
  readonly iommu?: boolean;
  /**
   * Further kernel parameters, one in each entry, such as `iommu=pt`.
   * @default none
   */
  readonly kernelParameters?: readonly string[];
  /**
   * Load the modules of vfio at boot. Without them they come with the first soft dependency or VM that needs them.
   * @default true
   */
  readonly vfioModules?: boolean;
  /**
   * Further kernel modules to load at boot. Where devices are bound they are packed into the initramfs too.
   * @default none
   */
  readonly modules?: readonly string[];
  /**
   * Module options by module, such as `{ kvm: "ignore_msrs=1" }`.
   * @default none
   */
  readonly modprobeOptions?: Readonly<Record<string, string>>;
  /**
   * Modules that must not load by themselves, such as `nouveau`.
   * @default none
   */
  readonly blacklist?: readonly string[];
  /**
   * Soft dependencies by module, such as `{ nouveau: "pre: vfio-pci" }`.
   * @default none
   */
  readonly softdeps?: Readonly<Record<string, string>>;
  /**
   * Let guests use devices although the host cannot remap interrupts. A guest may then attack the host by forged
   * interrupts.
   * @default false
   */
  readonly allowUnsafeInterrupts?: boolean;
  /**
   * PCI addresses that are handed over although the host itself needs them: its last disk, its network, its console.
   * @default none
   */
  readonly allowCritical?: readonly string[];
  /**
   * Try what a reboot is due for once, by a boot entry and an initramfs of their own. They become the default after the
   * proof over SSH; until then a power cycle finds what booted before. A boot that hangs still needs that power cycle.
   * For initramfs-tools and dracut: with GRUB (update-grub, or entry files) where its environment block is on ext2 to ext4
   * or FAT, and not on LVM or RAID, and with systemd-boot from 250 on; elsewhere the plan refuses it with the reason.
   * @default false
   */
  readonly trialBoot?: boolean;
  /**
   * Seconds after which a kernel that panics in a trial boot, or finds no root file system, starts the machine anew, with
   * what booted before; 0: it stays where it is. A `panic` of your own is left as it is.
   * @default 30
   */
  readonly trialPanicSeconds?: number;
  /**
   * What starts the kernel: `grub` with update-grub and its folder of drop-ins (Debian, Ubuntu), `grub-mkconfig` with
   * a menu made of /etc/default/grub (openSUSE, SLES, Arch, RHEL 7), `grub-bls` with an entry file for each kernel (RHEL
   * from 8 on and its kin, Fedora), `systemd-boot`, or `proxmox-boot-tool`.
   * @default detected on the host
   */
  readonly bootLoader?: "grub" | "grub-mkconfig" | "grub-bls" | "systemd-boot" | "proxmox-boot-tool";
  /**
   * What makes the initramfs.
   * @default detected on the host
   */
  readonly initramfs?: "initramfs-tools" | "dracut" | "mkinitcpio";
  /**
   * Whose CPU it is.
   * @default detected on the host
   */
  readonly cpuVendor?: "intel" | "amd";
  /**
   * Name of this declaration, left on the host. Another declaration that names the same host is refused there.
   * @default the project id of cdktf.json, if there is one, and the construct's path
   */
  readonly owner?: string;
  /**
   * Who reboots the host. `automatic`: the deploy, where the plan says that it is due. `manual`: you, with
   * `npx passthrough reboot`: the plan warns and the deploy reboots nothing. What needs the booted host fails until
   * then and says so; the deploy after the reboot proves the host.
   * @default "automatic"
   */
  readonly reboot?: "automatic" | "manual";
  /**
   * What happens to the host before it reboots: how its guests leave, and what is waited for.
   * @default guests shut down, each within 300 seconds, and start again afterwards
   */
  readonly beforeReboot?: BeforeReboot;
  /**
   * The hosts that it takes turns with.
   * @default the stack's other hosts without a group, one at a time
   */
  readonly rebootGroup?: RebootGroup;
  /**
   * Minutes that the host gets to come back after a reboot. Servers are slow.
   * @default 20
   */
  readonly rebootTimeout?: number;
}

/** What a binding gives to its host: the host's boot must know it. */
export interface HostBinding {
  readonly name: string;
  readonly path: string;
  readonly devices: Readonly<Record<string, DeviceSelector>>;
  readonly allowCritical: readonly string[];
  readonly liveRebind: boolean | undefined;
}

/** A physical function that a VirtualFunctions makes virtual ones of. */
interface PhysicalFunction {
  readonly path: string;
  readonly of: string;
}

/**
 * A hypervisor host whose kernel, modules and initramfs are configured for PCI passthrough. Where the change needs a
 * reboot, the plan says so and why, and the deploy reboots the host and proves that the change took effect.
 */
export class IommuHost extends PassthroughResource<typeof iommuHostSchema.attributes> implements VmPlace {
  /** The host's name in plans and messages: the construct's path in its stack. */
  readonly name: string;
  readonly #props: IommuHostProps;
  readonly #provided: ProviderHost & Required<Pick<ProviderHost, "event">>;
  readonly #bindings: HostBinding[] = [];
  readonly #guests: Guest[] = [];
  readonly #elsewhere: Claim[] = [];
  readonly #physicalFunctions: PhysicalFunction[] = [];

  /** @throws an Error naming the value, what was expected and the mend, where the props cannot be meant. */
  constructor(scope: Construct, id: string, props: IommuHostProps) {
    super(scope, id, iommuHostSchema, props);
    checkProps(this.node.path, props);
    if (props.beforeReboot?.managedBy !== undefined)
      requireStackOf(props.beforeReboot.managedBy.manager, this);
    this.#props = props;
    this.name = nameInStack(this);
    const event = rebootEvent(this, "reboot", this.passthrough.events, this.#subject(), {
      timeoutMinutes: props.rebootTimeout ?? 20,
      manual: props.reboot === "manual",
      before: props.beforeReboot,
    });
    this.#provided = {
      name: this.name,
      connection: props.connection,
      node: this.node,
      event,
      group: props.rebootGroup,
    };
    this.passthrough._addHost(this.#provided);
    this.#warnOfSecrets();
    for (const words of adviceAgainst(this.node.path, props)) Annotations.of(this).addWarning(words);
  }

  /** The running kernel did not boot what is declared. */
  get rebootRequired(): IResolvable {
    return this.getBooleanAttribute("reboot_required");
  }

  /** Why a reboot is due, or why one is blocked, in words for who reviews the plan. */
  get rebootReason(): string {
    return this.getStringAttribute("reboot_reason");
  }

  /** Changes when a reboot becomes due; opaque. */
  get rebootGeneration(): string {
    return this.getStringAttribute("reboot_generation");
  }

  /** Digest of what is declared to boot. */
  get declarationDigest(): string {
    return this.getStringAttribute("declaration_digest");
  }

  /** The lines on the host that belong to this declaration, by file. */
  get files(): Record<string, string> {
    return this.getStringMapAttribute("files");
  }

  /** Commands of an interrupted change that must still run. */
  get pending(): string[] {
    return this.getListAttribute("pending");
  }

  /** The boot loader, as set or detected. */
  get bootLoader(): string {
    return this.getStringAttribute("boot_loader");
  }

  /** What makes the initramfs, as set or detected. */
  get initramfs(): string {
    return this.getStringAttribute("initramfs");
  }

  /** Whose CPU it is, as set or detected. */
  get cpuVendor(): string {
    return this.getStringAttribute("cpu_vendor");
  }

  /**
   * The event that whoever needs the proven host waits for, as an expression.
   * @internal
   */
  get _event(): string {
    return this.#provided.event.fqn;
  }

  /** @internal */
  get _connection(): Connection {
    return this.#props.connection;
  }

  /**
   * What it declares of its kernel's command line.
   * @internal
   */
  get _commandLine(): Pick<IommuHostProps, "kernelParameters" | "iommu"> {
    return this.#props;
  }

  /** @internal */
  _addBinding(binding: HostBinding): void {
    for (const other of this.#bindings) {
      if (other.name === binding.name)
        throw errors.sameName("binding", binding.name, other.path, binding.path);
    }
    claimOnce(this.#bindings.flatMap(bindingClaims), bindingClaims(binding), (device, one, other) =>
      errors.boundTwice(device, this.node.path, one, other),
    );
    this.#bindings.push(binding);
    this.#checkPhysicalFunctions();
  }

  /** @internal */
  _addVirtualFunctions({ path, of }: PhysicalFunction): void {
    const other = this.#physicalFunctions.find((one) => sameFunction(one.of, of));
    if (other !== undefined) throw errors.physicalTwice(of, this.node.path, other.path, path);
    this.#physicalFunctions.push({ path, of });
    this.#checkPhysicalFunctions();
  }

  /** @internal */
  _addGuest(guest: Guest): void {
    for (const other of this.#guests) {
      if (other.vmId === guest.vmId) {
        throw errors.sameVm(`VM ${guest.vmId} of ${this.node.path}`, other.path, guest.path);
      }
    }
    this.#claim(guest.claims);
    this.#guests.push(guest);
  }

  /**
   * What VMs of an engine or front end take of this host's bindings.
   * @internal
   */
  _claimElsewhere(claims: readonly Claim[]): void {
    this.#claim(claims);
    this.#elsewhere.push(...claims);
  }

  /** Throws where a guest of this host, or of one that manages it, has a device already. */
  #claim(claims: readonly Claim[]): void {
    const taken = [...this.#guests.flatMap((guest) => guest.claims), ...this.#elsewhere];
    claimOnce(taken, claims, (device, one, other) => errors.claimedTwice(device, this.node.path, one, other));
  }

  /** @internal */
  _peersOf(vmId: string): string[] {
    return this.#guests.map((guest) => guest.vmId).filter((id) => id !== vmId);
  }

  /** @internal */
  _reaches(host: IConstruct): boolean {
    return host === this;
  }

  protected override predecessors(): readonly string[] {
    const manager = this.#props.beforeReboot?.managedBy?.manager._reboot;
    const before = this.passthrough._before(this.#provided).map(({ fqn }) => fqn);
    return manager === undefined || before.includes(manager) ? before : [...before, manager];
  }

  protected override declared(): ConfigOf<typeof iommuHostSchema.attributes> {
    const props = this.#props;
    return {
      host: this.name,
      owner: props.owner ?? [projectId(this), this.node.path].filter(Boolean).join("/"),
      iommu: props.iommu,
      kernel_parameters: copy(props.kernelParameters),
      vfio_modules: props.vfioModules,
      modules: copy(props.modules),
      modprobe_options: props.modprobeOptions && { ...props.modprobeOptions },
      blacklist: copy(props.blacklist),
      softdeps: props.softdeps && { ...props.softdeps },
      devices: this.#devices(),
      ...declaredSettings(props),
      allow_unsafe_interrupts: props.allowUnsafeInterrupts,
      allow_critical: this.#allowCritical(),
      reboot: props.reboot,
      managed_by: managedByBlock(props.beforeReboot?.managedBy, props.beforeReboot?.immovable),
      // The event has it by itself; whoever orders the reboot gets it with the command.
      before_reboot: props.reboot === "manual" ? writtenBeforeReboot(props.beforeReboot) : undefined,
      trial_boot: props.trialBoot,
      trial_panic_seconds: props.trialPanicSeconds,
      boot_loader: props.bootLoader,
      initramfs: props.initramfs,
      cpu_vendor: props.cpuVendor,
    };
  }

  /** Every bound device: the host must hold it from the boot on. */
  #devices(): ConfigOf<typeof iommuHostSchema.attributes>["devices"] {
    const devices = this.#bindings.flatMap(({ name, devices, liveRebind }) =>
      Object.entries(devices).map(
        ([key, device]) => [`${name}/${key}`, { ...device, live_rebind: liveRebind ?? null }] as const,
      ),
    );
    return devices.length > 0 ? Object.fromEntries(devices) : undefined;
  }

  /** Only its own driver makes virtual functions. */
  #checkPhysicalFunctions(): void {
    claimOnce(
      this.#physicalFunctions.map(({ path, of }) => ({ by: path, device: { address: of } })),
      this.#bindings.flatMap(bindingClaims),
      (device, functions, binding) => errors.physicalBound(device, this.node.path, functions, binding),
    );
  }

  #allowCritical(): string[] | undefined {
    const bound = this.#bindings.flatMap(({ allowCritical }) => allowCritical);
    const all = [...new Set([...(this.#props.allowCritical ?? []), ...bound])];
    return all.length > 0 ? all : undefined;
  }

  #subject() {
    const { name, declarationDigest, rebootReason, rebootGeneration } = this;
    return { name, declarationDigest, rebootReason, rebootGeneration, connection: this.#props.connection };
  }

  #warnOfSecrets(): void {
    for (const secret of ["privateKey", "passphrase"] as const) {
      const value = this.#props.connection[secret];
      if (value === undefined || Token.isUnresolved(value)) continue;
      Annotations.of(this).addWarning(errors.secretInCode(`connection.${secret}`));
    }
  }
}

function checkProps(path: string, props: IommuHostProps): void {
  const at = (prop: string): string => `${path}: ${prop}`;
  checkConnection(at("connection"), props.connection);
  valid.checkAll(valid.isKernelParameter, at("kernelParameters"), props.kernelParameters);
  valid.checkAll(valid.bindsNothing, at("kernelParameters"), props.kernelParameters);
  if (props.iommu !== false) {
    valid.checkAll(valid.keepsIommuOn, at("kernelParameters"), props.kernelParameters);
  }
  valid.checkAll(valid.isModule, at("modules"), props.modules);
  valid.checkAll(valid.isBlacklistable, at("blacklist"), props.blacklist);
  for (const [module, options] of Object.entries(props.modprobeOptions ?? {})) {
    valid.isModule(at("modprobeOptions"), module);
    valid.check(valid.isModuleOptions, at(`modprobeOptions.${module}`), options);
    if (/^vfio[-_]pci$/.test(module)) valid.check(valid.setsNoIds, at(`modprobeOptions.${module}`), options);
  }
  for (const [module, dependencies] of Object.entries(props.softdeps ?? {})) {
    valid.isModule(at("softdeps"), module);
    valid.check(valid.isSoftdep, at(`softdeps.${module}`), dependencies);
  }
  checkSettings(at, props);
  valid.checkAll(valid.isAddress, at("allowCritical"), props.allowCritical);
  valid.check(valid.isBootLoader, at("bootLoader"), props.bootLoader);
  valid.check(valid.isInitramfs, at("initramfs"), props.initramfs);
  valid.check(valid.isCpuVendor, at("cpuVendor"), props.cpuVendor);
  valid.check(valid.isRebootMode, at("reboot"), props.reboot);
  valid.check(valid.isPanicSeconds, at("trialPanicSeconds"), props.trialPanicSeconds);
  checkBeforeReboot(at("beforeReboot"), props.beforeReboot);
  valid.check(valid.isMinutes, at("rebootTimeout"), props.rebootTimeout);
}

function bindingClaims({ path, devices }: HostBinding): Claim[] {
  return Object.entries(devices).map(([key, selector]) => ({
    by: `${path}: devices.${key}`,
    device: claimedBy(selector),
  }));
}

function sameFunction(one: string, other: string): boolean {
  return valid.normaliseAddress(one) === valid.normaliseAddress(other);
}

function copy(values: readonly string[] | undefined): string[] | undefined {
  return values && [...values];
}
