import { rowOf } from "./worker-models.ts";

/** Class index of an answer that says "cannot tell". */
export const CANNOT_TELL = -1;

/** Answers as three parallel columns; any order. `label` is a class index or CANNOT_TELL. */
export interface AnswerColumns {
  classes: number;
  tasks: number;
  workers: number;
  task: Int32Array;
  worker: Int32Array;
  label: Int32Array;
}

/** The same answers grouped by task: those of task t stand at start[t] .. start[t + 1] - 1, in the order they came. */
export interface GroupedAnswers {
  start: Int32Array;
  /** Where the worker table's row of the answer's (worker, column) begins. */
  place: Int32Array;
  /** Column of the confusion matrix: the class, or `classes` for "cannot tell". */
  column: Int32Array;
}

/** Refuses columns of different lengths and indices out of range, naming the first bad one (RangeError). */
export function checkAnswers({ classes, tasks, workers, task, worker, label }: AnswerColumns): void {
  if (!Number.isInteger(classes) || classes < 2) throw new RangeError(`${classes} classes: consensus needs at least 2`);
  if (worker.length !== task.length || label.length !== task.length) {
    throw new RangeError(
      `columns of ${task.length} tasks, ${worker.length} workers, ${label.length} labels: expected equal lengths`,
    );
  }
  for (let i = 0; i < task.length; i++) {
    if (task[i]! < 0 || task[i]! >= tasks)
      throw new RangeError(`answer ${i}: task ${task[i]} is not one of 0..${tasks - 1}`);
    if (worker[i]! < 0 || worker[i]! >= workers)
      throw new RangeError(`answer ${i}: worker ${worker[i]} is not one of 0..${workers - 1}`);
    if (label[i]! < CANNOT_TELL || label[i]! >= classes) {
      throw new RangeError(
        `answer ${i}: label ${label[i]} is not one of 0..${classes - 1}, or ${CANNOT_TELL} for "cannot tell"`,
      );
    }
  }
}

/** Groups by task in O(answers), stably: the same answers in the same order always sum in the same order. */
export function groupByTask({ classes, tasks, task, worker, label }: AnswerColumns): GroupedAnswers {
  const start = new Int32Array(tasks + 1);
  for (let i = 0; i < task.length; i++) start[task[i]! + 1]!++;
  for (let t = 0; t < tasks; t++) start[t + 1] = start[t + 1]! + start[t]!;
  const next = start.slice(0, tasks);
  const grouped = { start, place: new Int32Array(task.length), column: new Int32Array(task.length) };
  for (let i = 0; i < task.length; i++) {
    const at = next[task[i]!]!++;
    const column = label[i] === CANNOT_TELL ? classes : label[i]!;
    grouped.column[at] = column;
    grouped.place[at] = rowOf(classes, worker[i]!, column);
  }
  return grouped;
}
