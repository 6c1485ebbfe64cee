import type { Construct } from "constructs";
import { openNebulaPciSchema, type ConfigOf, type OpenNebulaHostFilter } from "../schema";
import type { BoundDevice } from "./BoundDevice";
import * as errors from "./errors";
import { requireStackOf } from "./names";
import type { OpenNebula } from "./OpenNebula";
import { PassthroughResource, type PassthroughResourceProps } from "./PassthroughResource";
import * as valid from "./validation";

/** Which PCI devices are listed. A device must pass every filter that is set. */
export interface OpenNebulaPciSelection {
  /**
   * Patterns `vendor:device[:class]` in hex as `lspci -d` takes them, each part empty or `*` for any: `10de:*`,
   * `8086::0c03`. `0:0` lists no device.
   * @default left as it is
   */
  readonly filter?: readonly string[];
  /**
   * Only functions at these addresses, such as `07:00.0`.
   * @default left as it is
   */
  readonly shortAddress?: readonly string[];
  /**
   * Only devices whose name matches one of these regular expressions, whatever the case.
   * @default left as it is
   */
  readonly deviceName?: readonly string[];
}

/** What one OpenNebula host lists instead of what all do. */
export interface OpenNebulaHostSelection extends OpenNebulaPciSelection {
  /**
   * Devices of VfioBindings of that host. Their ids join the filter; where no `filter` is set, exactly they are listed.
   * @default none
   */
  readonly devices?: readonly BoundDevice[];
}

export interface OpenNebulaPciFilterProps extends OpenNebulaPciSelection, PassthroughResourceProps {
  /** The front end whose hosts are meant; of the same stack. */
  readonly frontEnd: OpenNebula;
  /**
   * By name or id of an OpenNebula host, as `onehost list` shows it: what this host lists instead.
   * @default none
   */
  readonly hosts?: Readonly<Record<string, OpenNebulaHostSelection>>;
  /**
   * Seconds that the hosts get to list what is declared, before the deploy ends with a warning.
   * @default 120
   */
  readonly wait?: number;
}

/**
 * The PCI devices that an OpenNebula front end's hosts list for its VMs to ask for: the configuration of the monitoring
 * probe, brought to every host, and what single hosts list instead. One for each front end.
 */
export class OpenNebulaPciFilter extends PassthroughResource<typeof openNebulaPciSchema.attributes> {
  readonly #props: OpenNebulaPciFilterProps;

  /** @throws an Error naming the value, what was expected and the mend, where the props cannot be meant. */
  constructor(scope: Construct, id: string, props: OpenNebulaPciFilterProps) {
    super(scope, id, openNebulaPciSchema, props);
    const { path } = this.node;
    requireStackOf(props.frontEnd, this);
    checkProps(path, props);
    props.frontEnd._addFilter({ path, fqn: this.fqn });
    this.#props = props;
  }

  /** Our settings in OpenNebula's own words, by where they stand. */
  get settings(): Record<string, string> {
    return this.getStringMapAttribute("settings");
  }

  /** What is declared and no host lists, in words. */
  get missing(): string[] {
    return this.getListAttribute("missing");
  }

  protected override predecessors(): readonly string[] {
    const bindings = Object.values(this.#props.hosts ?? {}).flatMap(({ devices = [] }) =>
      devices.map(({ binding }) => binding.fqn),
    );
    const { _reboot: event } = this.#props.frontEnd;
    return [...(event === undefined ? [] : [event]), ...bindings];
  }

  protected override declared(): ConfigOf<typeof openNebulaPciSchema.attributes> {
    return this.#declared(boundFunctions);
  }

  protected override imported(): ConfigOf<typeof openNebulaPciSchema.attributes> {
    return this.#declared(() => null);
  }

  #declared(functionsOf: FunctionsOf): ConfigOf<typeof openNebulaPciSchema.attributes> {
    const { frontEnd, hosts, wait } = this.#props;
    const own = Object.entries(hosts ?? {}).map(
      ([name, selected]) => [name, hostSelection(selected, functionsOf)] as const,
    );
    return {
      host: frontEnd.name,
      ...selection(this.#props),
      hosts: hosts && Object.fromEntries(own),
      wait,
    };
  }
}

function selection({ filter, shortAddress, deviceName }: OpenNebulaPciSelection) {
  return {
    filter: filter && [...filter],
    short_address: shortAddress && [...shortAddress],
    device_name: deviceName && [...deviceName],
  };
}

function hostSelection(
  { devices, ...own }: OpenNebulaHostSelection,
  functionsOf: FunctionsOf,
): OpenNebulaHostFilter {
  const { filter = null, short_address = null, device_name = null } = selection(own);
  return { filter, short_address, device_name, devices: devices === undefined ? null : functionsOf(devices) };
}

type FunctionsOf = (devices: readonly BoundDevice[]) => Record<string, string> | null;

/** Every function of these devices with its id, once their bindings know them: an expression. */
function boundFunctions(devices: readonly BoundDevice[]): Record<string, string> {
  const parts = devices.map(
    ({ binding, key }) =>
      `{ for address, one in ${binding.fqn}.functions : address => one.id if one.device == ${JSON.stringify(key)} }`,
  );
  return `\${merge(${parts.join(", ")})}` as unknown as Record<string, string>;
}

function checkProps(path: string, props: OpenNebulaPciFilterProps): void {
  checkSelection(`${path}: `, props);
  valid.check(valid.isSecondsOrNone, `${path}: wait`, props.wait);
  for (const [host, { devices = [], ...own }] of Object.entries(props.hosts ?? {})) {
    valid.isOpenNebulaName(`${path}: hosts`, host);
    checkSelection(`${path}: hosts.${host}.`, own);
    for (const device of devices) requireStackOf(device.binding, props.frontEnd);
    const [first, ...others] = devices;
    const stray = others.find(({ binding }) => binding.host !== first?.binding.host);
    if (first !== undefined && stray !== undefined)
      throw errors.devicesOfTwoHosts(`${path}: hosts.${host}.devices`, first.toString(), stray.toString());
  }
}

function checkSelection(at: string, { filter, shortAddress, deviceName }: OpenNebulaPciSelection): void {
  if (filter?.length === 0) throw errors.emptyPciFilter(`${at}filter`);
  valid.checkAll(valid.isPciFilter, `${at}filter`, filter);
  valid.checkAll(valid.isShortAddress, `${at}shortAddress`, shortAddress);
  valid.checkAll(valid.isDeviceName, `${at}deviceName`, deviceName);
}
