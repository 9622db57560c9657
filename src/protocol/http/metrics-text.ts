/** Families of metrics in Prometheus's text format 0.0.4: each once, with HELP and TYPE in front of its samples. */
export type Labels = Readonly<Record<string, string | number>>;
export type Sample = readonly [labels: Labels, value: number | undefined];

export class MetricsText {
  text = "";

  counter(name: string, help: string, samples: readonly Sample[]): void {
    this.#simple(`${name}_total`, "counter", help, samples);
  }

  gauge(name: string, help: string, samples: readonly Sample[]): void {
    this.#simple(name, "gauge", help, samples);
  }

  /** `cumulative` has one number more than `bounds`: all. */
  histogram(name: string, help: string, series: readonly HistogramSeries[]): void {
    if (series.length === 0) return;
    this.#head(name, "histogram", help);
    for (const { labels, bounds, cumulative, sum } of series) {
      for (const [i, bound] of bounds.entries()) {
        this.#sample(`${name}_bucket`, { ...labels, le: String(bound) }, cumulative[i] ?? 0);
      }
      const count = cumulative[bounds.length] ?? 0;
      this.#sample(`${name}_bucket`, { ...labels, le: "+Inf" }, count);
      this.#sample(`${name}_sum`, labels, sum);
      this.#sample(`${name}_count`, labels, count);
    }
  }

  #simple(name: string, type: string, help: string, samples: readonly Sample[]): void {
    if (samples.every(([, value]) => value === undefined)) return;
    this.#head(name, type, help);
    for (const [labels, value] of samples) if (value !== undefined) this.#sample(name, labels, value);
  }

  #head(name: string, type: string, help: string): void {
    this.text += `# HELP ${name} ${help.replaceAll("\\", "\\\\").replaceAll("\n", "\\n")}\n# TYPE ${name} ${type}\n`;
  }

  #sample(name: string, labels: Labels, value: number): void {
    const pairs = Object.entries(labels).map(([label, text]) => `${label}="${escapeLabel(String(text))}"`);
    this.text += `${name}${pairs.length === 0 ? "" : `{${pairs.join(",")}}`} ${value}\n`;
  }
}

export interface HistogramSeries {
  readonly labels: Labels;
  readonly bounds: readonly number[];
  readonly cumulative: readonly number[];
  readonly sum: number;
}

function escapeLabel(value: string): string {
  return value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}

/** One sample without labels. */
export function only(value: number | undefined): readonly Sample[] {
  return [[{}, value]];
}

/** One sample for each member of a record, under one label. */
export function each(label: string, values: Readonly<Record<string, number>>): readonly Sample[] {
  return Object.entries(values).map(([name, value]) => [{ [label]: name }, value]);
}
