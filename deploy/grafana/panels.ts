// The pieces that Grafana's dashboards are made of: one way to draw a figure, so that all of them look alike.

/** What Grafana calls a unit: req/s, seconds, a share of 1, bytes, a plain number. */
type Unit = 'reqps' | 's' | 'percentunit' | 'bytes' | 'short' | 'none' | 'cps'

export type Query = { expr: string; legend?: string }
export type Panel = Record<string, unknown> & { gridPos: { w: number; h: number } }
type Look = { unit: Unit; help?: string; width?: number; limit?: number; stack?: boolean }

const METRICS = { type: 'prometheus', uid: 'prometheus' }
const LOGS = { type: 'loki', uid: 'loki' }
const HEIGHT = 8

/** A chart over time, from zero; `limit` is drawn as a line, above which it is bad. */
export function chart(title: string, queries: Query[], { unit, help, width = 8, limit, stack = false }: Look): Panel {
  const thresholds = limit !== undefined && { thresholdsStyle: { mode: 'line' } }
  return {
    type: 'timeseries',
    title,
    description: help,
    datasource: METRICS,
    gridPos: { w: width, h: HEIGHT },
    targets: queries.map(target),
    fieldConfig: {
      defaults: {
        unit,
        min: 0,
        custom: { lineWidth: 1, fillOpacity: stack ? 20 : 5, stacking: { mode: stack ? 'normal' : 'none' }, ...thresholds },
        ...(limit !== undefined && { thresholds: steps(limit) }),
      },
      overrides: [],
    },
    options: { legend: { displayMode: 'list', placement: 'bottom' }, tooltip: { mode: 'multi', sort: 'desc' } },
  }
}

/** One figure, red above `limit`. */
export function figure(title: string, expr: string, { unit, help, width = 4, limit }: Look): Panel {
  return {
    type: 'stat',
    title,
    description: help,
    datasource: METRICS,
    gridPos: { w: width, h: 4 },
    targets: [target({ expr }, 0)],
    fieldConfig: {
      defaults: {
        unit,
        color: { mode: limit === undefined ? 'fixed' : 'thresholds', fixedColor: 'text' },
        thresholds: steps(limit),
      },
      overrides: [],
    },
    options: { reduceOptions: { calcs: ['lastNotNull'] }, graphMode: 'area', colorMode: 'value' },
  }
}

/** The last values as a table, a row a series. */
export function table(title: string, expr: string, columns: string[], width = 24): Panel {
  return {
    type: 'table',
    title,
    datasource: METRICS,
    gridPos: { w: width, h: HEIGHT },
    targets: [{ ...target({ expr }, 0), instant: true, range: false, format: 'table' }],
    transformations: [{ id: 'filterFieldsByName', options: { include: { names: columns } } }],
    fieldConfig: { defaults: {}, overrides: [] },
  }
}

/** Log lines, or with a counting expression a chart of them; of Loki. */
export function logs(title: string, expr: string, { width = 24, counted = false } = {}): Panel {
  return {
    type: counted ? 'timeseries' : 'logs',
    title,
    datasource: LOGS,
    gridPos: { w: width, h: counted ? HEIGHT : 16 },
    targets: [{ refId: 'A', datasource: LOGS, expr, ...(counted && { legendFormat: '__auto' }) }],
    ...(counted
      ? { fieldConfig: { defaults: { unit: 'cps', min: 0 }, overrides: [] } }
      : { options: { showTime: true, wrapLogMessage: true, sortOrder: 'Descending', enableLogDetails: true } }),
  }
}

/** A heading, and below it its panels from left to right, as many in a line as fit. */
export type Row = { title: string; panels: Panel[] }

/** A dashboard of rows, for all replicas or some of them. */
export function dashboard(
  uid: string,
  title: string,
  description: string,
  rows: Row[],
  source: 'prometheus' | 'loki' = 'prometheus',
) {
  let id = 0
  let y = 0
  const panels: Record<string, unknown>[] = []
  for (const row of rows) {
    panels.push({ id: ++id, type: 'row', title: row.title, collapsed: false, gridPos: { x: 0, y: y++, w: 24, h: 1 }, panels: [] })
    let x = 0
    let height = 0
    for (const panel of row.panels) {
      const { w, h } = panel.gridPos
      if (x + w > 24) {
        y += height
        x = height = 0
      }
      panels.push({ id: ++id, ...panel, gridPos: { x, y, w, h } })
      x += w
      height = Math.max(height, h)
    }
    y += height
  }
  return {
    uid: `waypost-${uid}`,
    title: `Waypost: ${title}`,
    description,
    tags: ['waypost'],
    timezone: 'browser',
    editable: true,
    graphTooltip: 1, // one cursor for all charts
    refresh: '5s',
    schemaVersion: 41,
    version: 1,
    time: { from: 'now-30m', to: 'now' },
    links: [{ type: 'dashboards', title: 'Waypost', tags: ['waypost'], asDropdown: false, keepTime: true, includeVars: true }],
    templating: { list: source === 'loki' ? [] : [REPLICAS] },
    annotations: { list: source === 'loki' ? [] : [ALERTS] },
    panels,
  }
}

const REPLICAS = {
  name: 'instance',
  label: 'Replica',
  type: 'query',
  datasource: METRICS,
  definition: 'label_values(up{job="waypost"}, instance)',
  query: { query: 'label_values(up{job="waypost"}, instance)', refId: 'A' },
  refresh: 2,
  includeAll: true,
  allValue: '.*',
  multi: true,
  sort: 1,
  current: { text: ['All'], value: ['$__all'] },
}

const ALERTS = {
  name: 'Alerts',
  datasource: METRICS,
  enable: true,
  expr: 'ALERTS{alertstate="firing"}',
  titleFormat: '{{alertname}}',
  textFormat: '{{instance}}',
  iconColor: 'red',
  step: '15s',
}

const target = ({ expr, legend }: Query, index: number) => ({
  refId: String.fromCharCode(65 + index),
  datasource: METRICS,
  expr,
  legendFormat: legend ?? '__auto',
})

const steps = (limit?: number) => ({
  mode: 'absolute',
  steps: [{ color: 'green', value: null }, ...(limit === undefined ? [] : [{ color: 'red', value: limit }])],
})
