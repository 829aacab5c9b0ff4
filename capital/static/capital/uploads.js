"use strict";

/* A file is sent compressed: a request may have a megabyte, and tables shrink to a tenth.
 *
 * A form with data-upload, its file input with data-most-sent (bytes), and what to say of a file
 * that is larger even so (data-too-large). Without this script, the file is sent as it is.
 */
(() => {
    const SMALL = 64 * 1024;

    const packed = async (file) => {
        if (file.size <= SMALL || !window.CompressionStream) {
            return file;
        }
        const stream = file.stream().pipeThrough(new CompressionStream("gzip"));
        const blob = await new Response(stream).blob();
        return blob.size < file.size ? new File([blob], file.name) : file;
    };

    const prepare = async (form, input) => {
        const problem = form.querySelector("[data-upload-problem]");
        const buttons = form.querySelectorAll("[type=submit]");
        const [file] = input.files;
        problem.hidden = true;
        input.setCustomValidity("");
        if (!file) {
            return;
        }
        buttons.forEach((button) => { button.disabled = true; });
        try {
            const sent = await packed(file);
            if (input.files[0] !== file) {
                // Another one was chosen meanwhile.
                return;
            }
            if (sent.size > Number(input.dataset.mostSent)) {
                problem.textContent = form.dataset.tooLarge;
                problem.hidden = false;
                input.setCustomValidity(form.dataset.tooLarge);
            } else if (sent !== file) {
                const transfer = new DataTransfer();
                transfer.items.add(sent);
                input.files = transfer.files;
            }
        } finally {
            buttons.forEach((button) => { button.disabled = false; });
        }
    };

    for (const form of document.querySelectorAll("form[data-upload]")) {
        const input = form.querySelector("input[type=file]");
        input.addEventListener("change", () => prepare(form, input));
    }
})();
