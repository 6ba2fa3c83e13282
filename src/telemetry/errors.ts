// What of an error may stand in a log: its kind, its codes and its place. Never its text, nor what a driver has hung on it:
// both quote what was being written. Our own messages are the exception, and those of a Fault the only ones.

/** An error may be its own cause. */
const CAUSES_MAX = 5
/** Of an AggregateError: one for each address of a host that was tried, for instance. */
const ERRORS_MAX = 5

const WORD = /^\w{1,64}$/
/** As V8 draws a frame: a message over several lines may look like one until its end. */
const FRAME = /^ {4}at (?:(?:async |new )?[\w$.<>#[\] ]+ \()?(?:file:|node:|\/|[A-Z]:\\).*:\d+:\d+\)?$/

/** Kind and place of whatever was thrown, and of what lies below. */
export function traceOf(error: unknown): object {
  return trace(error, CAUSES_MAX)
}

function trace(error: unknown, causesMax: number): object {
  // Drivers give plain objects, too.
  if (!(error instanceof Error)) return { name: typeof error, ...codesOf(error) }
  const { cause } = error
  const errors: unknown[] = error instanceof AggregateError ? error.errors.slice(0, ERRORS_MAX) : []
  return {
    name: nameOf(error),
    ...codesOf(error),
    at: framesOf(error),
    ...(causesMax > 0 && cause !== undefined && { cause: trace(cause, causesMax - 1) }),
    ...(causesMax > 0 && errors.length > 0 && { errors: errors.map((one) => trace(one, causesMax - 1)) }),
  }
}

/** Of a Fault: its message, which is ours and says nothing of the caller; of what lies below, kind and codes. */
export function causeOf(error: unknown): object {
  if (!(error instanceof Error)) return {}
  const { cause } = error
  const below = cause instanceof Error ? { name: nameOf(cause) } : {}
  return { message: error.message, ...below, ...codesOf(cause) }
}

function nameOf(error: Error): string {
  return WORD.test(error.name) ? error.name : 'Error'
}

function codesOf(error: unknown): object {
  const { code, errno, errcode } = (error ?? {}) as { code?: unknown; errno?: unknown; errcode?: unknown }
  return {
    ...(typeof code === 'string' && WORD.test(code) && { code }),
    ...(typeof errno === 'number' && { errno }),
    ...(typeof errcode === 'number' && { errcode }),
  }
}

/** The stack begins with the message as it was when the error was made. */
function framesOf({ message, stack = '' }: Error): string[] {
  const isBehindMessage = message !== '' && stack.includes(message)
  const frames = isBehindMessage ? stack.slice(stack.indexOf(message) + message.length) : stack
  return frames.split('\n').filter((line) => FRAME.test(line))
}
