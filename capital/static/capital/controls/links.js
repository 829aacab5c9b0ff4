"use strict";

/* What switching links off takes away is said before it is saved.
 *
 *   <div data-links-off>
 *       <p data-off="3 4" hidden>    Shown while the links with these keys are all switched off
 */
(() => {
    const SWITCH = "input[type=checkbox][name$='-is_active']";

    /** The keys of the links whose box on this page is not ticked. */
    const off = (table) => {
        const boxes = [...table.querySelectorAll(SWITCH)].filter((box) => !box.checked);
        return new Set(boxes.map((box) => document.getElementsByName(box.name.replace(/is_active$/, "id"))[0]?.value));
    };

    const follow = (told) => {
        const table = told.closest("[data-inline-type]");
        const show = () => {
            const isOff = off(table);
            told.querySelectorAll("[data-off]").forEach((line) => {
                line.hidden = !line.dataset.off.split(" ").every((key) => isOff.has(key));
            });
        };
        table.addEventListener("change", show);
        // Also of a form that was refused, or that the browser filled in again.
        window.addEventListener("pageshow", show);
        show();
    };

    document.addEventListener("DOMContentLoaded", () => {
        document.querySelectorAll("[data-links-off]").forEach(follow);
    });
})();
