import type { BootDeclaration } from "../model/bootConfiguration";
import { decideHost, type HostDecision } from "../model/hostDecision";
import type { Observation } from "../model/observation";
import { observedFiles } from "../model/ownedFiles";
import { renumbered } from "../model/heldDevices";
import type { PlatformOverrides } from "../model/platform";
import { missingParameters, owesProof, rebootGeneration } from "../model/reboot";
import { legibleRecord, type HostRecord } from "../model/record";
import { defaultPanicSeconds } from "../model/trial/trial";
import { UNKNOWN, type Diagnostic, type PrivateState } from "../plugin/types";
import type { IommuHostState } from "../schema";
import { warning, wordsOf } from "./diagnostics";
import { kernelNotices } from "./hostNotices";
import { settingsOf } from "./hostSettings";
import { same, type Planned } from "./values";

/** The state with everything in it that can be read of the host. */
export function readBack(
  state: IommuHostState,
  overrides: PlatformOverrides | undefined,
  observation: Observation,
): { read: IommuHostState; diagnostics: Diagnostic[] } {
  const record = legibleRecord(observation.record);
  const seen = {
    ...state,
    id: state.host,
    files: { ...observedFiles(observation, record?.files ?? state.files ?? {}) },
    pending: [...observation.pending],
    machine_id: observation.machineId,
    assumed: false,
  };
  try {
    const declaration = declarationOf(state);
    const decision = decideHost(declaration, overrides ?? {}, observation);
    const { platform, reboot, digest } = decision;
    const generation = reboot.required
      ? rebootGeneration(digest, observation.bootId)
      : owesEvent(state, record, digest, observation)
        ? rebootGeneration(digest, `after ${observation.bootId}`)
        : state.reboot_generation;
    return {
      read: {
        ...seen,
        boot_loader: platform.bootLoader,
        initramfs: platform.initramfs,
        cpu_vendor: platform.cpuVendor,
        // A host that is right and knows nothing of us is adopted as it is; one that must reboot needs our record.
        declaration_digest: state.declaration_digest ?? record?.digest ?? (reboot.required ? "" : digest),
        reboot_required: reboot.required,
        reboot_reason: reasonAfter(reboot.reason, state.reboot_reason),
        reboot_generation: generation ?? rebootGeneration(digest, "none due"),
      },
      diagnostics: [
        ...(isBlocked(reboot.reason)
          ? [warning(`${state.host ?? ""} is not as declared`, reboot.reason)]
          : []),
        ...renumbered(declaration.devices, decision.boot.functions, observation.devices).map((words) =>
          warning(`${state.host ?? ""}: a card has moved`, words),
        ),
        ...kernelNotices(state.host ?? "", reboot, observation),
      ],
    };
  } catch (error) {
    const words = wordsOf(error);
    return {
      read: { ...seen, reboot_required: false, reboot_reason: `blocked: ${words}` },
      diagnostics: [warning(`${state.host ?? ""} is not as declared`, words)],
    };
  }
}

/** No reboot is due, and the event has something left to do: prove what somebody booted, or give back what left. */
function owesEvent(
  state: IommuHostState,
  record: HostRecord | null,
  digest: string,
  observation: Observation,
): boolean {
  if (observation.drain !== null) return true;
  return state.reboot === "manual" && owesProof(record, digest, observation);
}

/** Nothing of the host is known: all that it would tell is unknown. */
export function undecided(next: Planned<IommuHostState>): Planned<IommuHostState> {
  return {
    ...next,
    id: next.host,
    files: UNKNOWN,
    pending: [],
    boot_loader: next.boot_loader ?? UNKNOWN,
    initramfs: next.initramfs ?? UNKNOWN,
    cpu_vendor: next.cpu_vendor ?? UNKNOWN,
    declaration_digest: UNKNOWN,
    reboot_required: UNKNOWN,
    reboot_reason: UNKNOWN,
    reboot_generation: UNKNOWN,
    machine_id: UNKNOWN,
    assumed: false,
  };
}

function decided(
  next: Planned<IommuHostState>,
  { platform, files, digest }: HostDecision,
): Planned<IommuHostState> {
  return {
    ...next,
    id: next.host,
    boot_loader: platform.bootLoader,
    initramfs: platform.initramfs,
    cpu_vendor: platform.cpuVendor,
    files: { ...files },
    pending: [],
    declaration_digest: digest,
    assumed: false,
  };
}

/**
 * A create is planned again inside the apply, when earlier steps of the same apply have already changed the host:
 * only what they cannot change is known. Parameters that the kernel did not boot with are such a fact; the drivers
 * of this moment are not.
 */
export function plannedCreate(
  next: Planned<IommuHostState>,
  decision: HostDecision,
  observation: Observation,
): Planned<IommuHostState> {
  const missing = missingParameters(decision.boot, observation);
  const due = missing.length > 0 && !isBlocked(decision.reboot.reason);
  return {
    ...decided(next, decision),
    machine_id: observation.machineId,
    reboot_required: due ? true : UNKNOWN,
    reboot_reason: due ? `the running kernel lacks ${missing.join(" ")}` : UNKNOWN,
    reboot_generation: UNKNOWN,
  };
}

export function plannedUpdate(
  next: Planned<IommuHostState>,
  before: IommuHostState,
  decision: HostDecision,
  observation: Observation,
): Planned<IommuHostState> {
  const { reboot, digest } = decision;
  return {
    ...decided(next, decision),
    machine_id: observation.machineId,
    reboot_required: reboot.required,
    reboot_reason: reasonAfter(reboot.reason, before.reboot_reason),
    reboot_generation: reboot.required
      ? rebootGeneration(digest, observation.bootId)
      : before.reboot_generation,
  };
}

export function standsAsDeclared(before: IommuHostState, { files, digest, platform }: HostDecision): boolean {
  return (
    same(before.files, files) &&
    (before.pending ?? []).length === 0 &&
    before.declaration_digest === digest &&
    before.boot_loader === platform.bootLoader &&
    before.initramfs === platform.initramfs &&
    before.cpu_vendor === platform.cpuVendor
  );
}

/** When no reboot is due, the reason of the last one stays, so that nothing changes; a block that ended does not. */
function reasonAfter(reason: string, earlier: string | null): string {
  if (reason !== "") return reason;
  return earlier === null || isBlocked(earlier) ? "" : earlier;
}

function isBlocked(reason: string): boolean {
  return reason.startsWith("blocked: ");
}

export function declarationOf(state: IommuHostState): BootDeclaration {
  const devices = Object.entries(state.devices ?? {}).map(
    ([key, { live_rebind, ...selector }]) => [key, { ...selector, liveRebind: live_rebind }] as const,
  );
  return {
    iommu: state.iommu ?? true,
    kernelParameters: state.kernel_parameters ?? [],
    vfioModules: state.vfio_modules ?? true,
    modules: state.modules ?? [],
    modprobeOptions: state.modprobe_options ?? {},
    blacklist: state.blacklist ?? [],
    softdeps: state.softdeps ?? {},
    devices: Object.fromEntries(devices),
    allowUnsafeInterrupts: state.allow_unsafe_interrupts ?? false,
    settings: settingsOf(state),
    trialBoot: state.trial_boot ?? false,
    trialPanicSeconds: state.trial_panic_seconds ?? defaultPanicSeconds,
  };
}

/** What the author set by hand instead of having it detected; kept, as the state holds the detected values too. */
export function overridesIn(config: IommuHostState): PlatformOverrides {
  return { bootLoader: config.boot_loader, initramfs: config.initramfs, cpuVendor: config.cpu_vendor };
}

export function overridesOf(kept: PrivateState): PlatformOverrides | undefined {
  return kept["overrides"] as PlatformOverrides | undefined;
}
