import { StatesError } from "./errors.ts";

const DELIMITERS: Record<string, string> = { COMMA: ",", PIPE: "|", SEMICOLON: ";", SPACE: " ", TAB: "\t" };

/** Rows of an RFC 4180 text as objects of header to string, as JSON texts. Missing cells are empty, extra ones dropped. */
export function* parseCsv(text: string, config: Record<string, unknown>, where: string): Iterable<string> {
  const delimiter = DELIMITERS[String(config.CSVDelimiter ?? "COMMA")];
  if (delimiter === undefined)
    throw new StatesError(
      "States.ItemReaderFailed",
      `CSVDelimiter is ${String(config.CSVDelimiter)}; allowed are ${Object.keys(DELIMITERS).join(", ")}.`,
    );
  let headers = config.CSVHeaderLocation === "GIVEN" ? (config.CSVHeaders as string[]) : undefined;
  for (const cells of records(text.startsWith("\uFEFF") ? text.slice(1) : text, delimiter, where)) {
    if (headers === undefined) headers = cells;
    else yield JSON.stringify(Object.fromEntries(headers.map((header, column) => [header, cells[column] ?? ""])));
  }
}

function* records(text: string, delimiter: string, where: string): Iterable<string[]> {
  let at = 0;
  let number = 0;
  while (at < text.length) {
    const cells: string[] = [];
    number++;
    for (;;) {
      if (text[at] === '"') {
        let cell = "";
        for (at++; ; ) {
          const quote = text.indexOf('"', at);
          if (quote < 0)
            throw new StatesError(
              "States.ItemReaderFailed",
              `${where} record ${number} has a quote that never closes.`,
            );
          cell += text.slice(at, quote);
          at = quote + 1;
          if (text[at] !== '"') break;
          cell += '"';
          at++;
        }
        cells.push(cell);
      } else {
        let end = at;
        while (end < text.length && text[end] !== delimiter && text[end] !== "\n" && text[end] !== "\r") end++;
        cells.push(text.slice(at, end));
        at = end;
      }
      if (text[at] !== delimiter) break;
      at++;
    }
    if (text[at] === "\r") at++;
    if (text[at] === "\n") at++;
    else if (at < text.length)
      throw new StatesError("States.ItemReaderFailed", `${where} record ${number} has text after a closing quote.`);
    if (cells.length > 1 || cells[0] !== "") yield cells;
  }
}
