"use strict";

/* Why an amount is what it is, in a popover; and the timeline with its cursor.
 *
 * a[data-why]            its address, with "part" added, answers with what the popover shows
 * [data-timeline-src]    a timeline that is fetched once the page is there
 * [data-timeline]        a timeline: a form, a picture, a slider, and an answer in words
 *
 * Without JavaScript the links and the forms lead to pages that say the same. Times go to the server
 * as they are typed, or as a moment in UTC; what is shown comes from there.
 */
(() => {
    const PAUSE_MILLISECONDS = 200;
    let popover = null;
    let asker = null;

    const part = (address, name) => {
        const url = new URL(address, window.location.href);
        url.searchParams.set("part", name);
        return url;
    };

    /** What the server answers as HTML of ours; leads there where it has none to give. */
    const ask = async (url) => {
        const response = await fetch(url, { credentials: "same-origin", redirect: "manual" });
        if (!response.ok) {
            throw new Error(String(response.status));
        }
        return response.text();
    };

    /* The popover */

    const made = () => {
        if (popover === null) {
            popover = document.createElement("div");
            popover.className = "why-popover";
            popover.setAttribute("popover", "auto");
            popover.setAttribute("role", "dialog");
            popover.setAttribute("aria-labelledby", "desk-why-title");
            popover.tabIndex = -1;
            popover.addEventListener("toggle", (event) => {
                if (event.newState === "closed" && asker !== null) {
                    // Only where nothing else was chosen meanwhile.
                    if (popover.contains(document.activeElement) || document.activeElement === document.body) {
                        // The part of the page around it may have been read again.
                        const address = CSS.escape(asker.getAttribute("href"));
                        const same = document.querySelector(`a[data-why][href="${address}"]`);
                        (asker.isConnected ? asker : same)?.focus();
                    }
                    asker = null;
                }
            });
            document.body.append(popover);
        }
        return popover;
    };

    const place = (anchor) => {
        const box = anchor.getBoundingClientRect();
        const own = popover.getBoundingClientRect();
        const left = Math.max(8, Math.min(box.left, window.innerWidth - own.width - 8));
        const below = box.bottom + 6;
        const fits = below + own.height <= window.innerHeight - 8;
        const top = fits ? below : Math.max(8, Math.min(box.top - own.height - 6, window.innerHeight - own.height - 8));
        popover.style.left = `${left}px`;
        popover.style.top = `${top}px`;
    };

    const why = async (link) => {
        const shown = made();
        const isInside = shown.contains(link);
        let text;
        try {
            text = await ask(part(link.href, "popover"));
        } catch {
            window.location.assign(link.href);
            return;
        }
        shown.innerHTML = text;
        shown.classList.toggle("why-wide", shown.querySelector("table") !== null);
        if (!isInside) {
            asker = link;
            if (!shown.matches(":popover-open")) {
                shown.showPopover();
            }
            place(link);
        }
        shown.focus();
    };

    document.addEventListener("click", (event) => {
        if (event.target.closest("[data-why-close]")) {
            popover.hidePopover();
            return;
        }
        const link = event.target.closest("a[data-why]");
        if (link === null || event.ctrlKey || event.metaKey || event.shiftKey || event.button !== 0) {
            return;
        }
        event.preventDefault();
        why(link);
    });

    /* The timeline */

    const enliven = (section) => {
        const slider = section.querySelector("[data-timeline-slider]");
        const plot = section.querySelector("[data-timeline-plot]");
        const cursor = section.querySelector("[data-timeline-cursor]");
        const answer = section.querySelector("[data-timeline-answer]");
        const form = section.querySelector("[data-timeline-form]");
        const field = form.elements.at;
        const since = Number(section.dataset.since);
        const until = Number(section.dataset.until);
        let waiting = 0;
        let newest = 0;

        const move = (epoch) => {
            const share = Math.max(0, Math.min((epoch - since) / (until - since), 1));
            if (cursor !== null) {
                cursor.style.left = `${share * 100}%`;
            }
        };

        const show = async (at, isTyped) => {
            newest += 1;
            const own = newest;
            const url = part(section.dataset.whyUrl, "answer");
            url.searchParams.set("at", at);
            let text;
            try {
                text = await ask(url);
            } catch {
                form.submit();
                return;
            }
            if (own !== newest) {
                return;
            }
            answer.innerHTML = text;
            const told = answer.querySelector("[data-why-epoch]");
            const epoch = Number(told.dataset.whyEpoch);
            move(epoch);
            field.value = told.dataset.whyField;
            if (isTyped && slider !== null) {
                slider.value = epoch;
            }
        };

        const soon = (at, isTyped) => {
            window.clearTimeout(waiting);
            waiting = window.setTimeout(() => show(at, isTyped), PAUSE_MILLISECONDS);
        };

        const utc = (epoch) => new Date(epoch * 1000).toISOString();

        form.addEventListener("submit", (event) => {
            event.preventDefault();
            show(field.value, true);
        });
        if (slider !== null) {
            slider.hidden = false;
            slider.addEventListener("input", () => {
                move(Number(slider.value));
                soon(utc(Number(slider.value)), false);
            });
            // A key moves it by a two-hundredth of the days; with Shift by a minute.
            slider.addEventListener("keydown", (event) => {
                const direction = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1 }[event.key];
                if (direction === undefined) {
                    return;
                }
                event.preventDefault();
                const step = event.shiftKey ? 60 : Math.max(60, Math.round((until - since) / 200));
                slider.value = Number(slider.value) + direction * step;
                slider.dispatchEvent(new Event("input"));
            });
        }
        if (plot !== null) {
            const at = (event) => {
                const box = plot.getBoundingClientRect();
                const share = Math.max(0, Math.min((event.clientX - box.left) / box.width, 1));
                return Math.round(since + share * (until - since));
            };
            const point = (event) => {
                const epoch = at(event);
                move(epoch);
                slider.value = epoch;
                soon(utc(epoch), false);
            };
            plot.addEventListener("pointerdown", point);
            plot.addEventListener("pointermove", (event) => {
                if (event.buttons === 1) {
                    point(event);
                }
            });
        }
        section.querySelectorAll("a[data-timeline-link]").forEach((link) => {
            const around = section.closest("[data-timeline-src]");
            if (around === null) {
                return;
            }
            link.addEventListener("click", (event) => {
                if (event.ctrlKey || event.metaKey || event.shiftKey) {
                    return;
                }
                event.preventDefault();
                load(around, link.href);
            });
        });
    };

    const load = async (around, address) => {
        let text;
        try {
            text = await ask(part(address, "section"));
        } catch {
            // The link and the form that are there lead to the page.
            return;
        }
        around.innerHTML = text;
        around.querySelectorAll("[data-timeline]").forEach(enliven);
    };

    document.addEventListener("DOMContentLoaded", () => {
        document.querySelectorAll("[data-timeline]").forEach(enliven);
        document.querySelectorAll("[data-timeline-src]").forEach((around) => {
            load(around, around.dataset.timelineSrc);
        });
    });
})();
