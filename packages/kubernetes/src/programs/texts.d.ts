// As what are the programs in this folder imported? scripts/programs.mjs embeds them as texts.

declare module '*.sh' {
  const text: string
  export default text
}

declare module '*.ts?program' {
  const text: string
  export default text
}
