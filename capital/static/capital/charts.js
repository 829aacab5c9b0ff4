"use strict";

/* Charts of amounts. A canvas says what it shows in data-desk-chart, as JSON:
 *
 *   kind      "line" over days, "days": a standing bar for each, its series stacked, or "bars": one
 *             lying bar for each label
 *   labels    ISO dates of days, names of bars
 *   series    [{name, colour: 1 to 8, amounts: [text or null]}]: exact amounts as text
 *   currency  its code, which stands behind every number; "%" and nothing at all, too
 *   locale    of the reader
 *   marks     of a line [{day: place, kinds: [name], texts: [text]}]: what happened on a day
 *
 * Amounts become numbers here and nowhere earlier: a pixel is coarser than any of them. What is
 * written beside the pointer is the text. The table below each chart says the same.
 */
(() => {
    const charts = new Map();
    const DASHES = [[], [7, 4], [2, 3], [10, 3, 2, 3]];
    // The room above and below a line.
    const GRACE = "8%";
    // A part of the chart.
    const WIDEST_NAME = 0.35;

    const variable = (name) =>
        getComputedStyle(document.documentElement).getPropertyValue(name).trim();

    /** "1234567.50" as "1,234,567.50", digit by digit. */
    const grouped = (text) => {
        const [whole, fraction] = text.split(".");
        const head = whole.replace(/\B(?=(\d{3})+$)/g, ",");
        return fraction === undefined ? head : `${head}.${fraction}`;
    };

    const unit = (told) =>
        told.currency === "%" || told.currency === "" ? told.currency : ` ${told.currency}`;

    const written = (told, number) => `${number}${unit(told)}`;

    const short = (told) => {
        const compact = new Intl.NumberFormat(told.locale, {
            notation: "compact",
            maximumSignificantDigits: 6,
            // Korean counts in ten thousands: 1,650만.
            useGrouping: true,
        });
        return (value) => written(told, compact.format(value));
    };

    const clipped = (name) => (name.length > 22 ? `${name.slice(0, 21)}…` : name);

    /** A bar's name beside it: one that is wider than its room would lose what it begins with. */
    const fitting = (scale, name) => {
        const room = scale.chart.width * WIDEST_NAME;
        const context = scale.ctx;
        context.save();
        context.font = `${Chart.defaults.font.size}px ${Chart.defaults.font.family}`;
        let shown = name;
        while (shown.length > 2 && context.measureText(shown).width > room) {
            shown = `${shown.replace(/…$/, "").slice(0, -1)}…`;
        }
        context.restore();
        return shown;
    };

    const isAlone = (amounts, index) =>
        amounts[index] !== null &&
        (amounts[index - 1] ?? null) === null &&
        (amounts[index + 1] ?? null) === null;

    const dashOf = (told, position) =>
        told.kind === "line" ? DASHES[position % DASHES.length] : [];

    const datasets = (told) =>
        told.series.map((series, position) => {
            const colour = variable(`--desk-series-${series.colour}`);
            const shared = {
                label: series.name,
                data: series.amounts.map((text) => (text === null ? null : Number(text))),
                backgroundColor: colour,
                borderColor: colour,
            };
            if (told.kind !== "line") {
                return { ...shared, maxBarThickness: 22, borderRadius: 3, stack: "whole" };
            }
            const only = told.series.length === 1;
            return {
                ...shared,
                // Colour alone does not tell lines apart for everybody.
                borderDash: dashOf(told, position),
                borderWidth: 2,
                backgroundColor: only ? `${colour}22` : colour,
                // A part below zero hangs from it.
                fill: only ? (told.currency === "%" ? "origin" : "start") : false,
                pointBackgroundColor: colour,
                pointHoverRadius: 4,
                pointRadius: (context) => (isAlone(series.amounts, context.dataIndex) ? 3 : 0),
                spanGaps: false,
            };
        });

    const tooltip = (told) => {
        return {
            backgroundColor: "#111827",
            titleColor: "#f9fafb",
            bodyColor: "#f9fafb",
            boxPadding: 4,
            // A stack has parts that are nothing.
            filter: (item) => told.series[item.datasetIndex].amounts[item.dataIndex] !== null,
            callbacks: {
                title: ([first]) => (first === undefined ? "" : told.labels[first.dataIndex]),
                label: (item) => {
                    const series = told.series[item.datasetIndex];
                    const amount = written(told, grouped(series.amounts[item.dataIndex]));
                    return `${series.name}: ${amount}`;
                },
                afterBody: ([first]) =>
                    (told.marks ?? []).find((mark) => mark.day === first?.dataIndex)?.texts ?? [],
            },
        };
    };

    /* The shapes of timeline.css: colour alone does not tell marks apart for everybody. */
    const SHAPES = {
        money: [3, [[0, -5], [5, 4], [-5, 4]]],
        account: [6, null],
        basis: [7, [[-5, -4], [5, -4], [0, 5]]],
        jump: [5, [[0, -5], [1.5, -1.5], [5, 0], [1.5, 1.5], [0, 5], [-1.5, 1.5], [-5, 0], [-1.5, -1.5]]],
    };

    /** One mark around a point; a shape without corners is a ring. */
    const drawMark = (context, kind, x, y) => {
        const [colour, corners] = SHAPES[kind];
        context.beginPath();
        if (corners === null) {
            context.lineWidth = 2;
            context.strokeStyle = variable(`--desk-series-${colour}`);
            context.arc(x, y, 4, 0, 2 * Math.PI);
            context.stroke();
            return;
        }
        context.fillStyle = variable(`--desk-series-${colour}`);
        corners.forEach(([right, down]) => context.lineTo(x + right, y + down));
        context.fill();
    };

    /** Above the axis of each day that has marks, with a line up through the amounts. */
    const marksOf = (told) => ({
        id: "marks",
        afterDatasetsDraw(chart) {
            const { ctx: context, chartArea: area, scales } = chart;
            for (const mark of told.marks ?? []) {
                const x = scales.x.getPixelForValue(mark.day);
                context.save();
                context.setLineDash([2, 3]);
                context.strokeStyle = variable("--desk-muted");
                context.beginPath();
                context.moveTo(x, area.top);
                context.lineTo(x, area.bottom);
                context.stroke();
                context.setLineDash([]);
                mark.kinds.forEach((kind, place) =>
                    drawMark(context, kind, x, area.bottom - 7 - 13 * place),
                );
                context.restore();
            }
        },
    });

    /** Amounts that are never below zero have no axis below it, nor one above those that never are. */
    const boundsOf = (told) => {
        const numbers = told.series
            .flatMap((series) => series.amounts)
            .filter((text) => text !== null)
            .map(Number);
        const [least, most] = [Math.min(...numbers), Math.max(...numbers)];
        const room = (most - least) * (Number.parseFloat(GRACE) / 100);
        if (told.kind !== "line" || least === most) {
            return {};
        }
        return {
            ...(least >= 0 && least < room ? { min: 0 } : {}),
            ...(most <= 0 && -most < room ? { max: 0 } : {}),
        };
    };

    const axes = (told) => {
        const ticks = { color: variable("--desk-muted") };
        const lines = variable("--desk-line");
        const amounts = {
            beginAtZero: told.kind !== "line",
            stacked: told.kind !== "line",
            border: { display: false },
            grid: { color: lines },
            ticks: {
                ...ticks,
                autoSkipPadding: 20,
                callback: short(told),
                maxRotation: 0,
                maxTicksLimit: 5,
            },
            // A flat line lies in the middle, and not on the edge.
            grace: told.kind === "line" ? GRACE : 0,
            ...boundsOf(told),
        };
        if (told.kind === "bars") {
            const names = {
                stacked: true,
                border: { color: lines },
                grid: { display: false },
                ticks: {
                    ...ticks,
                    autoSkip: false,
                    callback(index) {
                        return fitting(this, clipped(this.getLabelForValue(index)));
                    },
                },
            };
            return { x: amounts, y: names };
        }
        const days = {
            stacked: told.kind === "days",
            border: { color: lines },
            grid: { display: false },
            ticks: {
                ...ticks,
                maxTicksLimit: 7,
                maxRotation: 0,
                callback(index) {
                    // Month and day of 2026-11-26.
                    return told.labels[index].slice(5);
                },
            },
        };
        return { x: days, y: amounts };
    };

    const draw = (canvas) => {
        charts.get(canvas)?.destroy();
        const told = JSON.parse(canvas.dataset.deskChart);
        charts.set(
            canvas,
            new Chart(canvas, {
                type: told.kind === "line" ? "line" : "bar",
                data: { labels: told.labels, datasets: datasets(told) },
                plugins: [marksOf(told)],
                options: {
                    animation: false,
                    indexAxis: told.kind === "bars" ? "y" : "x",
                    interaction: {
                        axis: told.kind === "bars" ? "y" : "x",
                        intersect: false,
                        mode: "index",
                    },
                    locale: told.locale,
                    maintainAspectRatio: false,
                    plugins: {
                        legend: {
                            display: told.series.length > 1,
                            position: "bottom",
                            labels: {
                                boxHeight: 8,
                                boxWidth: told.kind === "line" ? 28 : 8,
                                usePointStyle: told.kind === "line",
                                pointStyle: "line",
                                pointStyleWidth: 28,
                                color: variable("--desk-muted"),
                                generateLabels: (chart) =>
                                    Chart.defaults.plugins.legend.labels
                                        .generateLabels(chart)
                                        .map((label) => ({
                                            ...label,
                                            lineDash: dashOf(told, label.datasetIndex),
                                            text: clipped(label.text),
                                        })),
                            },
                        },
                        tooltip: tooltip(told),
                    },
                    responsive: true,
                    scales: axes(told),
                },
            }),
        );
    };

    const canvases = () => document.querySelectorAll("canvas[data-desk-chart]");

    /** What came with a part that was replaced; what went with it is forgotten. */
    const drawNew = () => {
        for (const [canvas, chart] of charts) {
            if (!canvas.isConnected) {
                chart.destroy();
                charts.delete(canvas);
            }
        }
        for (const canvas of canvases()) {
            if (!charts.has(canvas)) {
                draw(canvas);
            }
        }
    };

    const drawAll = () => {
        Chart.defaults.font.family = "Inter, sans-serif";
        Chart.defaults.font.size = 12;
        canvases().forEach(draw);
        // A canvas does not wait for the font that it names; a chart keeps the widths that it measured.
        document.fonts.load("12px Inter").then(() => canvases().forEach(draw));
        // The theme was switched: the colours are others now.
        new MutationObserver(() => canvases().forEach(draw)).observe(document.documentElement, {
            attributeFilter: ["class"],
        });
    };

    document.addEventListener("DOMContentLoaded", drawAll);
    document.addEventListener("desk:swapped", drawNew);
})();
