import { wroteNothing, type Step } from "../model/change";
import type { HostFacts, PciDevice } from "../model/facts";
import { observe } from "../model/observation";
import { addressNow } from "../model/heldDevices";
import { heldByOthers } from "../model/ownedFiles";
import { slotOf } from "../model/pciAddress";
import { legibleRecord, parseRecord } from "../model/record";
import { checkSelector } from "../model/selector";
import {
  UNKNOWN,
  type ApplyResult,
  type Diagnostic,
  type PrivateState,
  type ResourceType,
} from "../plugin/types";
import { completeSelector, vfioBindingSchema, type VfioBindingState } from "../schema";
import { departed, groupNotices, heldByGuests, inUse, notBindable } from "./bindingProblems";
import { boundFunctions, idOf, readBack, seenAgain, select, type Selected } from "./boundFunctions";
import { stateStays } from "./applyResults";
import { addressProblems, failure, warning, wordsOf } from "./diagnostics";
import { handOverProblems } from "./handOver";
import {
  type Recreated,
  applyAlone,
  changeAndRead,
  changeFailure,
  keep,
  planObservation,
  recreated,
  refresh,
} from "./hostResource";
import { assumedIn, type Hosts, type Seen } from "./hosts";
import { importedState } from "./importId";
import { hasUnknown, inputsChanged, same, typed, untyped, type Planned } from "./values";

const inputs = [
  "host",
  "name",
  "devices",
  "allow_critical",
  "live_rebind",
] as const satisfies readonly (keyof VfioBindingState)[];

export const vfioBinding: ResourceType<Hosts> = {
  schema: vfioBindingSchema,

  validate(config) {
    if (hasUnknown(config)) return [];
    const { name, devices, allow_critical } = typed<VfioBindingState>(config);
    const selectors = Object.entries(devices ?? {});
    return [
      ...(name === ""
        ? [
            failure(
              "Unable to use an empty name",
              "It tells the bindings of one host apart. Expected one, such as gpu.",
              ["name"],
            ),
          ]
        : []),
      ...(selectors.length === 0
        ? [
            failure(
              `Unable to bind no devices (${name ?? ""})`,
              'Expected at least one, such as { card = { address = "0000:01:00" } }.',
              ["devices"],
            ),
          ]
        : []),
      ...selectors.flatMap(([key, selector]) => {
        try {
          checkSelector(selector);
          return [];
        } catch (error) {
          return [failure(`Unable to use device ${key} of ${name ?? ""}`, wordsOf(error), ["devices", key])];
        }
      }),
      ...addressProblems("allow_critical", allow_critical),
    ];
  },

  read: (request, hosts, signal) =>
    refresh<VfioBindingState>(request, hosts, signal, (state, sight) => ({
      state: untyped(seenAgain(state, observe(sight.facts))),
      private: keep(sight),
      diagnostics: groupNotices(state, sight.facts),
    })),

  async plan({ prior, proposed, config, private: kept }, hosts, signal) {
    const before = prior === null ? null : typed<VfioBindingState>(prior);
    if (proposed === null || config === null) {
      return {
        planned: null,
        private: kept,
        diagnostics: before === null ? [] : await heldByGuests(before, kept, hosts, signal),
      };
    }
    const next = typed<Planned<VfioBindingState>>(proposed);
    if (hasUnknown(config)) return { planned: untyped(undecided(next)), private: kept };

    const declared = typed<VfioBindingState>(proposed);
    const name = declared.host ?? "";
    const changed = before === null || inputsChanged(inputs, before, next);
    const sight = changed ? await hosts.look(name, kept["connection"], signal) : null;
    const diagnostics: Diagnostic[] = sight?.kind === "assumed" ? [sight.notice] : [];
    const observation = planObservation(before, kept, sight);
    const planned = (state: VfioBindingState | Planned<VfioBindingState>, mark?: Recreated) => ({
      planned: untyped(state),
      private: mark === undefined ? kept : { ...kept, recreated: mark },
      diagnostics,
      requiresReplace: before !== null && before.host !== declared.host ? [["host"]] : [],
    });
    if (observation === null) return planned({ ...undecided(next), assumed: assumedIn(sight) });

    let selected: Selected;
    try {
      selected = select(declared, observation, legibleRecord(observation.record));
    } catch (error) {
      if (changed)
        return {
          ...planned(declared),
          diagnostics: [
            failure(`Unable to bind ${declared.name ?? ""} on ${name}`, wordsOf(error), ["devices"]),
          ],
        };
      diagnostics.push(warning(`${declared.name ?? ""} on ${name} is not as declared`, wordsOf(error)));
      return planned(before);
    }
    if (changed && sight?.kind === "seen") {
      // Whether a group goes as a whole is the host's to say: it knows the devices of all its bindings.
      const everything = sight.facts.devices.map(({ address }) => address);
      diagnostics.push(
        ...handOverProblems(name, sight.facts, selected.devices, declared.allow_critical ?? [], everything),
        ...inUse(name, sight.facts, departed(before, selected)),
      );
    }
    const functions = boundFunctions(selected, legibleRecord(observation.record), before);
    const held = Object.fromEntries(
      Object.entries(functions).map(([address, bound]) => [address, { ...bound, driver: "vfio-pci" }]),
    );
    if (
      before !== null &&
      !changed &&
      same(before.functions, held) &&
      same(before.addresses, selected.addresses)
    ) {
      return planned(before);
    }
    return planned(
      {
        ...next,
        id: `${name}/${declared.name ?? ""}`,
        addresses: selected.addresses,
        functions: held,
        // A reboot in the same apply may bring groups about, or number them anew.
        iommu_groups: UNKNOWN,
        machine_id: observation.machineId,
        assumed: false,
      },
      before === null ? { host: name, addresses: Object.keys(held) } : undefined,
    );
  },

  apply: (request, hosts, signal) =>
    applyAlone<VfioBindingState>(request, hosts, signal, (name, before, target, sight) =>
      target === null
        ? release(name, before, sight, request.private, signal)
        : bind(name, before, target, sight, request.private, signal),
    ),

  import(id) {
    const state = importedState(id, ["host", "name"], vfioBindingSchema.attributes);
    // `host/0000:01:00` takes the address for a name and a device key, until the configuration says its own.
    const devices = state["devices"] ?? {
      device: completeSelector({ address: (state["name"] ?? null) as string | null }),
    };
    return Promise.resolve({ state: { ...state, devices } });
  },
};

async function bind(
  name: string,
  before: VfioBindingState | null,
  target: Planned<VfioBindingState>,
  sight: Seen,
  kept: PrivateState,
  signal: AbortSignal,
): Promise<ApplyResult> {
  const declared = typed<VfioBindingState>(untyped(target));
  const label = declared.name ?? "";
  const record = parseRecord(sight.facts.record);
  const selected = select(declared, sight.facts, record);
  const stays = stateStays(before, kept);
  if (target.addresses !== UNKNOWN && !same(target.addresses, selected.addresses)) {
    return stays([
      failure(
        `${name} changed since the plan`,
        `The devices of ${label} are now at ${words(selected.addresses)}, not ${words(target.addresses ?? {})}. Nothing was touched. Plan again.`,
        ["devices"],
      ),
    ]);
  }
  const bound = (record?.boot.functions ?? []).map(({ address }) => address);
  const problems = handOverProblems(name, sight.facts, selected.devices, declared.allow_critical ?? [], [
    ...bound,
    ...selected.devices.map(({ address }) => address),
  ]);
  const loose = selected.devices.filter(({ driver }) => driver !== "vfio-pci");
  const gone = departed(before, selected);
  const leaving = releasable(before, sight.facts).filter((address) => gone.includes(address));
  const refused = [
    ...problems.filter(({ severity }) => severity === "error"),
    ...notBindable(name, selected.devices, declared.live_rebind ?? false),
    ...inUse(name, sight.facts, leaving),
  ];
  if (refused.length > 0) return stays(refused);

  const change = {
    purpose: `bind ${label} on ${name}`,
    machineId: sight.facts.machineId,
    steps: [...releaseSteps(leaving, before), ...bindSteps(loose, declared.allow_critical ?? [])],
  };
  const { outcome, facts } = await changeAndRead(sight, change, signal);
  const failed = outcome.ok ? [] : [changeFailure(name, change, outcome)];
  if (facts === null || (before === null && wroteNothing(outcome))) return stays(failed);
  // The driver that gets each function back is the one from before this change.
  const functions =
    target.functions === UNKNOWN ? boundFunctions(selected, record, before) : target.functions;
  const state = readBack(
    { ...declared, id: `${name}/${label}`, assumed: false },
    observe(facts),
    { ...declared, functions },
    record,
  );
  return { state: untyped(state), private: keep(sight, facts), diagnostics: failed };
}

async function release(
  name: string,
  before: VfioBindingState | null,
  sight: Seen,
  kept: PrivateState,
  signal: AbortSignal,
): Promise<ApplyResult> {
  const heldAgain = recreated(kept, name)?.addresses ?? [];
  const held = releasable(before, sight.facts).filter((address) => !heldAgain.includes(address));
  const used = inUse(name, sight.facts, held);
  if (used.length > 0) return { state: before && untyped(before), private: kept, diagnostics: used };
  const change = {
    purpose: `release ${before?.name ?? ""} on ${name}`,
    machineId: sight.facts.machineId,
    steps: releaseSteps(held, before),
  };
  const { outcome } = await changeAndRead(sight, change, signal);
  if (outcome.ok) return { state: null, private: kept };
  if (outcome.reason !== "failed") {
    return {
      state: before === null ? null : untyped(before),
      private: kept,
      diagnostics: [changeFailure(name, change, outcome)],
    };
  }
  // Our lines leave the boot configuration with the host, so what stays on vfio-pci now goes back by itself.
  return {
    state: null,
    private: kept,
    diagnostics: [
      warning(
        `${before?.name ?? ""} of ${name} returns at the next boot`,
        `Its driver did not take it back now: ${outcome.message}`,
      ),
    ],
  };
}

/**
 * The functions that vfio-pci holds because of this binding. What another binding of the host declares by now, or
 * somebody else gives to vfio-pci, stays where it is.
 */
function releasable(before: VfioBindingState | null, facts: HostFacts): string[] {
  const declared = parseRecord(facts.record)?.boot.functions ?? [];
  const elsewhere = declared.filter(({ device }) => !device.startsWith(`${before?.name ?? ""}/`));
  const observation = observe(facts);
  const held = parseRecord(facts.record)?.held ?? {};
  return Object.entries(before?.functions ?? {}).flatMap(([then, { id }]) => {
    const address = addressNow(then, facts.devices, held);
    const found = facts.devices.find((device) => device.address === address && idOf(device) === id);
    // Unbound by hand, it still waits for vfio-pci.
    const holds =
      found?.driver === "vfio-pci" || (found?.driver === null && found.driverOverride === "vfio-pci");
    const others =
      elsewhere.some((found) => found.address === address) || heldByOthers(observation, id ?? "");
    return holds && !others ? [address] : [];
  });
}

function undecided(next: Planned<VfioBindingState>): Planned<VfioBindingState> {
  const id =
    next.host === UNKNOWN || next.name === UNKNOWN ? UNKNOWN : `${next.host ?? ""}/${next.name ?? ""}`;
  return {
    ...next,
    id,
    addresses: UNKNOWN,
    functions: UNKNOWN,
    iommu_groups: UNKNOWN,
    machine_id: UNKNOWN,
    assumed: false,
  };
}

function bindSteps(devices: readonly PciDevice[], allow: readonly string[]): Step[] {
  if (devices.length === 0) return [];
  const functions = devices.map(({ address, vendor, device }) => ({ address, id: `${vendor}:${device}` }));
  return [
    { step: "guard", addresses: functions.map(({ address }) => address), allow },
    ...bySlot(functions).map((slot): Step => ({ step: "bind", functions: slot })),
  ];
}

function releaseSteps(addresses: readonly string[], before: VfioBindingState | null): Step[] {
  const functions = addresses.map((address) => ({
    address,
    driver: before?.functions?.[address]?.host_driver ?? "",
  }));
  return bySlot(functions).map((slot): Step => ({ step: "release", functions: slot }));
}

function bySlot<F extends { readonly address: string }>(functions: readonly F[]): F[][] {
  const slots = new Map<string, F[]>();
  for (const found of functions) {
    const slot = slotOf(found.address);
    slots.set(slot, [...(slots.get(slot) ?? []), found]);
  }
  return [...slots.values()];
}

function words(addresses: Readonly<Record<string, string>>): string {
  return Object.entries(addresses)
    .map(([key, address]) => `${key} = ${address}`)
    .join(", ");
}
