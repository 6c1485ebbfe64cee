import {
  bool,
  computed,
  detected,
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
import { hostSettingAttributes } from "./hostSettings";
import { bootLoaderNames, initramfsNames } from "./platformNames";
import { selectorAttributes } from "./selector";

const words = (names: readonly string[]): string => names.map((name) => `\`${name}\``).join(", ");

/** One device that a VfioBinding of this host declares, as boot needs to know it. */
const hostDeviceAttributes = {
  ...selectorAttributes,
  live_rebind: optional(bool, "Rebind it without a reboot although it is a display device."),
} as const;

/** The host at what manages it from elsewhere. */
const managedByAttributes = {
  engine: optional(string, "Name of an oVirt engine in the provider's `engines`."),
  front_end: optional(string, "Name of an OpenNebula front end in the provider's `hosts`."),
  name: required(string, "Name or id of the host there."),
  moves: optional(bool, "OpenNebula: running VMs move to other hosts (`onehost flush`). Default true."),
  immovable: optional(
    string,
    "What becomes of guests that cannot move: `fail` refuses the reboot, `shut-down` shuts them down. Default `fail`.",
  ),
} as const;

export const iommuHostSchema = resource({
  typeName: "passthrough_iommu_host",
  version: 0,
  description: "A hypervisor host whose kernel, modules and initramfs are configured for PCI passthrough.",
  attributes: {
    id: computed(string, "The host's name."),
    host: required(string, "Name of the host in the provider's `hosts`."),
    owner: required(string, "Name of the declaration, left on the host; another declaration is refused."),
    iommu: optional(bool, "Turn the IOMMU on with the parameter that this CPU vendor needs. Default true."),
    kernel_parameters: optional(list(string), "Further kernel parameters, such as `iommu=pt`."),
    vfio_modules: optional(bool, "Load the modules of vfio at boot. Default true."),
    modules: optional(
      list(string),
      "Further kernel modules to load at boot; where devices are bound they are packed into the initramfs too.",
    ),
    modprobe_options: optional(map(string), 'Options by module, such as `kvm = "ignore_msrs=1"`.'),
    blacklist: optional(list(string), "Modules that must not load by themselves."),
    softdeps: optional(map(string), 'Soft dependencies by module, such as `nouveau = "pre: vfio-pci"`.'),
    devices: optional(
      mapOf(hostDeviceAttributes),
      "What this host's bindings hold from boot on, by `binding/device`.",
    ),
    allow_unsafe_interrupts: optional(
      bool,
      "vfio_iommu_type1's allow_unsafe_interrupts: guests may attack the host by MSI. Default false.",
    ),
    ...hostSettingAttributes,
    allow_critical: optional(
      list(string),
      "PCI addresses the author hands over although the host needs them.",
    ),
    reboot: optional(
      string,
      "`automatic`: the event reboots where that is due; `manual`: it only says so. Default `automatic`.",
    ),
    managed_by: optional(
      object(managedByAttributes),
      "What takes the host out of service before a reboot, and into it again after the proof.",
    ),
    before_reboot: optional(
      string,
      "What is declared to happen before a reboot, as JSON: for the command that orders one by hand.",
    ),
    trial_boot: optional(
      bool,
      "Try what a reboot is due for by a boot entry of its own, once, and make it the default after the proof. Default false.",
    ),
    trial_panic_seconds: optional(
      number,
      "Seconds after which a kernel that panics in a trial boot starts the machine anew, with the old default; 0: never. Default 30.",
    ),
    boot_loader: detected(string, `${words(bootLoaderNames)}; detected if not set.`),
    initramfs: detected(string, `${words(initramfsNames)}; detected if not set.`),
    cpu_vendor: detected(string, "`intel` or `amd`; detected if not set."),
    files: computed(map(string), "The lines we own, by file."),
    pending: computed(list(string), "Commands of an earlier, interrupted change that must still run."),
    declaration_digest: computed(string, "Digest of the declared boot state."),
    reboot_required: computed(bool, "The running kernel did not boot what is declared."),
    reboot_reason: computed(string, "Why the last due reboot is or was due, or why one is blocked."),
    reboot_generation: computed(string, "Changes when a reboot becomes due; opaque."),
    machine_id: computed(string, "The host's machine-id."),
    assumed: computed(bool, "The host was not reached; this is what the state remembers."),
  },
});

export type HostDevice = StateOf<typeof hostDeviceAttributes>;
export type IommuHostState = StateOf<typeof iommuHostSchema.attributes>;
