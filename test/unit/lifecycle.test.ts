// How the parts of a server are stopped: by a drain, and after a start that failed.
import { expect, test } from 'bun:test'
import { createLifecycle } from '../../src/monitor/lifecycle.ts'
import { quiet } from '../databases.ts'

function opened() {
  const exited = Promise.withResolvers<number>()
  const { log, ring } = quiet()
  const lifecycle = createLifecycle(log, exited.resolve)
  const steps: string[] = []
  const step = (name: string) => () => void steps.push(name)
  lifecycle.onDrain('end the faults', step('end the faults'))
  for (const part of ['database', 'clicks', 'port']) lifecycle.onStop(`stop ${part}`, step(part))
  lifecycle.onDrain('wait for the balancer', step('wait for the balancer'))
  const messages = () => ring.read({ limit: 100 }).map(({ message }: any) => message)
  return { lifecycle, steps, exited: exited.promise, messages }
}

test('a drain runs its own steps in order, then stops what was opened last first, and exits with the code', async () => {
  const { lifecycle, steps, exited } = opened()
  lifecycle.ready()
  void lifecycle.drain(75, 'a reason')
  expect(lifecycle.phase()).toBe('draining')
  expect(await exited).toBe(75)
  expect(steps).toEqual(['end the faults', 'wait for the balancer', 'port', 'clicks', 'database'])
  expect(lifecycle.phase()).toBe('stopped')
})

test('a failed start stops the same parts in the same order, without the steps of a drain', async () => {
  const { lifecycle, steps } = opened()
  await lifecycle.abandon()
  expect(steps).toEqual(['port', 'clicks', 'database'])
})

test('a second drain stops nothing twice', async () => {
  const { lifecycle, steps, exited } = opened()
  await Promise.all([lifecycle.drain(0, 'one'), lifecycle.drain(1, 'two')])
  expect(await exited).toBe(0)
  expect(steps).toHaveLength(5)
})

test('a drain that may take long waits for nothing more once another one is in a hurry', async () => {
  const { lifecycle, steps, exited } = opened()
  lifecycle.onDrain('wait for clients', () => new Promise(() => {}))
  void lifecycle.drain(0, 'replaced', 600_000)
  await Bun.sleep(0)
  void lifecycle.drain(0, 'SIGTERM')
  expect(await exited).toBe(0)
  expect(steps).toHaveLength(5)
})

test('a stop that throws is logged, and the others still run', async () => {
  const { lifecycle, steps, messages } = opened()
  lifecycle.onStop('stop the broken one', () => {
    throw new Error('it is broken')
  })
  await lifecycle.drain(0, 'a reason')
  expect(steps.slice(-3)).toEqual(['port', 'clicks', 'database'])
  expect(messages()).toContain('a step of the shutdown failed')
})

test('each stop gets the time that is left, and never none', async () => {
  const { lifecycle } = opened()
  const left: number[] = []
  for (let n = 0; n < 3; n++) lifecycle.onStop(`stop ${n}`, (ms) => void left.push(ms))
  await lifecycle.drain(0, 'a reason')
  expect(left).toHaveLength(3)
  for (const ms of left) expect(ms).toBeWithin(100, 9_001)
})
