/**
 * Processor time of this process, in milliseconds: bounds work that must not grow without end,
 * however busy the machine is. How fast something is, is measured in bench/.
 */
export function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}
