"use strict";

/* A list of rows that change by themselves is read again, quietly, while it is open; and the counts
 * in the menu are brought up to date with whatever was read.
 *
 *   <p data-list-live data-every="20" data-lost="…" data-out="…" data-changed="…">
 *       Below a list that lives, with what is said where that failed, where the user is logged out,
 *       and where rows came or went. The cells of a row that is still there are replaced; what was
 *       ticked, opened or marked stays, and a list in use is left alone.
 *   <span data-badge="…">
 *       A count beside a page of the menu, by that page's name; on every page, and in every answer of
 *       parts.js.
 *
 * The list is read from its own address, when reading.js says: it costs what the page costs.
 */
(() => {
    const count = (fresh) => {
        for (const each of document.querySelectorAll("[data-badge]")) {
            const told = fresh.querySelector(`[data-badge="${each.dataset.badge}"]`)?.textContent.trim();
            if (told !== undefined) {
                each.textContent = told;
                each.hidden = told === "";
            }
        }
    };

    const rows = (root) => {
        const found = new Map();
        for (const row of root.querySelectorAll("#result_list tbody tr")) {
            const key = row.querySelector("input[name=_selected_action]")?.value ?? row.querySelector("a[href]")?.href;
            if (key !== undefined) {
                found.set(key, row);
            }
        }
        return found;
    };

    const isInUse = (table) => {
        const marked = document.getSelection();
        return (marked && !marked.isCollapsed && table.contains(marked.anchorNode)) || table.contains(document.activeElement);
    };

    /** The cells of rows that are still there; true where rows came or went, or changed places. */
    const put = (fresh) => {
        const table = document.querySelector("#result_list");
        const [old, wanted] = [rows(document), rows(fresh)];
        if (table !== null && !isInUse(table)) {
            for (const [key, row] of wanted) {
                const cells = old.get(key)?.children ?? [];
                [...row.children].forEach((cell, place) => {
                    const there = cells[place];
                    const isTick = cell.querySelector("input[name=_selected_action]") !== null;
                    if (there && !isTick && there.innerHTML !== cell.innerHTML) {
                        there.innerHTML = cell.innerHTML;
                    }
                });
            }
        }
        return [...old.keys()].join() !== [...wanted.keys()].join();
    };

    const follow = (told) => {
        const say = (text, address) => {
            const link = document.createElement("a");
            Object.assign(link, { href: address ?? "", textContent: text, className: "text-link" });
            told.replaceChildren(...(text === "" ? [] : address ? [link] : [text]));
        };
        const take = (fresh) => {
            say(put(fresh) ? told.dataset.changed : "", location.href);
            return { changed: true, seen: fresh.querySelector("[data-seen]")?.dataset.seen };
        };
        const seconds = Number(told.dataset.every);
        window.deskReading.follow({ told, seconds, address: () => location.href, take, say });
    };

    document.addEventListener("desk:swapped", ({ detail }) => {
        if (detail.fresh) {
            count(detail.fresh);
        }
    });
    document.addEventListener("DOMContentLoaded", () => {
        document.querySelectorAll("[data-list-live]").forEach(follow);
    });
})();
