import { createHash } from "node:crypto";
import { symbols } from "./icons";
import { columnsOf, columnWidth, layoutTree, measures, type TreeLayout } from "./layout";
import { Markup, markup } from "./markup";
import script from "./page.browser.js";
import rules from "./page.css";
import { roleNames, roles, type Role } from "./roles";
import { fonts, schemes, type Scheme } from "./theme";
import type { BusView, DeviceView, GroupView, HostView, Picture, SideView, VmView } from "./views";

/**
 * The picture as one page that needs nothing else and asks nobody: what is not in it, its own policy forbids to load
 * or to run.
 */
export function htmlOf(picture: Picture): string {
  const places: string[] = [];
  const body = bodyOf(picture, new Places(places));
  const style = [variables(), rules, `@media screen and (min-width:40rem){${places.join("")}}`].join("\n");
  const policy = [
    "default-src 'none'",
    `style-src '${hash(style)}'`,
    `script-src '${hash(script)}'`,
    "base-uri 'none'",
    "form-action 'none'",
  ].join("; ");
  const page = markup`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<title>${picture.title}</title>
<style>${new Markup(style)}</style>
</head>
${body}
</html>
`;
  return page.text;
}

function hash(content: string): string {
  return `sha256-${createHash("sha256").update(content).digest("base64")}`;
}

/** Gives out ids, and collects where the elements with them stand: the page's policy allows no style attributes. */
class Places {
  private next = 0;

  constructor(private readonly collected: string[]) {}

  id(): string {
    this.next += 1;
    return `x${this.next}`;
  }

  place(lengths: Readonly<Record<string, number>>): string {
    const id = this.id();
    const declared = Object.entries(lengths).map(([name, pixels]) => `${name}:${pixels / 16}rem`);
    this.collected.push(`.picture #${id}{${declared.join(";")}}`);
    return id;
  }
}

function variables(): string {
  const of = ({ roles: paints, change, ...scheme }: Scheme) =>
    [
      ...Object.entries(scheme).map(([name, colour]) => `--${name}:${colour}`),
      `--change:${change.ink};--change-ground:${change.ground}`,
      ...roleNames.map((role) => `--${role}:${paints[role].ink};--${role}-ground:${paints[role].ground}`),
    ].join(";");
  const badges = roleNames.map(
    (role) =>
      `.badge.${role}{color:var(--${role});background:var(--${role}-ground)}.said.${role}{color:var(--${role})}`,
  );
  return [
    `:root{${of(schemes.light)};--text-font:${fonts.text};--code-font:${fonts.code}}`,
    `@media screen and (prefers-color-scheme:dark){:root{${of(schemes.dark)}}}`,
    ...badges,
  ].join("\n");
}

function bodyOf(picture: Picture, places: Places): Markup {
  const planned = picture.hosts.some(({ sides }) => sides.length > 1);
  const ids = picture.hosts.map(() => places.id());
  const hosts = picture.hosts.map((host, at) => hostMarkup(host, ids[at] ?? "", places));
  return markup`<body class="picture">
<a class="skip" href="#devices">Skip to the devices</a>
<svg class="drawings" aria-hidden="true" focusable="false">${symbols()}</svg>
<header class="top">
<h1>${picture.title}</h1>
${filterMarkup(planned)}
</header>
${picture.hosts.length > 1 ? overview(picture.hosts, ids) : null}
<main id="devices" tabindex="-1">
${hosts}
<p class="nothing" hidden>No device fits the filter.</p>
</main>
<footer class="legend">
<h2>What the labels mean</h2>
<ul role="list">${roleNames.map((role) => markup`<li>${badge(role, roles[role].label)}<span class="quiet">${roles[role].meaning}</span></li>`)}</ul>
</footer>
<script>${new Markup(script)}</script>
</body>`;
}

function filterMarkup(planned: boolean): Markup {
  const choices = roleNames.filter((role) => role !== "bridge");
  return markup`<form class="filter" role="search" aria-label="Devices" hidden>
<label><span>Filter</span><input type="search" name="words" placeholder="address, id, driver, VM …" autocomplete="off" spellcheck="false"></label>
<label><span>Show</span><select name="role"><option value="">everything</option>${choices.map((role) => markup`<option value="${role}">${roles[role].label}</option>`)}</select></label>
${planned ? markup`<label class="check"><input type="checkbox" name="changes"><span>Only what changes</span></label>` : null}
<p id="found" role="status"></p>
</form>`;
}

function overview(hosts: readonly HostView[], ids: readonly string[]): Markup {
  const entries = hosts.map((host, at) => {
    const last = host.sides[host.sides.length - 1];
    const counts = roleNames.flatMap((role) => {
      const count = last?.counts[role] ?? 0;
      return role === "bridge" || count === 0 ? [] : [`${roles[role].label}: ${count}`];
    });
    const words = [...(host.reboot === null ? [] : ["Reboots"]), ...counts].join(" · ");
    return markup`<li><a href="#${ids[at] ?? ""}"><strong>${host.name}</strong><span class="quiet">${words}</span></a></li>`;
  });
  return markup`<nav class="hosts" aria-labelledby="hosts"><h2 id="hosts">${hosts.length} hosts</h2><ul role="list">${entries}</ul></nav>`;
}

function hostMarkup(host: HostView, id: string, places: Places): Markup {
  const [only] = host.sides.length === 1 ? host.sides : [];
  const level = only === undefined ? 4 : 3;
  const sides = host.sides.map((side) => sideMarkup(side, level, only === undefined ? 1 : 2, places));
  return markup`<section class="machine" aria-labelledby="${id}">
<h2 id="${id}">${host.name}</h2>
<p class="about">${host.about.join(" · ")}</p>
${only === undefined ? null : countsMarkup(only)}
${host.reboot === null ? null : markup`<p class="reboot">${inline("reboot")}<span><strong>Reboots:</strong> ${host.reboot}</span></p>`}
${host.notes.map((note) => markup`<p class="note">${note}</p>`)}
<div class="sides${only === undefined ? " two" : ""}">${sides}</div>
</section>
`;
}

function countsMarkup({ counts }: SideView): Markup {
  const shown = roleNames.filter((role) => counts[role] > 0);
  return markup`<ul class="counts" role="list">${shown.map((role) => markup`<li>${badge(role, `${roles[role].label}: ${counts[role]}`)}</li>`)}</ul>`;
}

function sideMarkup(side: SideView, level: 3 | 4, columns: number, places: Places): Markup {
  const { title, changes, buses, vms } = side;
  const count =
    changes === 0 ? "no device changes" : changes === 1 ? "1 device changes" : `${changes} devices change`;
  const id = places.id();
  const inner = markup`${buses.map((bus) => busMarkup(bus, level, columns, places))}${vms.length > 0 ? vmsMarkup(vms, level) : null}`;
  return title === null
    ? markup`<div class="side">${inner}</div>`
    : markup`<section class="side" aria-labelledby="${id}"><div class="side-head"><h3 id="${id}">${title}</h3><span class="quiet">${count}</span></div>${inner}</section>`;
}

/** What stands in a column, and how high it is in the picture. */
interface Item {
  readonly height: number;
  readonly draw: Markup;
}

function busMarkup({ title, trees, idle }: BusView, level: 3 | 4, columns: number, places: Places): Markup {
  const layouts = trees.map(layoutTree);
  const items: Item[] = layouts.map((tree) => ({
    height: tree.height,
    draw: treeMarkup(tree, level + 1, places),
  }));
  if (idle.length > 0) items.push(idleItem(idle, level + 1));
  const wide = layouts.some(({ width }) => width > columnWidth + 2);
  const drawn = columnsOf(items, wide ? 1 : columns, measures.treeGap).map((column) =>
    // What is wider than its column scrolls, also by keyboard.
    wide
      ? markup`<div class="column wide" tabindex="0" role="group" aria-label="${title}, scrolls">${column.map(({ draw }) => draw)}</div>`
      : markup`<div class="column">${column.map(({ draw }) => draw)}</div>`,
  );
  return markup`<div class="bus">${heading(level, "bus-title", title)}<div class="columns">${drawn}</div></div>`;
}

function heading(level: number, className: string, text: string): Markup {
  const name = new Markup(`h${level}`);
  return markup`<${name} class="${className}">${text}</${name}>`;
}

function treeMarkup(
  { width, height, boxes, edges, roots }: TreeLayout,
  level: number,
  places: Places,
): Markup {
  const paths = [...roots.map((y) => `M0 ${y}H${measures.stub}`), ...edges];
  const groups = boxes.map(({ group, x, y, width: w, height: h }) => {
    const id = places.place({ left: x, top: y, width: w, height: h });
    return markup`<li class="box" id="${id}">${groupMarkup(group, level)}</li>`;
  });
  const id = places.place({ width, height });
  return markup`<div class="tree" id="${id}"><svg class="edges" viewBox="0 0 ${width} ${height}" aria-hidden="true" focusable="false"><path d="${paths.join("")}"/></svg><ul class="groups" role="list">${groups}</ul></div>
`;
}

function groupMarkup({ title, devices }: GroupView, level: number): Markup {
  return markup`${heading(level, "group", title)}<ul role="list">${devices.map((device) => (device.bridge ? bridgeRow(device) : deviceRow(device)))}</ul>`;
}

function bridgeRow({ address, kind, name }: DeviceView, group: string | null = null): Markup {
  return markup`<li class="bridge-row" data-role="bridge" title="${name}"><span class="code">${address}</span><span>${kind.label}</span>${group === null ? null : markup`<span>${group}</span>`}</li>`;
}

function deviceRow(device: DeviceView): Markup {
  const { address, kind, role, name, id, driver, lines, height, changes, details } = device;
  const said = lines.map(
    ({ text, tone }) =>
      markup`<span class="line said ${tone}">${tone === "change" ? inline("change") : null}${text}</span>`,
  );
  return markup`<li class="device ${role}${changes.length > 0 ? " changed" : ""} lines-${height}" data-role="${role}"${changes.length > 0 ? markup` data-changed=""` : null}><details name="device"><summary><span class="first">${inline(kind.icon)}<span class="address">${address}</span><span class="kind quiet">${kind.label}</span>${badge(role, device.badge)}</span><span class="line">${name}</span><span class="line quiet"><span class="code">${id}</span> driver ${driver ?? "none"}</span>${said}</summary><dl class="details">${details.map(([term, value]) => markup`<dt>${term}</dt><dd>${value}</dd>`)}</dl></details></li>`;
}

function idleItem(groups: readonly GroupView[], level: number): Item {
  const rows = groups.flatMap(({ title, devices }) => devices.map((device) => bridgeRow(device, title)));
  return {
    height: measures.heading + rows.length * measures.idleRow + 8,
    draw: markup`<div class="box idle">${heading(level, "group", "Bridges with nothing below them")}<ul role="list">${rows}</ul></div>`,
  };
}

function vmsMarkup(vms: readonly VmView[], level: 3 | 4): Markup {
  const tables = vms.map(({ id, settings }) => {
    const rows = settings.map(
      ({ key, value, change }) =>
        markup`<tr><th scope="row" class="code">${key}</th><td class="code">${value}</td><td>${change ?? ""}</td></tr>`,
    );
    return markup`<div class="panel"><table><caption>${inline("vm")}VM ${id}</caption><tbody>${rows}</tbody></table></div>`;
  });
  return markup`<div class="vms">${heading(level, "vms-title", "Settings of VMs that the plan declares")}${tables}</div>`;
}

function badge(role: Role, label: string): Markup {
  return markup`<span class="badge ${role}">${inline(role)}${label}</span>`;
}

function inline(name: string): Markup {
  return markup`<svg class="inline icon" viewBox="0 0 16 16" aria-hidden="true" focusable="false"><use href="#i-${name}"/></svg>`;
}
