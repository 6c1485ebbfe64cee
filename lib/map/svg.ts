import { icon, symbols } from "./icons";
import { columnsOf, columnWidth, layoutTree, measures, rowHeight, type Box, type TreeLayout } from "./layout";
import { markup, type Markup } from "./markup";
import type { BusView, DeviceView, GroupView, HostView, Picture, SideView, VmView } from "./views";
import { roleNames, roles, type Role } from "./roles";
import { svgStyle } from "./svgStyle";
import { clipped, widthOf } from "./textWidth";

const page = { margin: 24, hostGap: 48, columns: 2 } as const;

/** A part of the drawing that knows how much room it takes. */
interface Block {
  readonly width: number;
  readonly height: number;
  readonly draw: Markup;
}

/** The picture as one file that needs nothing else: light or dark as the viewer likes it. */
export function svgOf(picture: Picture): string {
  const hosts = stacked(picture.hosts.map(hostBlock), page.hostGap);
  const legend = legendBlock(picture);
  const width = Math.max(hosts.width, legend.width) + 2 * page.margin;
  const height = hosts.height + page.hostGap / 2 + legend.height + 2 * page.margin;
  const drawing = markup`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-labelledby="title description">
<title id="title">${picture.title}</title>
<desc id="description">${description(picture)}</desc>
<style>${svgStyle}</style>
${symbols()}
<rect width="${width}" height="${height}" class="page"/>
${moved(page.margin, page.margin, hosts.draw)}
${moved(page.margin, page.margin + hosts.height + page.hostGap / 2, legend.draw)}
</svg>
`;
  return drawing.text;
}

/** In words, for those who do not see the picture. */
function description({ hosts }: Picture): string {
  return hosts
    .map(({ name, about, reboot, sides }) => {
      const now = sides[sides.length - 1];
      const counts = roleNames
        .filter((role) => (now?.counts[role] ?? 0) > 0)
        .map((role) => `${roles[role].label}: ${now?.counts[role] ?? 0}`);
      const words = [`${name}: ${about.join(", ")}`, counts.join(", "), reboot && `reboots: ${reboot}`];
      return words.filter(Boolean).join(". ");
    })
    .join(". ");
}

function hostBlock(host: HostView): Block {
  const columns = host.sides.length > 1 ? 1 : page.columns;
  const sides = host.sides.map((side) => sideBlock(side, columns));
  const body = beside(sides, measures.columnGap);
  const width = Math.max(body.width, columnWidth);
  return stacked([headBlock(host, width), body], 16);
}

function headBlock(host: HostView, width: number): Block {
  const lines: Markup[] = [markup`<text y="20" class="name">${clipped(host.name, width, 22)}</text>`];
  let y = 44;
  const line = (className: string, text: string) => {
    lines.push(markup`<text y="${y}" class="${className}">${clipped(text, width, 13)}</text>`);
    y += 20;
  };
  line("quiet", host.about.join("  ·  "));
  if (host.reboot !== null) {
    const text = clipped(`Reboots: ${host.reboot}`, width - 40, 13);
    lines.push(
      markup`<rect y="${y - 10}" width="${width}" height="28" rx="6" class="change ground"/>${icon("reboot", 10, y - 4, 16, "change ink")}<text x="34" y="${y + 8.5}" class="change ink strong">${text}</text>`,
    );
    y += 38;
  }
  for (const note of host.notes) line("text", note);
  return { width, height: y - 14, draw: markup`${lines}` };
}

function sideBlock(side: SideView, columns: number): Block {
  const title = side.title === null ? [] : [titleBlock(side)];
  const vms = side.vms.length === 0 ? [] : [vmsBlock(side.vms)];
  return stacked([...title, ...side.buses.map((bus) => busBlock(bus, columns)), ...vms], 18);
}

function titleBlock({ title, changes }: SideView): Block {
  const count =
    changes === 0 ? "no device changes" : changes === 1 ? "1 device changes" : `${changes} devices change`;
  return {
    width: columnWidth,
    height: 22,
    draw: markup`<text y="16" class="side">${title ?? ""}</text><text x="${columnWidth}" y="16" class="quiet end">${count}</text>`,
  };
}

function busBlock({ title, trees, idle }: BusView, columns: number): Block {
  const blocks = [
    ...trees.map((tree) => treeBlock(layoutTree(tree))),
    ...(idle.length > 0 ? [idleBlock(idle)] : []),
  ];
  const drawn = columnsOf(blocks, columns, measures.treeGap).map((column) => {
    const block = stacked(column, measures.treeGap);
    const spine = markup`<path d="M.5 0V${block.height}" class="edge"/>`;
    return { ...block, width: Math.max(block.width, columnWidth), draw: markup`${spine}${block.draw}` };
  });
  const heading = { width: 0, height: 16, draw: markup`<text y="12" class="bus">${title}</text>` };
  return stacked([heading, beside(drawn, measures.columnGap)], 8);
}

function treeBlock({ width, height, boxes, edges, roots }: TreeLayout): Block {
  const stubs = roots.map((y) => markup`<path d="M0 ${y}H${measures.stub}" class="edge"/>`);
  const lines = edges.map((path) => markup`<path d="${path}" class="edge"/>`);
  return { width, height, draw: markup`${stubs}${lines}${boxes.map(boxMarkup)}` };
}

// A nested svg cuts off what a wider font than expected would draw beyond the group's border.
function boxMarkup(box: Box): Markup {
  const { group, x, y, width, height } = box;
  let top: number = measures.heading;
  const rows = group.devices.map((device) => {
    const row = device.bridge ? bridgeRow(device, top) : deviceRow(device, top, width);
    top += rowHeight(device);
    return row;
  });
  return markup`<svg x="${x}" y="${y}" width="${width}" height="${height}"><rect x=".5" y=".5" width="${width - 1}" height="${height - 1}" rx="7" class="card"/><text x="12" y="18.5" class="group">${group.title}</text>${rows}</svg>
`;
}

function bridgeRow({ address, kind, details }: DeviceView, y: number): Markup {
  return markup`<g>${tooltip(details)}<text x="12" y="${y + 13}" class="code quiet">${address}</text><text x="${18 + widthOf(address, 12, true)}" y="${y + 13}" class="small quiet">${kind.label}</text></g>`;
}

function deviceRow(device: DeviceView, y: number, width: number): Markup {
  const height = rowHeight(device);
  const inner = width - 28;
  const changed = device.changes.length > 0;
  const badge = badgeOf(device.role, device.badge);
  const kindAt = 40 + widthOf(device.address, 12.5, true) + 8;
  const lines = device.lines.map(({ text, tone }, at) => {
    const base = y + 77 + at * measures.line;
    const changes = tone === "change";
    const mark = changes ? icon("change", 16, base - 11, 13, "change ink") : null;
    const room = changes ? inner - 18 : inner;
    return markup`${mark}<text x="${changes ? 34 : 16}" y="${base}" class="${tone} ink">${clipped(text, room, 13)}</text>`;
  });
  return markup`<g>${tooltip(device.details)}<path d="M1 ${y + 0.5}H${width - 1}" class="rule"/>${
    changed
      ? markup`<rect x="1" y="${y + 1}" width="${width - 2}" height="${height - 1}" class="changed"/>`
      : null
  }<rect x="1" y="${y + 1}" width="6" height="${height - 1}" fill="url(#p-${device.role})"/>${icon(device.kind.icon, 16, y + 9, 16, "quiet")}<text x="40" y="${y + 22}" class="code strong">${device.address}</text><text x="${kindAt}" y="${y + 22}" class="small quiet">${clipped(device.kind.label, width - kindAt - badge.width - 16, 12)}</text>${moved(width - badge.width - 9, y + 8, badge.draw)}<text x="16" y="${y + 41}" class="text">${clipped(device.name, inner, 13)}</text><text x="16" y="${y + 58}" class="code quiet">${device.id}</text><text x="${16 + widthOf(device.id, 12, true) + 10}" y="${y + 58}" class="small quiet">driver ${device.driver ?? "none"}</text>${lines}</g>`;
}

function badgeOf(role: Role, label: string): Block {
  const width = Math.round(widthOf(label, 11.5) * 1.1 + 30);
  return {
    width,
    height: 20,
    draw: markup`<rect width="${width}" height="20" rx="10" class="${role} ground"/>${icon(role, 7, 3.5, 13, `${role} ink`)}<text x="23" y="14" class="${role} ink badge">${label}</text>`,
  };
}

function tooltip(details: DeviceView["details"]): Markup {
  return markup`<title>${details.map(([name, value]) => `${name}: ${value}`).join("\n")}</title>`;
}

function idleBlock(groups: readonly GroupView[]): Block {
  const rows = groups.flatMap(({ title, devices }) => devices.map((device) => ({ title, device })));
  const width = columnWidth - measures.stub;
  const drawn = rows.map(({ title, device }, at) => {
    const y = 26 + at * measures.idleRow;
    return markup`<g>${tooltip(device.details)}<text x="12" y="${y + 16}" class="code quiet">${device.address}</text><text x="124" y="${y + 16}" class="small quiet">${device.kind.label}</text><text x="${width - 12}" y="${y + 16}" class="small quiet end">${title}</text></g>`;
  });
  const height = 30 + rows.length * measures.idleRow;
  return {
    width: columnWidth,
    height,
    draw: markup`<path d="M0 ${Math.round(height / 2)}H${measures.stub}" class="edge"/><svg x="${measures.stub}" width="${width}" height="${height}"><rect x=".5" y=".5" width="${width - 1}" height="${height - 1}" rx="7" class="card"/><text x="12" y="18.5" class="group">Bridges with nothing below them</text>${drawn}</svg>
`,
  };
}

function vmsBlock(vms: readonly VmView[]): Block {
  return stacked(vms.map(vmBlock), measures.treeGap);
}

function vmBlock({ id, settings }: VmView): Block {
  const width = columnWidth;
  const rows = settings.map(({ key, value, change }, at) => {
    const y = 46 + at * 20;
    const tag =
      change === null
        ? null
        : markup`<text x="${width - 12}" y="${y}" class="change ink strong end">${change}</text>`;
    return markup`<text x="14" y="${y}" class="code quiet">${clipped(key, 90, 12, true)}</text><text x="112" y="${y}" class="code">${clipped(value, width - 210, 12, true)}</text>${tag}`;
  });
  const height = 34 + settings.length * 20 + 6;
  return {
    width,
    height,
    draw: markup`<rect x=".5" y=".5" width="${width - 1}" height="${height - 1}" rx="7" class="card"/>${icon("vm", 12, 9, 14, "vm ink")}<text x="32" y="21" class="group">VM ${id}</text>${rows}
`,
  };
}

/** What each role is, and how it looks. */
function legendBlock({ hosts }: Picture): Block {
  const used = roleNames.filter((role) =>
    hosts.some(({ sides }) => sides.some(({ counts }) => counts[role] > 0)),
  );
  const rows = used.map((role, at): Markup => {
    const badge = badgeOf(role, roles[role].label);
    const text = markup`${role === "bridge" ? null : markup`<rect width="6" height="20" fill="url(#p-${role})"/>`}${moved(12, 0, badge.draw)}<text x="${badge.width + 22}" y="14.5" class="quiet">${roles[role].meaning}</text>`;
    return moved((at % 2) * (columnWidth + measures.columnGap), Math.floor(at / 2) * 28, text);
  });
  const columns = Math.min(2, used.length);
  return {
    width: columns * columnWidth + (columns - 1) * measures.columnGap,
    height: Math.ceil(used.length / 2) * 28,
    draw: markup`${rows}`,
  };
}

function moved(x: number, y: number, inner: Markup): Markup {
  return markup`<g transform="translate(${x} ${y})">${inner}</g>`;
}

function stacked(blocks: readonly Block[], gap: number): Block {
  let y = 0;
  const draw = blocks.map((block) => {
    const drawn = moved(0, y, block.draw);
    y += block.height + gap;
    return drawn;
  });
  const width = Math.max(0, ...blocks.map((block) => block.width));
  return { width, height: Math.max(0, y - gap), draw: markup`${draw}` };
}

function beside(blocks: readonly Block[], gap: number): Block {
  let x = 0;
  const draw = blocks.map((block) => {
    const drawn = moved(x, 0, block.draw);
    x += block.width + gap;
    return drawn;
  });
  const height = Math.max(0, ...blocks.map((block) => block.height));
  return { width: Math.max(0, x - gap), height, draw: markup`${draw}` };
}
