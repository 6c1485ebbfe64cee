/** The documents of the REST API: every number and boolean is text there, and what is not set is left out. */
import {
  deviceId,
  deviceName,
  isUsbPort,
  type Database,
  type Host,
  type Nic,
  type Profile,
  type Vm,
} from "./world";

const base = "/ovirt-engine/api";
const link = (collection: string, id: string) => ({ href: `${base}/${collection}/${id}`, id });

export function entryPoint({ instanceId }: Database) {
  return {
    product_info: {
      name: "oVirt Engine",
      vendor: "ovirt.org",
      instance_id: instanceId,
      version: { full_version: "4.5.6-1.el9", major: "4", minor: "5", build: "6", revision: "0" },
    },
  };
}

export function vmDocument(vm: Vm) {
  return {
    ...link("vms", vm.id),
    name: vm.name,
    status: vm.status,
    origin: vm.hostedEngine ? "managed_hosted_engine" : "ovirt",
    ...(vm.status === "down" || vm.runsOn === null ? {} : { host: link("hosts", vm.runsOn) }),
    next_run_configuration_exists: "false",
    placement_policy: {
      affinity: vm.affinity,
      ...(vm.pinnedTo.length > 0 ? { hosts: { host: vm.pinnedTo.map((id) => link("hosts", id)) } } : {}),
    },
  };
}

export function hostDocument(host: Host) {
  return {
    ...link("hosts", host.id),
    name: host.name,
    address: host.address,
    status: host.status,
    cpu: { name: "Intel(R) Xeon(R) Gold 6130 CPU @ 2.10GHz", type: "Intel Skylake Server Family" },
    device_passthrough: { enabled: String(host.passthrough) },
    power_management: { enabled: String(host.powerManagement) },
    os: {
      type: "RHEL",
      custom_kernel_cmdline: host.custom,
      reported_kernel_cmdline: host.reported,
    },
    ...(host.hostedEngine === null
      ? {}
      : {
          hosted_engine: {
            configured: "true",
            active: "true",
            score: "3400",
            global_maintenance: "false",
            local_maintenance: String(host.hostedEngine.localMaintenance),
          },
        }),
  };
}

export function hostDeviceDocuments({ vms }: Database, host: Host) {
  return host.devices.map((device) => {
    const name = deviceName(device.address);
    const user = vms.find(
      (vm) => vm.status !== "down" && vm.pinnedTo.includes(host.id) && vm.devices.has(name),
    );
    return {
      ...link(`hosts/${host.id}/devices`, deviceId(name)),
      ...deviceFields(host, name),
      ...(user === undefined ? {} : { vm: link("vms", user.id) }),
    };
  });
}

export function attachedDocuments(vm: Vm, host: Host | undefined) {
  if (host === undefined) return [];
  return [...vm.devices].map(([name, placeholder]) => ({
    ...link(`vms/${vm.id}/hostdevices`, deviceId(name)),
    ...deviceFields(host, name),
    placeholder: String(placeholder),
    vm: link("vms", vm.id),
  }));
}

function deviceFields(host: Host, name: string) {
  const device = host.devices.find(({ address }) => deviceName(address) === name);
  const [vendor = "", product = ""] = (device?.id ?? "").split(":");
  return {
    name,
    capability: device !== undefined && isUsbPort(device.address) ? "usb_device" : "pci",
    ...(device === undefined || device.group === null ? {} : { iommu_group: String(device.group) }),
    ...(device?.driver === undefined ? {} : { driver: device.driver }),
    vendor: { id: `0x${vendor}`, name: "" },
    product: { id: `0x${product}`, name: device?.name ?? "" },
    host: link("hosts", host.id),
  };
}

export function profileDocument(profile: Profile) {
  return {
    ...link("vnicprofiles", profile.id),
    name: profile.name,
    pass_through: { mode: profile.passThrough ? "enabled" : "disabled" },
    network: { id: profile.network },
  };
}

export function nicDocument(vm: Vm, nic: Nic) {
  return {
    ...link(`vms/${vm.id}/nics`, nic.id),
    name: nic.name,
    interface: nic.interface,
    vnic_profile: link("vnicprofiles", nic.profile),
    vm: link("vms", vm.id),
  };
}
