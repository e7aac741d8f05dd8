// How is a person asked before something changes?
import { useLayoutEffect, useRef } from 'preact/hooks'

export type Question = { readonly title: string; readonly text: string; readonly yes: string; readonly act: () => void }

/** A dialogue of the browser's own: it keeps the focus, and Escape says no. */
export function Confirm({ question, close }: { readonly question: Question | null; readonly close: () => void }) {
  const dialog = useRef<HTMLDialogElement>(null)
  useLayoutEffect(() => {
    if (question !== null && dialog.current?.open === false) dialog.current.showModal()
    if (question === null) dialog.current?.close()
  }, [question])
  return (
    <dialog ref={dialog} aria-labelledby="question" onClose={close}>
      {question && (
        <>
          <h2 id="question">{question.title}</h2>
          <p>{question.text}</p>
          <div class="buttons">
            <button type="button" onClick={close}>
              Cancel
            </button>
            <button
              type="button"
              class="primary"
              onClick={() => {
                close()
                question.act()
              }}
            >
              {question.yes}
            </button>
          </div>
        </>
      )}
    </dialog>
  )
}
