// Times under a curve in figures alone, by a clock of 24 hours: the same in every language.
// Rows as uPlot takes them: span of a tick [s], its words, and what is added where year, month, day, hour, minute or
// second turn; 1 = added below.
const year = "\n{YYYY}", date = "\n{M}/{D}", both = "\n{YYYY}/{M}/{D}", minute = "\n{M}/{D} {HH}:{mm}";
export const timeAxis = [
  [31536000, "{YYYY}", null, null, null, null, null, null, 1],
  [2419200, "{YYYY}-{MM}", null, null, null, null, null, null, 1],
  [86400, "{M}/{D}", year, null, null, null, null, null, 1],
  [3600, "{HH}:{mm}", both, null, date, null, null, null, 1],
  [60, "{HH}:{mm}", both, null, date, null, null, null, 1],
  [1, ":{ss}", minute, null, minute, null, "\n{HH}:{mm}", null, 1],
];
