"use strict";

/* Parts of a page are read again, quietly, and put where they were.
 *
 *   <p data-live-from="…" data-live-every="20" data-lost="…" data-out="…">
 *       Where the parts are read, every how many seconds, and what to say when that failed or the
 *       user is logged out. Its text says as of when the page is: it is a part itself.
 *   <div data-live="name" data-mark="…">
 *       A part. Where the mark is another one, it is replaced; a new part comes after the one that
 *       stands before it in the answer; one that is not in the answer goes.
 *
 * When it is read, reading.js says. A part in which somebody is typing or has marked text is left
 * alone. What was opened stays open, the focus stays where it was. Without this script the page is as
 * old as it says.
 */
(() => {
    const FOCUSED = "a[href], button, input, select, textarea, summary, [tabindex]";

    const parts = (root) => [...root.querySelectorAll("[data-live]")];

    /** The word of an element among the others of its kind, so that it is found again. */
    const nameOf = (element) =>
        element.id || element.getAttribute("href") || element.getAttribute("name") || element.textContent;

    const isInUse = (part) => {
        const marked = document.getSelection();
        if (marked && !marked.isCollapsed && part.contains(marked.anchorNode)) {
            return true;
        }
        const focused = document.activeElement;
        return part.contains(focused) && focused.matches("input, select, textarea");
    };

    const keep = (part) => {
        const details = [...part.querySelectorAll("details")].map((each) => each.open);
        const scrolled = [...part.querySelectorAll(".desk-scroll")].map((each) => [
            each.scrollLeft,
            each.scrollTop,
        ]);
        const focusable = [...part.querySelectorAll(FOCUSED)];
        const focused = focusable.indexOf(document.activeElement);
        const name = focused < 0 ? null : nameOf(focusable[focused]);
        return (fresh) => {
            fresh.querySelectorAll("details").forEach((each, at) => {
                each.open = details[at] ?? each.open;
            });
            fresh.querySelectorAll(".desk-scroll").forEach((each, at) => {
                [each.scrollLeft, each.scrollTop] = scrolled[at] ?? [0, 0];
            });
            if (focused >= 0) {
                const all = [...fresh.querySelectorAll(FOCUSED)];
                const same = all.find((each) => nameOf(each) === name) ?? all[focused];
                same?.focus({ preventScroll: true });
            }
        };
    };

    const put = (fresh) => {
        const wanted = parts(fresh);
        const names = new Set(wanted.map((each) => each.dataset.live));
        let changed = false;
        let before = null;
        const first = [];
        for (const each of wanted) {
            const there = document.querySelector(`[data-live="${each.dataset.live}"]`);
            if (there === null && "same" in each.dataset) {
                // It went while the answer was made.
                continue;
            }
            if (there === null) {
                if (before === null) {
                    first.push(each);
                } else {
                    before.after(each);
                    before = each;
                }
                changed = true;
                continue;
            }
            there.before(...first.splice(0));
            before = there;
            if (there.dataset.mark !== each.dataset.mark && !isInUse(there)) {
                const restore = keep(there);
                there.replaceWith(each);
                restore(each);
                before = each;
                changed = true;
            }
        }
        for (const each of parts(document)) {
            if (!names.has(each.dataset.live) && !isInUse(each)) {
                each.remove();
                changed = true;
            }
        }
        return changed;
    };

    const follow = (told) => {
        const problem = document.createElement("span");
        problem.className = "desk-live-problem";
        problem.setAttribute("role", "status");
        told.append(problem);
        const say = (text) => {
            problem.textContent = text;
        };

        const address = () => {
            const asked = new URL(told.dataset.liveFrom, location.href);
            for (const each of parts(document)) {
                asked.searchParams.append("have", `${each.dataset.live}:${each.dataset.mark}`);
            }
            return asked;
        };

        const take = (fresh) => {
            const seen = fresh.querySelector("[data-seen]");
            if (seen === null) {
                throw new Error("no parts");
            }
            const next = fresh.querySelector("[data-live-go]");
            if (next !== null) {
                location.replace(next.href);
                return null;
            }
            say("");
            const changed = put(fresh);
            const asOf = told.querySelector("[data-as-of]");
            const freshAsOf = fresh.querySelector("[data-as-of]");
            if (asOf !== null && freshAsOf !== null) {
                asOf.innerHTML = freshAsOf.innerHTML;
            }
            return { changed, seen: seen.dataset.seen };
        };

        const seconds = Number(told.dataset.liveEvery);
        window.deskReading.follow({ told, seconds, address, take, say });
    };

    document.addEventListener("DOMContentLoaded", () => {
        document.querySelectorAll("[data-live-from]").forEach(follow);
    });
})();
