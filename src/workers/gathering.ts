// Asks all workers for their numbers, waits for them for a while, and makes one text of what there is.

import type { Clock } from '../host.ts'
import { Together, type Numbers } from '../telemetry/together.ts'
import { NUMBERS_MS_MAX } from './limits.ts'
import type { Member } from './member.ts'

interface Question {
  readonly unanswered: Set<Member>
  readonly answered: Set<Member>
  readonly over: () => void
}

export class Gathering {
  readonly #clock: Clock
  readonly #own: () => Promise<Numbers>
  readonly #together = new Together<Member>()
  readonly #questions = new Map<number, Question>()
  #lastId = 0

  /** @param own the numbers of the primary */
  constructor(clock: Clock, own: () => Promise<Numbers>) {
    this.#clock = clock
    this.#own = own
  }

  /** As Prometheus reads it. Of who does not answer in time, what it had counted when it last did. */
  async text(members: readonly Member[]): Promise<string> {
    const id = ++this.#lastId
    const asked = members.filter(({ isOpened }) => isOpened)
    const answered = new Set<Member>()
    await new Promise<void>((resolve) => {
      const cancel = this.#clock.after(NUMBERS_MS_MAX, resolve)
      const over = () => {
        cancel()
        resolve()
      }
      this.#questions.set(id, { unanswered: new Set(asked), answered, over })
      for (const { process } of asked) process.tell({ is: 'tell numbers', id })
      if (asked.length === 0) over()
    })
    this.#questions.delete(id)
    const own = await this.#own()
    return this.#together.text(own, (member) => (answered.has(member) ? String(member.number) : null))
  }

  hear(member: Member, id: number, numbers: Numbers): void {
    this.#together.hear(member, numbers)
    const question = this.#questions.get(id)
    question?.answered.add(member)
    this.#strike(member, question)
  }

  /** Nothing more will be heard of it. */
  bury(member: Member): void {
    this.#together.bury(member)
    for (const question of this.#questions.values()) this.#strike(member, question)
  }

  #strike(member: Member, question: Question | undefined): void {
    question?.unanswered.delete(member)
    if (question?.unanswered.size === 0) question.over()
  }
}
