import { attributeOf } from "../../model/openNebulaTemplate";
import type { Problem, VmRequest } from "../types";
import { describeUnmet, unmetBy, type Asked } from "./availability";
import { findNamed, hostState, type Cloud, type CloudDevice, type CloudHost } from "./cloud";
import { networkDrivers } from "./network";
import { isNic } from "./sections";
import { declaredSlots } from "./slots";
import { describeTarget, findTarget, isTemplateId, targetIn, type Target } from "./target";
import { differenceOf, orderIn } from "./vmChange";

type Moment = "plan" | "apply";

/** What the checks look at. */
interface Context extends VmRequest {
  readonly moment: Moment;
  readonly cloud: Cloud;
  readonly target: Target;
  /** `VM 42 (workstation) of one` */
  readonly title: string;
  /** Sections that are to come. */
  readonly asked: readonly Asked[];
  /** Addresses of devices that this VM gives up. */
  readonly leaving: readonly string[];
  /** Slots that are attached once more, for their order. */
  readonly again: readonly string[];
  readonly changes: boolean;
}

/** What speaks against a request on the front end as it stands. */
export function openNebulaProblems(request: VmRequest, moment: Moment): Problem[] {
  const { facts, host, vmId, declaration, record } = request;
  let found: ReturnType<typeof targetIn>;
  try {
    found = targetIn(facts, host, vmId);
  } catch (error) {
    return [
      { severity: "error", summary: `Unable to use ${vmId} of ${host}`, detail: (error as Error).message },
    ];
  }
  const { cloud, target } = found;
  // What is gone has nothing left to give back.
  if (target === null) return declaration === null ? [] : [missing(request, cloud)];
  const slots = declaration ? declaredSlots(declaration) : {};
  const { arriving, leaving, again, changes } = differenceOf(target, slots, record, orderIn(request));
  const asked = Object.entries(arriving).flatMap(([slot, sections]) =>
    sections.map((section) => ({ slot, section })),
  );
  const title = `${describeTarget(target)} of ${host}`;
  const context: Context = {
    ...{ ...request, moment, cloud, target, title, asked, again, changes: changes.length > 0 },
    leaving: target.kind === "vm" ? leaving.map((section) => section["SHORT_ADDRESS"] ?? "") : [],
  };
  return [notNow, movedSlots, devices, networks].flatMap((check) => check(context));
}

/** What passes until the change is made is a warning at plan. */
const later = (moment: Moment): Problem["severity"] => (moment === "plan" ? "warning" : "error");

function missing({ host, vmId }: VmRequest, cloud: Cloud): Problem {
  const kind = isTemplateId(vmId) ? "VM template" : "VM";
  const all = isTemplateId(vmId) ? cloud.templates : cloud.vms;
  const there = all.map(({ id, name }) => `${id} (${name})`).join(", ");
  return {
    severity: "error",
    summary: `There is no ${kind} ${vmId.replace(/^template:/, "")} in OpenNebula on ${host}`,
    detail: `It has ${there === "" ? `no ${kind}` : there}. Name one of them, or create it first.`,
  };
}

/** A VM takes and gives PCI devices only while it is off. */
function notNow({ target, declaration, changes, moment, title }: Context): Problem[] {
  if (!changes || target.kind === "template" || target.changeable) return [];
  if (target.active && declaration?.restart === true) return [];
  return [
    {
      severity: later(moment),
      summary: `${title} is not powered off`,
      detail: target.active
        ? "OpenNebula attaches and detaches PCI devices of a VM that is off alone. Power it off before the apply " +
          `(\`onevm poweroff ${target.id}\`), or set restart = true.`
        : `Its state is number ${target.state}; expected POWEROFF or UNDEPLOYED, which \`onevm show ${target.id}\` tells.`,
    },
  ];
}

/** What is attached comes last, so what is to stand behind it goes and comes back. */
function movedSlots({ again, moment, title }: Context): Problem[] {
  if (again.length === 0 || moment === "apply") return [];
  return [
    {
      severity: "warning",
      summary: `${again.join(", ")} of ${title} ${again.length === 1 ? "is" : "are"} attached again, for the declared order`,
      detail:
        "OpenNebula attaches a device behind all others, and the guest sees it at another place then. NICs keep their " +
        "addresses; what is asked for by its kind may be another device of that kind. To leave them where they are, declare " +
        "a new slot behind them.",
    },
  ];
}

function devices(context: Context): Problem[] {
  const { asked, cloud, target, leaving } = context;
  if (asked.length === 0) return [];
  const hosts = candidates(cloud, target);
  const givers = peersThatGive(context);
  const isGiven = ({ vmId, shortAddress }: CloudDevice) =>
    givers.includes(vmId ?? "") || (vmId === target.id && leaving.includes(shortAddress));
  const unmet = hosts.map((host) => unmetBy(host, asked, isGiven));
  if (unmet.some((one) => one.length === 0)) return [];
  const [least] = [...unmet].sort((one, other) => one.length - other.length);
  return (least ?? asked.map((one) => ({ ...one, taken: [] }))).map((one) => ({
    severity: severityOf(context, one.taken.length > 0),
    key: one.slot,
    summary: `No device for ${one.slot} of ${context.title}`,
    detail: `${upperFirst(describeUnmet(cloud, hosts, one))}. ${consequence(target)}`,
  }));
}

/** A filter of the same apply may list a device yet; who has one keeps it. A template only waits longer. */
function severityOf({ target, moment, declaration }: Context, isTaken: boolean): Problem["severity"] {
  if (target.kind === "template") return "warning";
  const peersMayGive = (declaration?.peers.length ?? 0) > 0;
  return isTaken && !peersMayGive ? "error" : later(moment);
}

function consequence({ kind }: Target): string {
  return kind === "template"
    ? "A VM of this template waits for a host until one has it, and only the scheduler's log says so."
    : "Free it, or ask for another one.";
}

/** A VM that is off takes its devices from the host that it was on; a template's VM may go to any that is enabled. */
function candidates({ hosts }: Cloud, { hostId }: Target): CloudHost[] {
  const own = hosts.filter(({ id }) => id === hostId);
  if (own.length > 0) return own;
  const closed: readonly string[] = [hostState.disabled, hostState.monitoringDisabled, hostState.offline];
  const open = hosts.filter(({ state }) => !closed.includes(state));
  return open.length > 0 ? open : [...hosts];
}

/** Peers that are off: what of ours they have is taken from them. */
function peersThatGive({ cloud, declaration, target }: Context): string[] {
  return (declaration?.peers ?? []).flatMap((peer) => {
    const found = findTarget(cloud, peer);
    return found?.kind === "vm" && found.id !== target.id && found.changeable ? [found.id] : [];
  });
}

function networks({ asked, cloud, moment, target, host, declaration }: Context): Problem[] {
  return asked.flatMap(({ slot, section }): Problem[] => {
    if (!isNic(section)) return [];
    const name = section["NETWORK"] ?? "";
    const network = findNamed(cloud.networks, name, "virtual network");
    if (network === null) {
      // The stack makes it before it changes the VM.
      if (moment === "plan" && declaration?.provided.includes(`network/${name}`)) return [];
      const there = cloud.networks.map((one) => one.name).join(", ") || "none";
      return [
        {
          severity: target.kind === "template" ? "warning" : later(moment),
          key: slot,
          summary: `There is no virtual network ${name} in OpenNebula on ${host}`,
          detail: `It has: ${there}. Name one of them, or create it first.`,
        },
      ];
    }
    const driver = attributeOf(network.template, "VN_MAD") ?? "";
    return [...networkDrivers, ""].includes(driver)
      ? []
      : [
          {
            severity: "warning",
            key: slot,
            summary: `The network ${name} of ${slot} has the driver ${driver}`,
            detail:
              "A passed-through NIC has nothing that this driver could configure on the host. Expected dummy, or 802.1Q for VLANs.",
          },
        ];
  });
}

const upperFirst = (text: string): string => text.slice(0, 1).toUpperCase() + text.slice(1);
