// A process's end of the channel to its supervisor.
import type { FromProcess, ToProcess } from './messages.ts'

/**
 * Passes the supervisor's messages to `heard`, and calls `orphaned` when the supervisor is dead, however it ended: the kernel closes the channel.
 * Returns how to send.
 */
export function openChannel(heard: (message: ToProcess) => void, orphaned: () => void): (message: FromProcess) => void {
  if (!process.send) throw new Error('this command is for the supervisor: use waypost serve --processes 2')
  process.on('message', heard)
  process.on('disconnect', orphaned)
  return (message) => {
    if (process.connected) process.send!(message)
  }
}
