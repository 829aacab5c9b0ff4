"use strict";

/* A page with several forms: the button of one saves nothing of the others. Who typed into another one
 * is asked before that is lost.
 *
 *   <div id="control-names" data-unsaved="…">    What is asked, before the field's name
 */
(() => {
    const touched = new Set();

    const differs = (field) => {
        if (!field.isConnected || field.disabled) return false;
        if (field.matches("[type=checkbox], [type=radio]")) return field.checked !== field.defaultChecked;
        if (field.matches("select")) {
            const given = [...field.options].filter((each) => each.defaultSelected);
            // Without one that is given, a browser shows the first.
            const first = given.length > 0 || field.multiple ? given : [field.options[0]];
            const chosen = [...field.selectedOptions];
            return chosen.length !== first.length || chosen.some((each) => !first.includes(each));
        }
        return field.value !== field.defaultValue;
    };

    const nameOf = (field) =>
        (field.getAttribute("aria-label") ?? field.labels?.[0]?.textContent ?? "")
            .replace("*", "")
            .replace(/\s+/g, " ")
            .trim();

    document.addEventListener("input", (event) => {
        // A list's boxes and its search are typed for nothing that is kept.
        if (event.target.form?.method === "post" && event.target.form.id !== "changelist-form") {
            touched.add(event.target);
        }
    });

    document.addEventListener(
        "submit",
        (event) => {
            const isElsewhere = (field) => field.form !== null && field.form !== event.target;
            // What was refused stands there as it was typed, and is not saved either.
            const lost =
                [...touched].find((field) => isElsewhere(field) && differs(field)) ??
                [...document.querySelectorAll("#content [aria-invalid=true]")].find(isElsewhere);
            const question = document.getElementById("control-names")?.dataset.unsaved;
            if (lost === undefined || !question || event.target.method !== "post") {
                return;
            }
            const name = nameOf(lost);
            if (!window.confirm(name === "" ? question : `${question} (${name})`)) {
                event.preventDefault();
                event.stopImmediatePropagation();
                lost.focus();
            }
        },
        true,
    );
})();
