// What a primary process and its workers tell each other. Plain data: it passes between processes as JSON.

import type { Numbers } from '../telemetry/together.ts'

export type ToWorker =
  /** First of all. `listensFirst`: nobody else listens, so that it says that it is not ready, and does not refuse to speak. */
  | { readonly is: 'begin'; readonly number: number; readonly listensFirst: boolean }
  /** In order. `isReplaced`: others go on at the same address. */
  | { readonly is: 'end'; readonly drains: boolean; readonly isReplaced: boolean }
  | { readonly is: 'tell numbers'; readonly id: number }
  /** All that was dealt out to it before it left has reached it. */
  | { readonly is: 'has left' }
  /** null: there was none in time. */
  | { readonly is: 'text'; readonly id: number; readonly text: string | null }

export type ToPrimary =
  /** It hears, and may be asked for its numbers. */
  | { readonly is: 'opened' }
  | { readonly is: 'listening'; readonly url: string }
  | { readonly is: 'ready'; readonly isOpen: boolean }
  /** It takes no more connections: none is to be on its way to it when it ends. */
  | { readonly is: 'leaves' }
  /** Somebody sent it a signal: it is to be replaced, or all are to end. */
  | { readonly is: 'asked to end' }
  /** id 0: nobody asked, they are its last. */
  | { readonly is: 'numbers'; readonly id: number; readonly numbers: Numbers }
  | { readonly is: 'ask text'; readonly id: number }
