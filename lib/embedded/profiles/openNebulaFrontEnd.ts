import { debianIntel } from "./debianIntel";
import type { Profile } from "./types";

/** The nodes are not embedded: the front end knows of them what its probes report. */
export const openNebulaFrontEnd: Profile = {
  ...debianIntel,
  name: "opennebula-frontend",
  summary:
    "Debian 12 with an OpenNebula front end: two nodes with PCI devices, two VMs, a VM template, a network",
  hostname: "frontend",
  openNebula: {
    hosts: [
      {
        id: 0,
        name: "node1",
        template: 'RESERVED_CPU="100"\n',
        devices: [
          { shortAddress: "00:02.0", type: "8086:3e98:0300", name: "CoffeeLake-S GT2 [UHD Graphics 630]" },
          {
            shortAddress: "00:14.0",
            type: "8086:a36d:0c03",
            name: "Cannon Lake PCH USB 3.1 xHCI Host Controller",
          },
          { shortAddress: "01:00.0", type: "10de:1e84:0300", name: "TU104 [GeForce RTX 2070 SUPER]" },
          { shortAddress: "01:00.1", type: "10de:10f8:0403", name: "TU104 HD Audio Controller" },
          { shortAddress: "01:00.2", type: "10de:1ad8:0c03", name: "TU104 USB 3.1 Host Controller" },
          { shortAddress: "01:00.3", type: "10de:1ad9:0c80", name: "TU104 USB Type-C UCSI Controller" },
          { shortAddress: "03:00.0", type: "8086:1521:0200", name: "I350 Gigabit Network Connection" },
          { shortAddress: "03:00.1", type: "8086:1521:0200", name: "I350 Gigabit Network Connection" },
        ],
      },
      {
        id: 1,
        name: "node2",
        devices: [
          { shortAddress: "00:1b.0", type: "8086:9c20:0403", name: "8 Series HD Audio Controller" },
          { shortAddress: "03:00.0", type: "8086:10d3:0200", name: "82574L Gigabit Network Connection" },
          { shortAddress: "04:00.0", type: "10de:11bf:0300", name: "GK104GL [GRID K2]" },
        ],
      },
    ],
    vms: [
      {
        id: 42,
        name: "workstation",
        state: "POWEROFF",
        host: 0,
        template:
          'CPU="4"\nMEMORY="8192"\nNIC=[NETWORK="office",NETWORK_ID="0",NIC_ID="0",MAC="02:00:c0:a8:00:02"]\n',
      },
      {
        id: 43,
        name: "router",
        state: "RUNNING",
        host: 1,
        template:
          'CPU="1"\nMEMORY="1024"\nPCI=[CLASS="0403",DEVICE="9c20",VENDOR="8086",SHORT_ADDRESS="00:1b.0",PCI_ID="0"]\n',
      },
    ],
    templates: [
      {
        id: 7,
        name: "gpu-server",
        template: `CPU="8"
MEMORY="16384"
CONTEXT=[NETWORK="YES",START_SCRIPT="echo \\"[hello], $USER\\" >/etc/motd
exit 0",SSH_PUBLIC_KEY="$USER[SSH_PUBLIC_KEY]"]
DESCRIPTION=""
DISK=[IMAGE="debian",IMAGE_UNAME="oneadmin"]
NIC=[NETWORK="office",NETWORK_UNAME="oneadmin"]
OS=[BOOT="disk0"]
PCI=[CLASS="0c03",VENDOR="8086"]
`,
      },
    ],
    networks: [
      {
        id: 0,
        name: "office",
        template: 'VN_MAD="bridge"\nBRIDGE="br0"\nAR=[TYPE="IP4",IP="192.168.0.2",SIZE="200"]\n',
      },
    ],
  },
};
