import { useMemo } from "react";
import { TimeChart, type ChartLine } from "@/components/charts/time-chart";
import type { SessionSeries } from "@/lib/api/types";
import { formatDuration, formatLatency, formatSi } from "@/lib/format";
import { trailingMean, windowFor } from "@/lib/trailing-mean";

interface Chart {
  title: string;
  lines: ChartLine[];
  format: (value: number) => string;
}

function chartsOf({ buckets, bucket_seconds }: SessionSeries): Chart[] {
  const window = windowFor(buckets.map((b) => b.accepted));
  const values = (name: Exclude<keyof (typeof buckets)[number], "t">) => buckets.map((b) => b[name]);
  return [
    { title: "Hashrate", format: (v) => formatSi(v, "H/s"), lines: [{ name: `mean of ${formatDuration(window * (bucket_seconds ?? 1))}`, colour: "--primary", kind: "line", values: trailingMean(values("hashrate"), window) }] },
    { title: "Difficulty", format: (v) => formatSi(v), lines: [{ name: "asked for", colour: "--up", kind: "steps", values: values("difficulty") }] },
    {
      title: "Latency",
      format: formatLatency,
      lines: [
        { name: "p90", colour: "--warn", kind: "line", values: values("latency_p90_ms") },
        { name: "p50", colour: "--good", kind: "line", values: values("latency_p50_ms") },
      ],
    },
    {
      title: "Shares",
      format: (v) => formatSi(v),
      lines: [
        // Bars are drawn over each other: all of them first, then those that were refused.
        { name: "accepted", colour: "--volume", kind: "bars", values: values("accepted") },
        { name: "rejected", colour: "--bad", kind: "bars", values: values("rejected") },
      ],
    },
  ];
}

export function SessionCharts({ series }: { series: SessionSeries }) {
  const times = useMemo(() => series.buckets.map((b) => Date.parse(b.t) / 1000), [series]);
  const charts = useMemo(() => chartsOf(series), [series]);
  return (
    <div className="grid gap-px border-b bg-border sm:grid-cols-2 xl:grid-cols-4">
      {charts.map((chart) => <TimeChart key={chart.title} times={times} group="session" {...chart} />)}
    </div>
  );
}
