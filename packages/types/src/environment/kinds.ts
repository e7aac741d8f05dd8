// How is an environment variable declared: values, default, meaning, and the programs that read it?
import { type TArray, type TBoolean, type TInteger, type TString, type TUnsafe, Type } from 'typebox'

export type Program = 'controller' | 'router' | 'npm start' | 'deis-server'

type Documentation = {
  /** One line. */
  readonly description: string
  readonly programs: readonly Program[]
  readonly unit?: string
  /** The default in words, where it depends on something else. */
  readonly usually?: string
}

export type TextSetting = TString & Documentation & { readonly default: string }
export type IntegerSetting = TInteger &
  Documentation & { readonly default: number; readonly minimum: number; readonly maximum: number }
/** Not set: null. */
export type OptionalIntegerSetting = TInteger &
  Documentation & { readonly default: null; readonly minimum: number; readonly maximum: number }
export type FlagSetting = TBoolean & Documentation & { readonly default: boolean }
export type ChoiceSetting<T extends string = string> = TUnsafe<T> &
  Documentation & { readonly default: T; readonly enum: readonly T[] }
/** Items with commas between them. */
export type ListSetting = TArray<TString> & Documentation & { readonly default: readonly string[] }

export type Setting = TextSetting | IntegerSetting | OptionalIntegerSetting | FlagSetting | ChoiceSetting | ListSetting

export type Settings = Readonly<Record<string, Setting>>

export type Section = { readonly title: string; readonly settings: Settings }

type More = Partial<Pick<Documentation, 'unit' | 'usually' | 'programs'>>

/** The kinds of settings of one program. */
export function settingsOf(program: Program) {
  const documented = (description: string, more: More): Documentation => ({ description, programs: [program], ...more })
  return {
    text: (usual: string, description: string, more: More = {}) =>
      Type.String({ default: usual, ...documented(description, more) }) as TextSetting,
    integer: (usual: number, minimum: number, maximum: number, description: string, more: More = {}) =>
      Type.Integer({ default: usual, minimum, maximum, ...documented(description, more) }) as IntegerSetting,
    optionalInteger: (minimum: number, maximum: number, description: string, more: More = {}) =>
      Type.Integer({ default: null, minimum, maximum, ...documented(description, more) }) as OptionalIntegerSetting,
    flag: (usual: boolean, description: string, more: More = {}) =>
      Type.Boolean({ default: usual, ...documented(description, more) }) as FlagSetting,
    choice: <const T extends string>(usual: NoInfer<T>, allowed: readonly T[], description: string, more: More = {}) =>
      Type.Unsafe<T>({
        type: 'string',
        default: usual,
        enum: allowed,
        ...documented(description, more),
      }) as ChoiceSetting<T>,
    list: (usual: readonly string[], description: string, more: More = {}) =>
      Type.Array(Type.String(), { default: usual, ...documented(description, more) }) as ListSetting,
  }
}
